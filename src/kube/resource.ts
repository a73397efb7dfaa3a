import { apiVersionOf, type ResourceKind } from '../api/kinds.ts';
import type { Connection, KubeRequest } from './connection.ts';
import { errorFromWatchEvent, isExpired, isKubeError, KubeError } from './errors.ts';

/** What every object of the API has. Structural: generated types and hand-written ones fit. */
export interface KubeObject {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
  readonly metadata?: ObjectMeta | undefined;
}

/** The parts of metadata that this room reads; timestamps are the API's own strings. */
export interface ObjectMeta {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/** Where a kind lives in the API. */
export type KindInfo = ResourceKind;

/** Which objects. */
export interface Selection {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
}

/** How a request is carried out. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** What to list. */
export interface ListOptions extends Selection, CallOptions {
  /** Absent: as new as what etcd holds now. `0`: whatever the API server has in its cache. */
  readonly resourceVersion?: string | undefined;
  /** Objects per page. */
  readonly limit?: number | undefined;
}

/** A list as of one moment. */
export interface ObjectList<T> {
  readonly items: T[];
  /** Watch from here. */
  readonly resourceVersion: string;
}

/** What to watch, and from where. */
export interface WatchOptions extends Selection {
  readonly resourceVersion: string;
  /** The server ends the watch after this time. */
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal | undefined;
}

/** One change. A BOOKMARK's object carries nothing but the resourceVersion up to which all was delivered. */
export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: KubeObject };

/** Which state of the object is meant to go. */
export interface DeleteOptions extends CallOptions {
  readonly namespace?: string | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/** How a patch is meant. `apply` is server-side apply and needs a `fieldManager`. */
export interface PatchOptions extends CallOptions {
  readonly namespace?: string | undefined;
  readonly type: 'merge' | 'json' | 'apply';
  readonly subresource?: 'status' | undefined;
  readonly fieldManager?: string | undefined;
  /** Take fields over from other managers. */
  readonly force?: boolean | undefined;
}

/** Typed calls for one kind. All throw `KubeError`. */
export interface ResourceClient<T extends KubeObject> {
  readonly kind: KindInfo;
  /** Undefined when there is none. */
  get(name: string, namespace?: string, options?: CallOptions): Promise<T | undefined>;
  /** All pages as one list, consistent unless a resourceVersion is given. */
  list(options?: ListOptions): Promise<ObjectList<T>>;
  /** How far the server's history goes now, for the price of one object. */
  latestResourceVersion(options?: ListOptions): Promise<string>;
  create(object: T, options?: CallOptions): Promise<T>;
  /** PUT with the object's own resourceVersion and UID: fails with `Conflict` when either has moved. */
  replace(object: T, options?: CallOptions): Promise<T>;
  /** The same for `/status`; what the object says outside its status is ignored by the server. */
  replaceStatus(object: T, options?: CallOptions): Promise<T>;
  patch(name: string, patch: unknown, options: PatchOptions): Promise<T>;
  /** False when there was none. With `uid` or `resourceVersion` it fails with `Conflict` when the object is another by now. */
  delete(name: string, options?: DeleteOptions): Promise<boolean>;
  /** Changes in order, from a list's resourceVersion on. Ends when the server ends it; an ERROR event is thrown. */
  watch(options: WatchOptions): AsyncIterable<WatchEvent<T>>;
}

/** Objects per page of a list. */
export const LIST_PAGE_SIZE = 500;
const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** A typed client for one kind over the shared connection. */
export function resourceClient<T extends KubeObject>(connection: Connection, kind: KindInfo): ResourceClient<T> {
  return new PathClient<T>(connection, kind);
}

interface Page<T> {
  readonly items: T[] | null;
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

class PathClient<T extends KubeObject> implements ResourceClient<T> {
  readonly kind: KindInfo;
  readonly #connection: Connection;
  readonly #apiVersion: string;

  constructor(connection: Connection, kind: KindInfo) {
    this.kind = kind;
    this.#connection = connection;
    this.#apiVersion = apiVersionOf(kind);
  }

  async get(name: string, namespace?: string, options: CallOptions = {}): Promise<T | undefined> {
    const path = this.#objectPath(name, namespace);
    return absentIfNotFound(this.#one({ method: 'GET', path, ...call(options) }));
  }

  async list(options: ListOptions = {}): Promise<ObjectList<T>> {
    try {
      return await this.#listPages(options, options.limit ?? LIST_PAGE_SIZE);
    } catch (error) {
      // A continue token lives for five minutes of etcd's history; who is slower than that gets the list in one piece.
      if (!isExpired(error) || options.resourceVersion !== undefined) throw error;
      return this.#listPages(options, undefined);
    }
  }

  async latestResourceVersion(options: ListOptions = {}): Promise<string> {
    return (await this.#page(options, { limit: 1 })).metadata.resourceVersion;
  }

  create(object: T, options: CallOptions = {}): Promise<T> {
    const path = this.#collectionPath(object.metadata?.namespace);
    return this.#one({ method: 'POST', path, body: this.#typed(object), ...call(options) });
  }

  replace(object: T, options: CallOptions = {}): Promise<T> {
    return this.#compareAndSwap(object, '', options);
  }

  replaceStatus(object: T, options: CallOptions = {}): Promise<T> {
    return this.#compareAndSwap(object, '/status', options);
  }

  patch(name: string, patch: unknown, options: PatchOptions): Promise<T> {
    const subresource = options.subresource === undefined ? '' : `/${options.subresource}`;
    return this.#one({
      method: 'PATCH',
      path: this.#objectPath(name, options.namespace) + subresource,
      contentType: PATCH_TYPES[options.type],
      query: { fieldManager: options.fieldManager, force: options.force },
      body: patch,
      ...call(options),
    });
  }

  async delete(name: string, options: DeleteOptions = {}): Promise<boolean> {
    const { uid, resourceVersion } = options;
    const preconditions =
      uid === undefined && resourceVersion === undefined ? {} : { preconditions: { uid, resourceVersion } };
    const path = this.#objectPath(name, options.namespace);
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...preconditions };
    return (
      (await absentIfNotFound(
        this.#connection.request<KubeObject>({ method: 'DELETE', path, body, ...call(options) }),
      )) !== undefined
    );
  }

  async *watch(options: WatchOptions): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const { resourceVersion, timeoutSeconds, fieldSelector, labelSelector } = options;
    const path = this.#collectionPath(options.namespace);
    const query = {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion,
      timeoutSeconds,
      fieldSelector,
      labelSelector,
    };
    for await (const line of this.#connection.stream({ method: 'GET', path, query, signal: options.signal })) {
      yield parseEvent<T>(path, line);
    }
  }

  async #listPages(options: ListOptions, limit: number | undefined): Promise<ObjectList<T>> {
    const items: T[] = [];
    let next: string | undefined;
    for (;;) {
      // A continue token says which resourceVersion it belongs to; giving both is refused.
      const position = next === undefined ? { resourceVersion: options.resourceVersion } : { continue: next };
      const page = await this.#page(options, { limit, ...position });
      for (const item of page.items ?? []) items.push(slim(this.#typed(item)));
      if (!page.metadata.continue) return { items, resourceVersion: page.metadata.resourceVersion };
      next = page.metadata.continue;
    }
  }

  #page(options: ListOptions, query: Readonly<Record<string, string | number | undefined>>): Promise<Page<T>> {
    const { namespace, fieldSelector, labelSelector } = options;
    return this.#connection.request<Page<T>>({
      method: 'GET',
      path: this.#collectionPath(namespace),
      query: { fieldSelector, labelSelector, ...query },
      ...call(options),
    });
  }

  #compareAndSwap(object: T, subresource: string, options: CallOptions): Promise<T> {
    const { name, namespace, uid, resourceVersion } = object.metadata ?? {};
    if (!name || !uid || !resourceVersion) {
      throw new TypeError(
        `${this.kind.kind} ${name ?? ''}: replacing needs name, uid and resourceVersion, or it would overwrite blindly`,
      );
    }
    const path = this.#objectPath(name, namespace) + subresource;
    return this.#one({ method: 'PUT', path, body: this.#typed(object), ...call(options) });
  }

  /** A request that is answered by one object. */
  async #one(request: KubeRequest): Promise<T> {
    return slim(await this.#connection.request<T>(request));
  }

  /** Built-in kinds come without apiVersion and kind in lists, and callers may leave them out; the server wants them. */
  #typed(object: T): T {
    return object.kind === undefined || object.apiVersion === undefined
      ? { ...object, apiVersion: this.#apiVersion, kind: this.kind.kind }
      : object;
  }

  #collectionPath(namespace: string | undefined): string {
    const root = this.kind.group === '' ? `/api/${this.kind.version}` : `/apis/${this.#apiVersion}`;
    const scope = this.kind.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
    return `${root}${scope}/${this.kind.plural}`;
  }

  #objectPath(name: string, namespace: string | undefined): string {
    if (this.kind.namespaced && namespace === undefined)
      throw new TypeError(`${this.kind.kind} ${name}: a namespace is needed`);
    return `${this.#collectionPath(namespace)}/${encodeURIComponent(name)}`;
  }
}

function call({ signal, timeoutMs }: CallOptions): { signal?: AbortSignal; timeoutMs?: number } {
  return { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) };
}

async function absentIfNotFound<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isKubeError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/**
 * Who set which field: half of a claim's size, and nobody here reads it. A write without it leaves the server's as it is. Set to
 * undefined rather than deleted, which would turn the object into a slower and larger kind.
 */
function slim<T extends KubeObject>(object: T): T {
  if (object.metadata !== undefined && 'managedFields' in object.metadata)
    Reflect.set(object.metadata, 'managedFields', undefined);
  return object;
}

type RawEvent<T> = WatchEvent<T> | { readonly type: 'ERROR'; readonly object: unknown };

function parseEvent<T extends KubeObject>(path: string, line: string): WatchEvent<T> {
  const event = parseLine<RawEvent<T>>(line);
  if (event?.type === 'ERROR') throw errorFromWatchEvent(path, event.object);
  if (EVENT_TYPES.has(event?.type) && typeof event?.object === 'object' && event.object !== null) {
    slim<KubeObject>(event.object);
    return event;
  }
  throw new KubeError({
    message: `WATCH ${path}: not an event: ${line.slice(0, 100)}`,
    reason: 'Malformed',
    retryable: true,
    mayHaveLanded: false,
  });
}

const EVENT_TYPES: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

/** The server's word is taken for what the line is; the caller looks at what it needs. */
function parseLine<Line>(line: string): Line | undefined {
  try {
    return JSON.parse(line) ?? undefined;
  } catch {
    return undefined;
  }
}
