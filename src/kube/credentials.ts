import { readFile } from 'node:fs/promises';
import { KubeError } from './errors.ts';

/** What TLS needs beside the address; read anew for each connection, as files rotate. */
export interface TlsMaterial {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Where the API server is and how one proves who one is. */
export interface Endpoint {
  /** `https://host:port`, possibly with a path before `/api` (a proxy such as Rancher's). */
  readonly server: URL;
  tls(): Promise<TlsMaterial>;
  /** The headers that authenticate one request. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** The namespace that is meant where none is named: the context's, or the Pod's own; undefined where neither says. */
  namespace(): Promise<string | undefined>;
  /** The server answered 401: forget what is cached. Returns whether asking again may help. */
  refresh(): boolean;
}

/** The kubelet renews a token well before it ends; client-go, too, reads the file each minute. */
const MAX_TOKEN_AGE_MS = 60_000;

/** A bearer token in a file that someone else keeps fresh. */
export class TokenFile {
  readonly #path: string;
  #token: string | undefined;
  #readAtMs = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** The token, at most a minute old. A file that has become unreadable does not cost the token that is known. */
  async read(): Promise<string> {
    const nowMs = performance.now();
    if (this.#token !== undefined && nowMs - this.#readAtMs < MAX_TOKEN_AGE_MS) return this.#token;
    try {
      this.#token = (await readFile(this.#path, 'utf8')).trim();
      this.#readAtMs = nowMs;
    } catch (cause) {
      if (this.#token === undefined) throw notConfigured(`cannot read the token file ${this.#path}`, cause);
    }
    return this.#token;
  }

  /** Reads the file anew the next time. */
  forget(): void {
    this.#readAtMs = Number.NEGATIVE_INFINITY;
  }
}

/** Reads a certificate or key that the connection cannot do without. */
export async function readCredential(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw notConfigured(`cannot read ${path}`, cause);
  }
}

/** An error for credentials that are missing or unreadable. Retryable, because mounted secrets appear and rotate. */
export function notConfigured(message: string, cause?: unknown): KubeError {
  return new KubeError({
    message: `no way to the API server: ${message}`,
    reason: 'Unreachable',
    retryable: true,
    mayHaveLanded: false,
    cause,
  });
}

/** The address of the API server. */
export function parseServer(server: string): URL {
  const url = URL.parse(server.includes('://') ? server : `https://${server}`);
  if (url === null) throw notConfigured(`"${server}" is no address of a server`);
  return url;
}
