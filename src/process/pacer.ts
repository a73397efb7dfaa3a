/** Spaces out tries at the same thing while they fail, so that nothing is asked in a tight loop. */
import { Backoff } from '../kube/backoff.ts';
import { type Clock, type Random, sleep } from '../kube/clock.ts';

const BOUNDS = { firstMs: 100, maxMs: 15_000 };

export class Pacer {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #signal: AbortSignal;
  readonly #failing = new Map<string, Backoff>();

  constructor(clock: Clock, random: Random, signal: AbortSignal) {
    this.#clock = clock;
    this.#random = random;
    this.#signal = signal;
  }

  succeeded(key: string): void {
    this.#failing.delete(key);
  }

  /** Resolves when it is time for another try, or when all is over. */
  failed(key: string): Promise<void> {
    const backoff = this.#failing.get(key) ?? new Backoff(BOUNDS, this.#random);
    this.#failing.set(key, backoff);
    return sleep(this.#clock, backoff.next(), this.#signal);
  }
}
