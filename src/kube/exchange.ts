import { type ClientHttp2Stream, constants } from 'node:http2';
import { isWrite, KubeError } from './errors.ts';
import type { RequestScope } from './scope.ts';
import type { Session } from './session.ts';

/** A request that has been given to a connection. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly session: Session;
  readonly stream: ClientHttp2Stream;
  readonly scope: RequestScope;
}

/** The beginning of an answer. */
export interface AnswerHead {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

/** A page of a list is some megabytes; whatever is longer is a fault, and would take the whole agent's memory. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
/** etcd refuses objects beyond 1.5 MB. */
const MAX_LINE_LENGTH = 16 * 1024 * 1024;

/** Waits for the status and headers of the answer. */
export function answerHead(exchange: Exchange): Promise<AnswerHead> {
  const { stream } = exchange;
  return untilSettled(exchange, (resolve, reject) => {
    stream.once('response', (headers) => {
      resolve({ status: headers[':status'] ?? 0, retryAfter: headers['retry-after'] });
    });
    // `close` also comes, without any error, when the connection ends under a stream.
    stream.once('close', () => reject(lost(exchange)));
  });
}

/** Reads the whole body. An answer that was cut short is an error, never a shorter text. */
export function answerText(exchange: Exchange): Promise<string> {
  const { stream } = exchange;
  return untilSettled(exchange, (resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) reject(malformed(exchange, `an answer of more than ${MAX_ANSWER_BYTES} bytes`));
      else chunks.push(chunk);
    });
    stream.once('end', () => {
      if (isWhole(stream)) resolve(Buffer.concat(chunks).toString('utf8'));
    });
    stream.once('close', () => reject(lost(exchange)));
  });
}

/**
 * Yields the lines of an answer that never ends by itself. Ends cleanly when the server ends it or moves us to another connection;
 * the reader's pace holds back the server's, by HTTP/2's own flow control.
 */
export async function* answerLines(exchange: Exchange): AsyncGenerator<string, void, undefined> {
  const { stream, session, scope } = exchange;
  let moved = false;
  const move = () => {
    moved = session.failure === undefined;
    stream.close(constants.NGHTTP2_CANCEL);
  };
  const abort = () => stream.close(constants.NGHTTP2_CANCEL);
  session.goingAway.addEventListener('abort', move, { once: true });
  scope.signal.addEventListener('abort', abort, { once: true });
  if (scope.signal.aborted) abort();
  if (session.goingAway.aborted) move();
  try {
    const rest = yield* splitLines(exchange);
    if (scope.signal.aborted) throw scope.error(exchange.method, exchange.path, true);
    if (moved) return;
    if (!isWhole(stream)) throw lost(exchange);
    if (rest !== '') throw malformed(exchange, 'the last line is not complete');
  } finally {
    session.goingAway.removeEventListener('abort', move);
    scope.signal.removeEventListener('abort', abort);
    stream.close(constants.NGHTTP2_CANCEL);
  }
}

/** Yields each complete line, returns what is left when the stream is over, however it ended. */
async function* splitLines(exchange: Exchange): AsyncGenerator<string, string, undefined> {
  let rest = '';
  exchange.stream.setEncoding('utf8');
  try {
    for await (const chunk of exchange.stream as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE_LENGTH) throw malformed(exchange, `a line of more than ${MAX_LINE_LENGTH} characters`);
      for (const line of lines) if (line !== '') yield line;
    }
  } catch (error) {
    // What ended the stream is told by its state, see answerLines; only our own verdicts pass.
    if (error instanceof KubeError) throw error;
  }
  return rest;
}

/** Runs `start`, and gives the stream up when the request's scope ends first. */
function untilSettled<T>(
  exchange: Exchange,
  start: (resolve: (value: T) => void, reject: (error: KubeError) => void) => void,
): Promise<T> {
  const { stream, scope, method, path } = exchange;
  return new Promise((resolve, reject) => {
    const settled = () => scope.signal.removeEventListener('abort', abort);
    const fail = (error: KubeError) => {
      settled();
      reject(error);
      stream.close(constants.NGHTTP2_CANCEL);
    };
    const abort = () => fail(scope.error(method, path, true));
    if (scope.signal.aborted) return abort();
    scope.signal.addEventListener('abort', abort, { once: true });
    start((value) => {
      settled();
      resolve(value);
    }, fail);
  });
}

/** The server ended the stream itself, and properly. A connection that breaks leaves a code; only some breaks raise an error. */
function isWhole(stream: ClientHttp2Stream): boolean {
  return stream.readableEnded && stream.errored === null && stream.rstCode === constants.NGHTTP2_NO_ERROR;
}

/** What a stream that closed without (the whole of) its answer means. */
function lost({ method, path, stream, session }: Exchange): KubeError {
  // Sent by a server that did not look at the request (RFC 9113, 8.7), and set by nghttp2 on streams beyond a GOAWAY's last one.
  const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
  const cause = session.failure ?? stream.errored ?? undefined;
  const why = cause?.message ?? `HTTP/2 code ${stream.rstCode ?? 'unknown'}`;
  return new KubeError({
    message: `${method} ${path}: ${refused ? 'refused unseen' : `the connection was lost: ${why}`}`,
    reason: refused ? 'Refused' : 'ConnectionLost',
    retryable: true,
    mayHaveLanded: !refused && isWrite(method),
    cause,
  });
}

function malformed({ method, path }: Exchange, what: string): KubeError {
  return new KubeError({
    message: `${method} ${path}: ${what}`,
    reason: 'Malformed',
    retryable: true,
    mayHaveLanded: isWrite(method),
  });
}
