import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { type Connection, type ConnectOptions, connectTo } from '../../src/kube/connection.ts';
import type { Endpoint } from '../../src/kube/credentials.ts';

/** One request as the server sees it. */
export interface Seen {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly stream: ServerHttp2Stream;
}

/** Answers one request. */
export type Handler = (seen: Seen) => void;

/** An HTTP/2 server without TLS, for what a real API server cannot be told to do. */
export class ApiServerDouble {
  readonly sessions: ServerHttp2Session[] = [];
  readonly seen: Seen[] = [];
  readonly #port: number;

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(handler: Handler, settings: { maxConcurrentStreams?: number } = {}): Promise<ApiServerDouble> {
    const server = createServer({ settings });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });
    const double = new ApiServerDouble(port);
    server.on('session', (session) => {
      session.on('error', () => {});
      double.sessions.push(session);
    });
    server.on('stream', async (stream, headers) => {
      stream.on('error', () => {});
      const body = await text(stream).catch(() => '');
      const seen = { path: headers[':path'] ?? '', headers, body, stream };
      double.seen.push(seen);
      // Called off meanwhile: answering would be an error that ends the whole session.
      if (!stream.closed) handler(seen);
    });
    onTestFinished(() => {
      for (const session of double.sessions) session.destroy();
      server.close();
    });
    return double;
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.#port}`);
  }

  get openSessions(): number {
    return this.sessions.filter((session) => !session.destroyed).length;
  }

  /** A TCP proxy before it, whose cable can be pulled: it takes what is sent and passes nothing on, either way. */
  async behindCable(): Promise<{ url: URL; pull(): void }> {
    let pulled = false;
    const sockets: Socket[] = [];
    const proxy = createTcpServer((near) => {
      const far = connect(this.#port, '127.0.0.1');
      sockets.push(near, far);
      for (const socket of [near, far]) socket.on('error', () => {});
      near.on('data', (data) => pulled || far.write(data));
      far.on('data', (data) => pulled || near.write(data));
    });
    const port = await new Promise<number>((resolve) => {
      proxy.listen(0, '127.0.0.1', () => resolve((proxy.address() as AddressInfo).port));
    });
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });
    return {
      url: new URL(`http://127.0.0.1:${port}`),
      pull: () => {
        pulled = true;
      },
    };
  }
}

/** Answers with JSON. */
export function answer({ stream }: Seen, body: unknown, status = 200, headers: Record<string, string> = {}): void {
  stream.respond({ ':status': status, 'content-type': 'application/json', ...headers });
  stream.end(JSON.stringify(body));
}

/** A connection to a server without credentials, closed at the end of the test. */
export function connectionTo(
  server: URL,
  options: Partial<ConnectOptions> & { endpoint?: Partial<Endpoint> } = {},
): Connection {
  const endpoint = {
    server,
    tls: async () => ({}),
    headers: async () => ({}),
    namespace: async () => undefined,
    refresh: () => false,
    ...options.endpoint,
  };
  const connection = connectTo(endpoint, { userAgent: 'test/1', random: () => 0, ...options });
  onTestFinished(() => connection.close());
  return connection;
}

/** Waits for a condition that comes true by itself; fails after five seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const giveUpAtMs = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > giveUpAtMs) throw new Error(`still not: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
