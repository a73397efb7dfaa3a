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
  /** Gives up the call when it aborts; ten seconds do so in any case. */
  readonly signal?: AbortSignal;
};

/**
 * One call over a connection of its own. Rejects with Node's error when there is no answer in time. Meant for starting
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
    signal: bounded(call.signal),
  });
  request.once('response', resolve).on('error', reject).end(call.body);
  return await readAnswer(await promise);
}

/** One GET over a Unix socket, for etcd. */
export async function getOverSocket(socketPath: string, path: string, signal: AbortSignal): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  httpRequest({ socketPath, path, agent: false, signal: bounded(signal) })
    .once('response', resolve)
    .on('error', reject)
    .end();
  return await readAnswer(await promise);
}

function bounded(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(requestTimeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

async function readAnswer(message: IncomingMessage): Promise<Answer> {
  return { status: message.statusCode ?? 0, body: await text(message) };
}
