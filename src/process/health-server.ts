/** Serves /healthz, /readyz and /metrics. */
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError } from './config.ts';

/** An `import` of it would also load all that it exports lazily, a WebSocket client among it: 4 MB in every agent. */
const { createServer } = process.getBuiltinModule('node:http');

/** What the endpoints say. */
export interface HealthSource {
  /** Undefined: claims are decided. */
  readonly obstacle: () => string | undefined;
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>;
}

export class HealthServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens; rejects with a ConfigError when the address cannot be used. Port 0 takes a free one. */
  static async listen(address: { host: string; port: number }, source: HealthSource): Promise<HealthServer> {
    const server = createServer((request, response) => {
      answer(request.url ?? '/', source, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const where = `${address.host}:${address.port}`;
        reject(new ConfigError(`--listen-address: cannot listen on ${where}: ${cause.message}`, { cause }));
      });
      server.listen(address.port, address.host, () => resolve());
    });
    return new HealthServer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

async function answer(url: string, source: HealthSource, response: ServerResponse): Promise<void> {
  const [path] = url.split('?');
  if (path === '/metrics') {
    const { type, text } = await source.metrics();
    response.writeHead(200, { 'content-type': type }).end(text);
    return;
  }
  if (path !== '/healthz' && path !== '/readyz') {
    response.writeHead(404, TEXT).end('there are /healthz, /readyz and /metrics\n');
    return;
  }
  const fault = path === '/healthz' ? undefined : source.obstacle();
  response.writeHead(fault === undefined ? 200 : 503, TEXT).end(`${fault ?? 'ok'}\n`);
}

const TEXT = { 'content-type': 'text/plain; charset=utf-8' };
