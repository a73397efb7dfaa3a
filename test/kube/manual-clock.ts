import type { Clock } from '../../src/kube/clock.ts';

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly action: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  after(ms: number, action: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass; what waits for a timer runs before the next one is due. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#nextBefore(untilMs); next !== undefined; next = this.#nextBefore(untilMs)) {
      this.#nowMs = next.atMs;
      this.#timers.delete(next);
      next.action();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  #nextBefore(untilMs: number) {
    return [...this.#timers].filter(({ atMs }) => atMs <= untilMs).toSorted((one, other) => one.atMs - other.atMs)[0];
  }
}

/** Lets every promise that can go on go on. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
