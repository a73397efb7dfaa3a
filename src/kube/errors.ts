/** What the API server names as reasons (metav1.StatusReason), and our own for requests that got no answer. */
const SERVER_REASONS = [
  'Unauthorized',
  'Forbidden',
  'NotFound',
  'AlreadyExists',
  'Conflict',
  'Gone',
  'Invalid',
  'ServerTimeout',
  'StoreReadError',
  'Timeout',
  'TooManyRequests',
  'BadRequest',
  'MethodNotAllowed',
  'NotAcceptable',
  'RequestEntityTooLarge',
  'UnsupportedMediaType',
  'InternalError',
  'Expired',
  'ServiceUnavailable',
] as const;

const OWN_REASONS = [
  'Unreachable',
  'ConnectionLost',
  'NoAnswer',
  'Refused',
  'Aborted',
  'Overloaded',
  'Malformed',
  'Unknown',
] as const;

/**
 * Why a request failed: few and fixed, so it can be a metric's label. The API server's own words, and:
 * `Unreachable` no connection came about; `ConnectionLost` it broke; `NoAnswer` our time ran out; `Refused` the peer did not begin
 * with it; `Aborted` the caller gave up; `Overloaded` our own queue is full; `Malformed` the answer makes no sense.
 */
export type KubeErrorReason = (typeof SERVER_REASONS)[number] | (typeof OWN_REASONS)[number];

/** What `KubeError` is made of. */
export interface KubeFailure {
  readonly message: string;
  readonly reason: KubeErrorReason;
  readonly status?: number | undefined;
  readonly retryable: boolean;
  readonly mayHaveLanded: boolean;
  readonly retryAfterMs?: number | undefined;
  /** Machine-readable causes of the server's Status, such as `ResourceVersionTooLarge` or `FieldValueInvalid`. */
  readonly causes?: readonly string[];
  readonly cause?: unknown;
}

/** The one error of this room: the API server refused, or could not be asked. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** HTTP status; undefined where no answer came. */
  readonly status: number | undefined;
  readonly reason: KubeErrorReason;
  /** The same request may succeed later, unchanged. A Conflict is not: read again first. */
  readonly retryable: boolean;
  /** A write of which nobody knows whether it was performed: keep what it would hold until a read tells. */
  readonly mayHaveLanded: boolean;
  /** How long the server asked to wait. */
  readonly retryAfterMs: number | undefined;
  readonly causes: readonly string[];

  constructor(failure: KubeFailure) {
    super(failure.message, failure.cause === undefined ? undefined : { cause: failure.cause });
    this.status = failure.status;
    this.reason = failure.reason;
    this.retryable = failure.retryable;
    this.mayHaveLanded = failure.mayHaveLanded;
    this.retryAfterMs = failure.retryAfterMs;
    this.causes = failure.causes ?? [];
  }
}

/** Whether an error is a `KubeError` of one of these reasons. */
export function isKubeError(error: unknown, ...reasons: KubeErrorReason[]): error is KubeError {
  return error instanceof KubeError && (reasons.length === 0 || reasons.includes(error.reason));
}

/** The server no longer knows the resourceVersion that was asked for: list again. */
export function isExpired(error: unknown): boolean {
  return isKubeError(error, 'Expired', 'Gone') || (error instanceof KubeError && error.status === 410);
}

/** An answer of the API server that is not a success. */
export interface ErrorAnswer {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly body: string;
  readonly retryAfter?: string | undefined;
}

/** Classifies an answer by its metav1.Status, else by its HTTP status (proxies and the server's filters answer plain text). */
export function errorFromAnswer(answer: ErrorAnswer): KubeError {
  const status = parseStatus(answer.body);
  const isLimit = isTooLarge(status?.message);
  return new KubeError({
    message: `${answer.method} ${answer.path}: ${status?.message ?? `${answer.status} ${answer.body.slice(0, MAX_QUOTED_LENGTH).trim()}`}`,
    reason: isLimit ? 'RequestEntityTooLarge' : reasonOf(status?.reason, answer.status),
    status: answer.status,
    retryable: !isLimit && isTransient(answer.status),
    // A 5xx can come from a proxy, or from a server whose etcd did not answer in time: the write may be there.
    mayHaveLanded: isWrite(answer.method) && answer.status >= 500 && !isLimit,
    retryAfterMs: retryAfterMs(answer.retryAfter, status),
    causes: causesOf(status),
  });
}

/** etcd's own no, of which the API server makes a 500: nothing was written. Who fills an object up to the limit has its status refused for good. */
function isTooLarge(message: string | undefined): boolean {
  return message === 'etcdserver: request is too large';
}

/** Classifies the `object` of a watch's ERROR event, which is a metav1.Status. */
export function errorFromWatchEvent(path: string, object: unknown): KubeError {
  const status: ServerStatus = isRecord(object) ? object : {};
  const code = typeof status.code === 'number' ? status.code : 500;
  return new KubeError({
    message: `WATCH ${path}: ${status.message ?? 'an ERROR event without a message'}`,
    reason: reasonOf(status.reason, code),
    status: code,
    retryable: isTransient(code),
    mayHaveLanded: false,
    retryAfterMs: retryAfterMs(undefined, status),
    causes: causesOf(status),
  });
}

/** Whether a request of this method changes something on the server. */
export function isWrite(method: string): boolean {
  return method !== 'GET';
}

const MAX_QUOTED_LENGTH = 200;

/** The parts of metav1.Status that matter here; none is trusted to be there. */
interface ServerStatus {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: { readonly retryAfterSeconds?: number; readonly causes?: readonly { readonly reason?: string }[] };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function parseStatus(body: string): ServerStatus | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return isRecord(parsed) && parsed.kind === 'Status' ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function causesOf(status: ServerStatus | undefined): string[] {
  const causes = status?.details?.causes;
  return Array.isArray(causes)
    ? causes.flatMap((cause) => (typeof cause?.reason === 'string' ? [cause.reason] : []))
    : [];
}

function isTransient(status: number): boolean {
  return status === 429 || status === 408 || (status >= 500 && status !== 501);
}

const REASON_OF_HTTP_STATUS: Readonly<Record<number, KubeErrorReason>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  408: 'Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  502: 'ServiceUnavailable',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function reasonOf(named: string | undefined, httpStatus: number): KubeErrorReason {
  return SERVER_REASONS.find((reason) => reason === named) ?? REASON_OF_HTTP_STATUS[httpStatus] ?? 'Unknown';
}

function retryAfterMs(header: string | undefined, status: ServerStatus | undefined): number | undefined {
  const seconds = header !== undefined && /^\d+$/.test(header) ? Number(header) : status?.details?.retryAfterSeconds;
  return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds * 1000 : undefined;
}
