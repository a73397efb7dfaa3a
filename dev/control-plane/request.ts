import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Credentials } from './certificates.ts';

const requestTimeoutMs = 10_000;

/** An answer, of whatever status. */
export type Answer = {
  readonly status: number;
  readonly body: string;
};

/** Whom to ask, and as whom. */
export type Endpoint = {
  readonly url: string;
  readonly caCert: string;
  readonly credentials: Credentials;
};

/** What to send; a GET without a body unless said otherwise. */
export type Call = {
  readonly path: string;
  readonly method?: string;
  readonly contentType?: string;
  readonly body?: string;
};

/**
 * One call over a connection of its own. Rejects with Node's error when there is no answer within ten seconds. Meant for starting
 * and for test fixtures; programs that talk to the API server all day use `src/kube`.
 */
export async function callApiServer({ url, caCert, credentials }: Endpoint, call: Call): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = httpsRequest(new URL(call.path, url), {
    method: call.method ?? 'GET',
    headers: call.contentType === undefined ? {} : { 'content-type': call.contentType },
    ca: caCert,
    cert: credentials.certificate,
    key: credentials.key,
    agent: false,
    signal: AbortSignal.timeout(requestTimeoutMs),
  });
  request.once('response', resolve).on('error', reject).end(call.body);
  return await readAnswer(await promise);
}

/** One GET over a Unix socket, for etcd. */
export async function getOverSocket(socketPath: string, path: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const signal = AbortSignal.timeout(requestTimeoutMs);
  httpRequest({ socketPath, path, agent: false, signal }).once('response', resolve).on('error', reject).end();
  return await readAnswer(await promise);
}

async function readAnswer(message: IncomingMessage): Promise<Answer> {
  return { status: message.statusCode ?? 0, body: await text(message) };
}
