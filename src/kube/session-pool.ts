import { type Clock, sleep } from './clock.ts';
import type { Endpoint } from './credentials.ts';
import { KubeError } from './errors.ts';
import type { RequestScope } from './scope.ts';
import { Session, type SessionBounds } from './session.ts';

/** What a request is called in errors. */
interface Named {
  readonly method: string;
  readonly path: string;
}

/** How long `close` waits for requests under way. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * Keeps one connection: opened by whoever needs it first, for all at once, and opened anew when it is no longer good. While a peer goes away
 * gracefully, the old one lives on beside it until its last request is answered.
 */
export class SessionPool {
  readonly #endpoint: Endpoint;
  readonly #bounds: SessionBounds;
  readonly #clock: Clock;
  readonly #sessions = new Set<Session>();
  #current: Session | undefined;
  #opening: Promise<Session> | undefined;
  #closed = false;
  #opened = 0;

  constructor(endpoint: Endpoint, bounds: SessionBounds, clock: Clock) {
    this.#endpoint = endpoint;
    this.#bounds = bounds;
    this.#clock = clock;
  }

  /** How many connections have been opened so far. */
  get opened(): number {
    return this.#opened;
  }

  get connected(): boolean {
    return this.#current?.accepting ?? false;
  }

  get waiting(): number {
    return this.#current?.slots.waiting ?? 0;
  }

  /**
   * A connection with a stream's slot taken: open a stream or give the slot back.
   *
   * @throws KubeError `Unreachable`, `Refused` (the connection ended while we waited), `Overloaded`, or the scope's own.
   */
  async acquire(request: Named, scope: RequestScope): Promise<Session> {
    if (scope.signal.aborted) throw scope.error(request.method, request.path, false);
    const session = this.#good() ?? (await abortable(this.#connect(), scope, request));
    if (session.slots.tryTake()) return session;
    const outcome = await session.slots.take(scope.signal);
    if (outcome === 'taken') return session;
    if (outcome === 'aborted') throw scope.error(request.method, request.path, false);
    throw notSent(request, outcome === 'full' ? 'Overloaded' : 'Refused');
  }

  /** Ends streams, lets requests under way finish for a moment, then closes. */
  async close(): Promise<void> {
    this.#closed = true;
    const sessions = [...this.#sessions];
    for (const session of sessions) session.close();
    const patience = new AbortController();
    await Promise.race([
      Promise.all(sessions.map((session) => session.ended())),
      sleep(this.#clock, CLOSE_TIMEOUT_MS, patience.signal),
    ]);
    patience.abort();
    for (const session of this.#sessions) session.destroy(new Error('closed'));
  }

  #good(): Session | undefined {
    return this.#current?.accepting ? this.#current : undefined;
  }

  #connect(): Promise<Session> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<Session> {
    if (this.#closed) throw closedError();
    const session = await this.#openSession();
    this.#opened += 1;
    this.#sessions.add(session);
    void session.ended().then(() => this.#sessions.delete(session));
    if (this.#closed) {
      session.destroy(new Error('closed'));
      throw closedError();
    }
    this.#current = session;
    return session;
  }

  async #openSession(): Promise<Session> {
    const { server } = this.#endpoint;
    const tls = await this.#endpoint.tls();
    try {
      return await Session.open(server, tls, this.#bounds, this.#clock);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new KubeError({
        message: `cannot connect to ${server.origin}: ${why}`,
        reason: 'Unreachable',
        retryable: true,
        mayHaveLanded: false,
        cause,
      });
    }
  }
}

function closedError(): KubeError {
  return new KubeError({
    message: 'the connection was closed by us',
    reason: 'Aborted',
    retryable: false,
    mayHaveLanded: false,
  });
}

/** A request that never left: whoever sent it may send it again. */
export function notSent({ method, path }: Named, reason: 'Overloaded' | 'Refused', cause?: unknown): KubeError {
  const why = reason === 'Overloaded' ? 'too many requests wait already' : 'the connection ended before it was sent';
  return new KubeError({ message: `${method} ${path}: ${why}`, reason, retryable: true, mayHaveLanded: false, cause });
}

/** Waits for a connection as long as the request lives; the connection itself is opened for the others, too. */
function abortable<T>(promise: Promise<T>, scope: RequestScope, request: Named): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(scope.error(request.method, request.path, false));
    scope.signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => scope.signal.removeEventListener('abort', abort));
  });
}
