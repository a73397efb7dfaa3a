import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { json } from 'node:stream/consumers';
import { parse } from 'yaml';
import type { Row } from './row.ts';

/** What the API server said of a row's last step: nothing when it accepted, else each cause as `field: message`. */
export type Verdict = readonly string[];

/** An object as the server returned it; rows send what no type would allow. */
type Sent = Readonly<Record<string, unknown>>;

interface Answer {
  readonly accepted: boolean;
  readonly body: Sent & { readonly details?: { readonly causes?: readonly Cause[] } };
}

interface Cause {
  readonly field: string;
  readonly message: string;
}

/** Added to every refusal for which CEL was not asked; it says nothing about the row. */
const UNCHECKED = 'some validation rules were not checked because the object was invalid';

let objects = 0;

/** Sends the rows of one kind to an API server. */
export class CrdServer implements Disposable {
  readonly #agent: Agent;
  readonly #url: string;

  constructor(kubeconfigPath: string) {
    const { clusters, users } = parse(readFileSync(kubeconfigPath, 'utf8'));
    const decode = (data: string) => Buffer.from(data, 'base64').toString();
    this.#url = clusters[0].cluster.server;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: 4,
      ca: decode(clusters[0].cluster['certificate-authority-data']),
      cert: decode(users[0].user['client-certificate-data']),
      key: decode(users[0].user['client-key-data']),
    });
  }

  /** Does what the row says, with an object of its own; fails when a step before the last is refused. */
  async judge(kind: string, collection: string, row: Row): Promise<Verdict> {
    objects += 1;
    const name = `crd-validation-${objects}`;
    const object = { apiVersion: 'resourcetracker.dev/v1alpha1', kind, metadata: { name }, spec: row.spec };
    if (row.change === undefined) return verdictOf(await this.#send('POST', `${collection}?dryRun=All`, object));
    const path = `${collection}/${name}`;
    try {
      return await this.#judgeChange(row.change, row, path, acceptedBody(await this.#send('POST', collection, object)));
    } finally {
      await this.#send('DELETE', path);
    }
  }

  /** Makes the namespace for the namespaced kinds. */
  async createNamespace(name: string): Promise<void> {
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    acceptedBody(await this.#send('POST', '/api/v1/namespaces', object));
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #judgeChange(change: object, { statuses = [] }: Row, path: string, created: Sent): Promise<Verdict> {
    let current = created;
    for (const status of statuses) {
      current = acceptedBody(await this.#send('PUT', `${path}/status`, { ...current, status }));
    }
    const subresource = 'status' in change ? '/status' : '';
    return verdictOf(await this.#send('PUT', `${path}${subresource}?dryRun=All`, { ...current, ...change }));
  }

  async #send(method: 'POST' | 'PUT' | 'DELETE', path: string, object?: Sent): Promise<Answer> {
    const answered = Promise.withResolvers<IncomingMessage>();
    const headers = { 'content-type': 'application/json' };
    request(new URL(path, this.#url), { method, headers, agent: this.#agent }, answered.resolve)
      .on('error', answered.reject)
      .end(object === undefined ? undefined : JSON.stringify(object));
    const response = await answered.promise;
    return { accepted: (response.statusCode ?? 500) < 300, body: (await json(response)) as Answer['body'] };
  }
}

function acceptedBody({ accepted, body }: Answer): Sent {
  if (!accepted) throw new Error(`a step before the last was refused: ${JSON.stringify(body)}`);
  return body;
}

function verdictOf({ accepted, body }: Answer): Verdict {
  if (accepted) return [];
  const causes = body.details?.causes ?? [{ field: '<no causes>', message: JSON.stringify(body) }];
  return causes
    .filter(({ message }) => !message.includes(UNCHECKED))
    .map(({ field, message }) => `${field}: ${message}`);
}
