import type { Clock } from './clock.ts';
import { isWrite, KubeError, type KubeErrorReason } from './errors.ts';

/** Why a request was given up before its answer. */
type GivenUp = 'NoAnswer' | 'Aborted';

/** The life of one request: its time, and whoever may call it off. `end` must be called. */
export class RequestScope {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #cancelTimer: () => void;
  readonly #deadlineMs: number;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #givenUp: GivenUp = 'Aborted';

  constructor(clock: Clock, timeoutMs: number, outer: AbortSignal | undefined) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#deadlineMs = clock.now() + timeoutMs;
    this.#outer = outer;
    this.#cancelTimer = clock.after(timeoutMs, () => this.#giveUp('NoAnswer'));
    if (outer?.aborted) this.#abort();
    else outer?.addEventListener('abort', this.#abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get remainingMs(): number {
    return this.#deadlineMs - this.#clock.now();
  }

  /** From here on no time runs: a watch whose answer has begun. */
  stopClock(): void {
    this.#cancelTimer();
  }

  end(): void {
    this.#cancelTimer();
    this.#outer?.removeEventListener('abort', this.#abort);
  }

  /** What to throw when the signal was aborted. `sent`: the server may have seen the request. */
  error(method: string, path: string, sent: boolean): KubeError {
    const reason: KubeErrorReason = this.#givenUp;
    return new KubeError({
      message: `${method} ${path}: ${reason === 'NoAnswer' ? `no answer within ${this.#timeoutMs} ms` : 'called off'}`,
      reason,
      retryable: reason === 'NoAnswer',
      mayHaveLanded: sent && isWrite(method),
    });
  }

  readonly #abort = (): void => this.#giveUp('Aborted');

  #giveUp(why: GivenUp): void {
    if (this.signal.aborted) return;
    this.#givenUp = why;
    this.#controller.abort();
  }
}
