import { rm } from 'node:fs/promises';
import {
  type ClientHttp2Session,
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
} from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import type { Endpoint } from '../src/kube/credentials.ts';
import { endpointFromKubeconfig } from '../src/kube/kubeconfig.ts';
import { CertificateAuthority } from './control-plane/certificates.ts';
import { writePrivate } from './control-plane/files.ts';
import { loopback } from './control-plane/port.ts';
import { Link } from './fault-proxy/link.ts';
import type { Passing } from './fault-proxy/passing.ts';
import { type ActiveRule, type Rule, RuleBook } from './fault-proxy/rules.ts';
import { openUpstream } from './fault-proxy/upstream.ts';

/** kube-apiserver's own default. */
const maxConcurrentStreams = 250;

/**
 * Stands between a client and the API server, and does what networks and servers do on bad days, but on demand: see {@link Rule}. Without
 * rules it changes nothing. Each connection of a client is one of its own to the API server, and when either ends, so does the other;
 * while the API server cannot be reached, the proxy cannot either.
 *
 * Everything passes as the user of the kubeconfig that the proxy was started with; clients need no credentials.
 */
export class FaultProxy implements AsyncDisposable {
  /** For clients of the proxy; removed by `stop`. */
  readonly kubeconfigPath: string;
  readonly url: string;
  readonly #endpoint: Endpoint;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #http2: Http2SecureServer;
  /** Connections whose TLS handshake is under way, by the client's port. */
  readonly #awaited = new Map<number, { readonly upstream: ClientHttp2Session; readonly cut: () => void }>();
  readonly #upstreams = new Set<ClientHttp2Session>();
  readonly #rules = new RuleBook();
  #requests: Passing[] = [];
  #reachable = true;

  private constructor(endpoint: Endpoint, server: Server, http2: Http2SecureServer, folder: string) {
    const { port } = server.address() as AddressInfo;
    this.#endpoint = endpoint;
    this.#http2 = http2;
    http2.on('session', (session) => this.#link(session));
    this.#server = server;
    this.url = `https://${loopback}:${port}`;
    this.kubeconfigPath = join(folder, `fault-proxy-${port}.kubeconfig`);
  }

  /** Starts a proxy in front of the API server that a kubeconfig names; its own kubeconfig is written beside that one. */
  static async start(kubeconfigPath: string): Promise<FaultProxy> {
    const authority = new CertificateAuthority('fault-proxy-ca');
    const { certificate, key } = authority.issueServer('fault-proxy', ['localhost'], [loopback]);
    const http2 = createSecureServer({ cert: certificate, key, settings: { maxConcurrentStreams } });
    // TLS begins only once the API server is there: what the client says until then must stay unread.
    const server = createServer({ pauseOnConnect: true });
    const listening = Promise.withResolvers<void>();
    server.once('error', listening.reject).listen(0, loopback, () => listening.resolve());
    await listening.promise;
    const endpoint = await endpointFromKubeconfig([kubeconfigPath]);
    const proxy = new FaultProxy(endpoint, server, http2, dirname(kubeconfigPath));
    await writePrivate(proxy.kubeconfigPath, kubeconfigWithoutUser(proxy.url, authority.certificate));
    server.on('connection', (socket) => {
      // Whatever goes wrong with one connection is that client's to notice.
      proxy.#accept(socket).catch(() => socket.destroy());
    });
    return proxy;
  }

  /** Everything that was asked for so far, in order, or since {@link forgetRequests}. */
  get requests(): readonly Passing[] {
    return this.#requests;
  }

  forgetRequests(): void {
    this.#requests = [];
  }

  /** Puts a rule in force. Earlier rules go first. */
  add(rule: Rule): ActiveRule {
    return this.#rules.add(rule);
  }

  /** Lets everything that is held go on, and does nothing special from now on. */
  clearRules(): void {
    this.#rules.clear();
  }

  /** Ends all TCP connections; clients may connect again at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** False: ends all connections and refuses new ones, until true. The API server itself does not notice. */
  setReachable(reachable: boolean): void {
    this.#reachable = reachable;
    if (!reachable) this.cut();
  }

  /** Ends everything; what is still held reaches nobody. */
  async stop(): Promise<void> {
    this.setReachable(false);
    // First: what is released below must not be sent any more.
    for (const upstream of this.#upstreams) upstream.destroy();
    this.#rules.clear();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await rm(this.kubeconfigPath, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #accept(socket: Socket): Promise<void> {
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    this.#sockets.add(socket);
    if (!this.#reachable) throw new Error('not reachable for now');
    // Before the client's handshake: a server that is not there must not look as if it were.
    const upstream = await openUpstream(this.#endpoint);
    this.#upstreams.add(upstream);
    upstream.on('close', () => this.#upstreams.delete(upstream));
    socket.once('close', () => this.#awaited.delete(socket.remotePort ?? 0) && upstream.destroy());
    if (socket.destroyed || socket.remotePort === undefined) return upstream.destroy();
    this.#awaited.set(socket.remotePort, { upstream, cut: () => socket.destroy() });
    this.#http2.emit('connection', socket);
  }

  /** TLS is done: from here on the two connections belong together. */
  #link(downstream: ServerHttp2Session): void {
    const port = downstream.socket?.remotePort ?? 0;
    const awaited = this.#awaited.get(port);
    this.#awaited.delete(port);
    if (awaited === undefined) downstream.destroy();
    else {
      new Link({
        downstream,
        ...awaited,
        endpoint: this.#endpoint,
        rules: this.#rules,
        onRequest: (passing) => this.#requests.push(passing),
      });
    }
  }
}

function kubeconfigWithoutUser(server: string, authority: string): string {
  const name = 'fault-proxy';
  const ca = Buffer.from(authority, 'utf8').toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}
