import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { buffer } from 'node:stream/consumers';

/** One request on its way through the proxy, as rules and tests see it. */
export type Passing = {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly isWatch: boolean;
  /** What was sent, parsed as JSON; undefined when nothing was, or something else. */
  readonly body: unknown;
  readonly userAgent: string;
};

/** A request with the bytes that are sent on. */
export type Incoming = {
  readonly passing: Passing;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
};

/** Reads a whole request. Rejects when the client breaks off before its end. */
export async function readRequest(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<Incoming> {
  const bytes = await buffer(stream);
  const url = new URL(headers[':path'] ?? '/', 'https://proxy');
  const watch = url.searchParams.get('watch');
  return {
    headers,
    bytes,
    passing: {
      method: headers[':method'] ?? 'GET',
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      isWatch: watch === 'true' || watch === '1',
      body: parsed(bytes),
      userAgent: headers['user-agent'] ?? '',
    },
  };
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
