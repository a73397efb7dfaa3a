import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectTls } from 'node:tls';
import type { Endpoint } from '../../src/kube/credentials.ts';
import type { Incoming } from './passing.ts';

/** Headers that belong to one connection, or that HTTP/2 sets by itself. */
const ownHeaders: ReadonlySet<string> = new Set([':scheme', ':authority', 'host', 'connection', 'content-length']);

/** Connects to the API server. Resolves once it has said what it allows; rejects when it cannot be reached. */
export async function openUpstream(endpoint: Endpoint): Promise<ClientHttp2Session> {
  const { server } = endpoint;
  const socket = connectTls({
    ...(await endpoint.tls()),
    host: server.hostname,
    port: Number(server.port) || 443,
    ALPNProtocols: ['h2'],
  });
  const session = connect(server.origin, { createConnection: () => socket });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // It may fail again later; without a listener that would end the process.
  session.on('error', reject);
  session.once('close', () => reject(new Error('the API server closed the connection before it said anything')));
  session.once('remoteSettings', () => resolve());
  await promise;
  return session;
}

/** Sends a request on as the proxy's own user. Throws when the connection has ended. */
export async function forward(
  session: ClientHttp2Session,
  endpoint: Endpoint,
  { headers, bytes }: Incoming,
): Promise<ClientHttp2Stream> {
  const kept = Object.entries(headers).filter(([name]) => !ownHeaders.has(name));
  const sent: OutgoingHttpHeaders = { ...Object.fromEntries(kept), ...(await endpoint.headers()) };
  const stream = session.request(sent, { endStream: bytes.length === 0 });
  // What became of the stream is read from its state.
  stream.on('error', () => undefined);
  if (bytes.length > 0) stream.end(bytes);
  return stream;
}

/** The head of an answer; undefined when the stream ended without one. */
export function answerHead(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders | undefined> {
  const { promise, resolve } = Promise.withResolvers<IncomingHttpHeaders | undefined>();
  stream.once('response', resolve);
  stream.once('close', () => resolve(undefined));
  return promise;
}

/** The head of an answer as it is passed on. */
export function passedOn(head: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(head).filter(([name]) => !ownHeaders.has(name)));
}
