import type { Random } from './clock.ts';

/** How long to wait between attempts. */
export interface BackoffBounds {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Exponential waiting times with jitter: between half and all of first, 2 x first, 4 x first, ... up to the maximum. */
export class Backoff {
  readonly #bounds: BackoffBounds;
  readonly #random: Random;
  #failures = 0;

  constructor(bounds: BackoffBounds, random: Random) {
    this.#bounds = bounds;
    this.#random = random;
  }

  /** The time to wait after one more failure. */
  next(): number {
    const fullMs = Math.min(this.#bounds.maxMs, this.#bounds.firstMs * 2 ** this.#failures);
    if (fullMs < this.#bounds.maxMs) this.#failures += 1;
    return fullMs * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
