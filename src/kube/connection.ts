import type { OutgoingHttpHeaders } from 'node:http2';
import { Backoff } from './backoff.ts';
import { type Clock, type Random, sleep, systemClock } from './clock.ts';
import type { Endpoint } from './credentials.ts';
import { type EndpointOptions, findEndpoint } from './endpoint.ts';
import { errorFromAnswer, isWrite, KubeError } from './errors.ts';
import { answerHead, answerLines, answerText, type Exchange } from './exchange.ts';
import { queryString, resourceOfPath } from './paths.ts';
import { RequestScope } from './scope.ts';
import type { Session, SessionBounds } from './session.ts';
import { notSent, SessionPool } from './session-pool.ts';

/** One call of the API. */
export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute, from `/api` or `/apis` on, already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
  /** From the call to the whole answer, waiting and retries included; for a stream, to its beginning. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** What the connection has done so far. */
export interface ConnectionStats {
  /** 1 for as long as nothing broke. */
  readonly connectionsOpened: number;
  readonly connected: boolean;
  /** Requests and streams that were begun, repetitions not counted. */
  readonly requests: number;
  readonly retries: number;
  /** Requests that wait for a free stream now. */
  readonly waiting: number;
}

/** One finished request, for metrics. A stream is reported when it ends. */
export interface RequestReport {
  readonly method: string;
  /** Such as `instanceclaims/status`: few and fixed, never a name. */
  readonly resource: string;
  /** 200 for every success, else the HTTP status, or the reason of the `KubeError` where none came. */
  readonly status: number | string;
  readonly durationMs: number;
}

/** The way to the API server: one HTTP/2 connection for everything, opened when needed and again when it broke. */
export interface Connection {
  /**
   * The answer's JSON, taken on trust to be a `T`. Repeated by itself only where it is certain that it was not performed.
   *
   * @throws KubeError
   */
  request<T>(request: KubeRequest): Promise<T>;
  /** The answer's lines as they come. Ends when the server ends it, throws a `KubeError` when it broke; stop it by `request.signal`. */
  stream(request: KubeRequest): AsyncIterable<string>;
  readonly stats: ConnectionStats;
  /** Ends streams, lets requests under way finish for a moment, and closes. Calls after it fail with reason `Aborted`. */
  close(): Promise<void>;
}

/** How to reach the API server. */
export interface ConnectOptions extends EndpointOptions {
  /** Shown in the audit log and, up to the `/`, as field manager: `resource-tracker/0.1.0`. */
  readonly userAgent: string;
  readonly requestTimeoutMs?: number | undefined;
  readonly bounds?: Partial<SessionBounds> | undefined;
  readonly onRequest?: ((report: RequestReport) => void) | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

const DEFAULT_REQUEST_TIMEOUT_MS = 15_000;
const DEFAULT_BOUNDS: SessionBounds = {
  connectTimeoutMs: 10_000,
  // A dead peer is found after 24 seconds at most: two intervals, when it died right after a sign of life, and the time-out.
  pingIntervalMs: 8_000,
  pingTimeoutMs: 8_000,
  maxStreams: 250,
  maxWaiting: 10_000,
};

/** How often a request is sent in all, where it is certain that the earlier ones were not performed. */
const MAX_ATTEMPTS = 4;
const RETRY_WAIT = { firstMs: 50, maxMs: 1_000 };
/** A server that asks for more patience than this is left to the caller. */
const MAX_RETRY_AFTER_MS = 10_000;

/**
 * Finds the credentials and returns the connection; it is opened by the first request.
 *
 * @throws KubeError with reason `Unreachable` when there are no usable credentials.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  return connectTo(await findEndpoint(options), options);
}

/** A connection to an endpoint that is known already. */
export function connectTo(endpoint: Endpoint, options: Omit<ConnectOptions, keyof EndpointOptions>): Connection {
  return new PooledConnection(endpoint, options);
}

class PooledConnection implements Connection {
  readonly #endpoint: Endpoint;
  readonly #options: Omit<ConnectOptions, keyof EndpointOptions>;
  readonly #clock: Clock;
  readonly #pool: SessionPool;
  #requests = 0;
  #retries = 0;

  constructor(endpoint: Endpoint, options: Omit<ConnectOptions, keyof EndpointOptions>) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#pool = new SessionPool(endpoint, { ...DEFAULT_BOUNDS, ...options.bounds }, this.#clock);
  }

  get stats(): ConnectionStats {
    const { opened, connected, waiting } = this.#pool;
    return { connectionsOpened: opened, connected, requests: this.#requests, retries: this.#retries, waiting };
  }

  async request<T>(request: KubeRequest): Promise<T> {
    const scope = this.#begin(request);
    const report = this.#reporter(request);
    try {
      const answer = await this.#exchange(request, scope, async (exchange) =>
        parseJson<T>(request, await answerText(exchange)),
      );
      report(200);
      return answer;
    } catch (error) {
      report(statusLabel(error));
      throw error;
    } finally {
      scope.end();
    }
  }

  async *stream(request: KubeRequest): AsyncGenerator<string, void, undefined> {
    const scope = this.#begin(request);
    const report = this.#reporter(request);
    let status: number | string = 200;
    try {
      const exchange = await this.#exchange(request, scope, async (begun) => begun);
      scope.stopClock();
      yield* answerLines(exchange);
    } catch (error) {
      status = statusLabel(error);
      throw error;
    } finally {
      scope.end();
      report(status);
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  #begin(request: KubeRequest): RequestScope {
    this.#requests += 1;
    const timeoutMs = request.timeoutMs ?? this.#options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
    return new RequestScope(this.#clock, timeoutMs, request.signal);
  }

  #reporter(request: KubeRequest): (status: number | string) => void {
    const { onRequest } = this.#options;
    if (onRequest === undefined) return () => {};
    const startedAtMs = this.#clock.now();
    const resource = resourceOfPath(request.path);
    return (status) =>
      onRequest({ method: request.method, resource, status, durationMs: this.#clock.now() - startedAtMs });
  }

  /** Sends the request, again where that is safe, and gives the begun answer to `read` when it is a success. */
  async #exchange<T>(request: KubeRequest, scope: RequestScope, read: (exchange: Exchange) => Promise<T>): Promise<T> {
    const backoff = new Backoff(RETRY_WAIT, this.#options.random ?? Math.random);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(request, scope, read);
      } catch (error) {
        const waitMs = attempt < MAX_ATTEMPTS ? this.#waitBeforeRetry(error, backoff) : undefined;
        if (waitMs === undefined || waitMs >= scope.remainingMs) throw error;
        await sleep(this.#clock, waitMs, scope.signal);
        if (scope.signal.aborted) throw scope.error(request.method, request.path, false);
        this.#retries += 1;
      }
    }
  }

  async #attempt<T>(request: KubeRequest, scope: RequestScope, read: (exchange: Exchange) => Promise<T>): Promise<T> {
    const credentials = await this.#endpoint.headers();
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const session = await this.#pool.acquire(request, scope);
    const exchange = this.#open(session, request, scope, body, credentials);
    const { status, retryAfter } = await answerHead(exchange);
    if (status >= 200 && status < 300) return read(exchange);
    const text = await answerText(exchange);
    throw errorFromAnswer({ method: request.method, path: request.path, status, body: text, retryAfter });
  }

  #open(
    session: Session,
    request: KubeRequest,
    scope: RequestScope,
    body: string | undefined,
    credentials: Readonly<Record<string, string>>,
  ): Exchange {
    const { method, path } = request;
    const headers: OutgoingHttpHeaders = {
      ':method': method,
      ':path': `${this.#endpoint.server.pathname.replace(/\/$/, '')}${path}${queryString(request.query)}`,
      accept: 'application/json',
      'user-agent': this.#options.userAgent,
      ...credentials,
    };
    if (body !== undefined) {
      headers['content-type'] = request.contentType ?? 'application/json';
      headers['content-length'] = Buffer.byteLength(body);
    }
    try {
      return { method, path, session, scope, stream: session.openStream(headers, body) };
    } catch (cause) {
      session.slots.give();
      throw notSent(request, 'Refused', cause);
    }
  }

  /** How long to wait before the request is sent again; undefined when it must not be, or that would be in vain. */
  #waitBeforeRetry(error: unknown, backoff: Backoff): number | undefined {
    if (!(error instanceof KubeError)) return undefined;
    if (error.reason === 'Unreachable' || error.reason === 'Refused') return backoff.next();
    if (error.status === 401 && this.#endpoint.refresh()) return backoff.next();
    if (error.status !== 429 || error.retryAfterMs === undefined) return undefined;
    return error.retryAfterMs <= MAX_RETRY_AFTER_MS ? error.retryAfterMs + backoff.next() : undefined;
  }
}

function statusLabel(error: unknown): number | string {
  return error instanceof KubeError ? (error.status ?? error.reason) : 'Unknown';
}

function parseJson<T>({ method, path }: KubeRequest, text: string): T {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KubeError({
      message: `${method} ${path}: the answer is no JSON: ${text.slice(0, 100)}`,
      reason: 'Malformed',
      retryable: true,
      mayHaveLanded: isWrite(method),
      cause,
    });
  }
}
