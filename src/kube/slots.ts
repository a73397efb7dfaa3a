/**
 * A counted number of places with a bounded, fair queue before them: streams of one connection. A place that is given back goes
 * straight to who waits longest, so that a newcomer cannot overtake.
 */
export class Slots {
  #free: number;
  readonly #maxWaiting: number;
  #closed = false;
  readonly #waiting = new Set<(outcome: SlotOutcome) => void>();

  constructor(size: number, maxWaiting: number) {
    this.#free = size;
    this.#maxWaiting = maxWaiting;
  }

  /** How many wait now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Takes a place without waiting, if there is one. */
  tryTake(): boolean {
    if (this.#closed || this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  /** Waits for a place. Anything but `taken` means that none was taken. */
  take(signal: AbortSignal): Promise<SlotOutcome> {
    if (this.#closed) return Promise.resolve('closed');
    if (signal.aborted) return Promise.resolve('aborted');
    if (this.tryTake()) return Promise.resolve('taken');
    if (this.#waiting.size >= this.#maxWaiting) return Promise.resolve('full');
    return new Promise((resolve) => {
      const settle = (outcome: SlotOutcome) => {
        signal.removeEventListener('abort', abort);
        this.#waiting.delete(settle);
        resolve(outcome);
      };
      const abort = () => settle('aborted');
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.add(settle);
    });
  }

  give(): void {
    const [longest] = this.#waiting;
    if (longest === undefined) this.#free += 1;
    else longest('taken');
  }

  /** Sends all that wait away: the connection is no more. */
  close(): void {
    this.#closed = true;
    for (const settle of this.#waiting) settle('closed');
  }
}

/** How waiting for a place ended. */
export type SlotOutcome = 'taken' | 'aborted' | 'full' | 'closed';
