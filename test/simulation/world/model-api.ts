/**
 * A small model of the API server: objects with uid, resourceVersion and generation, compare-and-swap of the status, and a log from
 * which watches read. What is stored is plain JSON and frozen, so that nobody can change it behind the model's back.
 */

import type { CoreNode } from '../../../src/agent/core-node.ts';
import type { ComputeNode, InstanceClaim, Migration } from '../../../src/api/generated/v1alpha1.ts';
import type { Lease } from '../../../src/api/lease.ts';
import type { ObjectMeta } from '../../../src/api/object-meta.ts';
import type { Answer } from '../../../src/protocol/messages.ts';
import type { ModelClock } from './model-clock.ts';

export interface ModelObject {
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: object;
  readonly status?: object;
}

/** One entry of the log. Created or restored: no `before`. Deleted: no `after`. */
export interface Change<T> {
  readonly revision: number;
  /** The process whose request it was; absent: somebody else's. */
  readonly by?: string;
  readonly before?: T;
  readonly after?: T;
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: T;
}

export type Matches<T> = (object: T) => boolean;

/** A consistent list, with the revision from which to watch. */
export interface List<T> {
  readonly items: readonly T[];
  readonly revision: number;
}

/** A Kubernetes Node as it is stored. */
type StoredNode = CoreNode & { readonly kind: string; readonly spec: object };

/** A Lease as it is stored. */
export type StoredLease = Lease & { readonly kind: string; readonly spec: object };

/** Counts the changes of all kinds, as etcd does. */
class Revisions {
  present = 0;
  /** Whose request is being carried out. */
  writer: string | undefined;

  next(): number {
    this.present += 1;
    return this.present;
  }
}

/** What `etcdutl snapshot restore --bump-revision` is told to add, so that no revision is used twice. */
const RESTORE_BUMP = 1_000_000_000;

/** Everything that was stored at one moment. */
export interface Snapshot {
  restore(): void;
}

/** The whole server. */
export class ModelApi {
  readonly computeNodes: Collection<ComputeNode>;
  readonly claims: Collection<InstanceClaim>;
  readonly migrations: Collection<Migration>;
  readonly leases: Collection<StoredLease>;
  readonly nodes: Collection<StoredNode>;
  readonly #revisions = new Revisions();

  constructor(clock: ModelClock) {
    this.computeNodes = new Collection(this.#revisions, clock);
    this.claims = new Collection(this.#revisions, clock);
    this.migrations = new Collection(this.#revisions, clock);
    this.leases = new Collection(this.#revisions, clock);
    this.nodes = new Collection(this.#revisions, clock);
  }

  /** Carries out a request of a process, so that the log tells whose it was. */
  as<R>(writer: string, carryOut: () => R): R {
    this.#revisions.writer = writer;
    try {
      return carryOut();
    } finally {
      this.#revisions.writer = undefined;
    }
  }

  /** A backup of etcd. Once it is restored, objects are as old as they were, and every watch has to list anew. */
  snapshot(): Snapshot {
    const { computeNodes, claims, migrations, leases, nodes } = this;
    const restorers = [computeNodes, claims, migrations, leases, nodes].map((collection) => collection.snapshot());
    return {
      restore: () => {
        this.#revisions.present += RESTORE_BUMP;
        for (const restore of restorers) restore();
      },
    };
  }
}

/** The objects of one kind. */
export class Collection<T extends ModelObject> {
  readonly #revisions: Revisions;
  readonly #clock: ModelClock;
  readonly #log: Change<T>[] = [];
  #objects = new Map<string, T>();
  #restores = 0;

  constructor(revisions: Revisions, clock: ModelClock) {
    this.#revisions = revisions;
    this.#clock = clock;
  }

  /** All changes so far, oldest first. */
  get log(): readonly Change<T>[] {
    return this.#log;
  }

  /** How often an older state was restored. */
  get restores(): number {
    return this.#restores;
  }

  snapshot(): () => void {
    const objects = new Map(this.#objects);
    return () => {
      this.#restores += 1;
      this.#objects = new Map(objects);
      for (const after of objects.values()) this.#log.push({ revision: this.#revisions.present, after });
    };
  }

  get(name: string, namespace?: string): T | undefined {
    return this.#objects.get(keyOf({ name, namespace }));
  }

  /** What there is now, by namespace and name. */
  list(matches: Matches<T> = () => true): List<T> {
    const keys = [...this.#objects.keys()].toSorted();
    const items = keys.flatMap((key) => this.#objects.get(key) ?? []).filter(matches);
    return { items, revision: this.#revisions.present };
  }

  /** What there was at a revision, as a cache that is behind tells it. */
  listAsOf(revision: number, matches: Matches<T> = () => true): List<T> {
    const objects = new Map<string, T>();
    for (const { revision: at, before, after } of this.#log) {
      if (at > revision) break;
      if (after !== undefined) objects.set(keyOf(after.metadata), after);
      else if (before !== undefined) objects.delete(keyOf(before.metadata));
    }
    return { items: [...objects.values()].filter(matches), revision };
  }

  watch(matches: Matches<T>, fromRevision: number): Watch<T> {
    return new Watch(this, matches, fromRevision);
  }

  read(name: string, namespace?: string): Answer<T> {
    const object = this.get(name, namespace);
    return object === undefined ? { kind: 'missing' } : { kind: 'ok', object };
  }

  /** An object of that name: a conflict. The status is not taken over, as the server does with a status subresource. */
  create(object: T): Answer<T> {
    if (this.#objects.has(keyOf(object.metadata))) return { kind: 'conflict' };
    const { status: _status, ...rest } = object;
    const revision = this.#revisions.next();
    const metadata: ObjectMeta = {
      ...object.metadata,
      uid: uidOf(object.kind, revision),
      resourceVersion: String(revision),
      generation: 1,
      creationTimestamp: new Date(this.#clock.nowMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    };
    return { kind: 'ok', object: this.#store({ ...rest, metadata } as unknown as T, revision) };
  }

  /**
   * PUT of the status: taken only with the present resourceVersion and UID. One that changes nothing is answered as written, but
   * moves no resourceVersion.
   */
  replaceStatus(object: T): Answer<T> {
    const present = this.#objects.get(keyOf(object.metadata));
    if (present === undefined) return { kind: 'missing' };
    const { uid, resourceVersion } = present.metadata;
    if (object.metadata.uid !== uid || object.metadata.resourceVersion !== resourceVersion) return { kind: 'conflict' };
    if (textOf(object.status) === textOf(present.status)) return { kind: 'ok', object: present };
    return { kind: 'ok', object: this.#replace(present, object.status === undefined ? {} : { status: object.status }) };
  }

  /** PATCH of the owner references, taken only with the present resourceVersion and UID. */
  replaceOwners(object: T): Answer<T> {
    const present = this.#objects.get(keyOf(object.metadata));
    if (present === undefined) return { kind: 'missing' };
    const { uid, resourceVersion } = present.metadata;
    if (object.metadata.uid !== uid || object.metadata.resourceVersion !== resourceVersion) return { kind: 'conflict' };
    const { ownerReferences = [] } = object.metadata;
    return { kind: 'ok', object: this.#replace(present, { metadata: { ...present.metadata, ownerReferences } }) };
  }

  /** PUT of an object without a status of its own, such as a Lease. */
  replace(object: T): Answer<T> {
    const present = this.#objects.get(keyOf(object.metadata));
    if (present === undefined) return { kind: 'missing' };
    if (object.metadata.resourceVersion !== present.metadata.resourceVersion) return { kind: 'conflict' };
    return { kind: 'ok', object: this.#replace(present, { spec: object.spec }) };
  }

  /** Somebody else's unconditional change of the spec, labels or status; undefined where there is no such object. */
  change(
    name: string,
    namespace: string | undefined,
    edit: (present: T) => Partial<Pick<T, 'metadata' | 'spec' | 'status'>>,
  ): T | undefined {
    const present = this.get(name, namespace);
    return present === undefined ? undefined : this.#replace(present, edit(present));
  }

  delete(name: string, namespace?: string): T | undefined {
    const before = this.get(name, namespace);
    if (before === undefined) return undefined;
    this.#objects.delete(keyOf(before.metadata));
    this.#record({ revision: this.#revisions.next(), before });
    return before;
  }

  #replace(before: T, change: Partial<Pick<ModelObject, 'metadata' | 'spec' | 'status'>>): T {
    const revision = this.#revisions.next();
    const respec = change.spec !== undefined && textOf(change.spec) !== textOf(before.spec);
    const generation = (before.metadata.generation ?? 0) + (respec ? 1 : 0);
    const metadata = { ...before.metadata, ...change.metadata };
    const after = { ...before, ...change, metadata: { ...metadata, generation, resourceVersion: String(revision) } };
    return this.#store(after, revision, before);
  }

  #store(object: T, revision: number, before?: T): T {
    const after = frozen(JSON.parse(textOf(object))) as T;
    this.#objects.set(keyOf(after.metadata), after);
    this.#record({ revision, after, ...(before !== undefined && { before }) });
    return after;
  }

  #record(change: Change<T>): void {
    const by = this.#revisions.writer;
    this.#log.push(by === undefined ? change : { ...change, by });
  }
}

/** Reads the log at its own pace. */
export class Watch<T extends ModelObject> {
  readonly #collection: Collection<T>;
  readonly #matches: Matches<T>;
  readonly #fromRevision: number;
  readonly #restores: number;
  #position: number;

  constructor(collection: Collection<T>, matches: Matches<T>, fromRevision: number) {
    this.#collection = collection;
    this.#matches = matches;
    this.#fromRevision = fromRevision;
    this.#restores = collection.restores;
    this.#position = this.#start();
  }

  /** 410: the server does not know any more what came after what was told. */
  get isExpired(): boolean {
    return this.#restores !== this.#collection.restores;
  }

  get hasNext(): boolean {
    if (this.isExpired) return false;
    return this.#skip() < this.#collection.log.length;
  }

  /** The next event, if there is one already. */
  next(): WatchEvent<T> | undefined {
    if (this.isExpired) return undefined;
    this.#position = this.#skip();
    const change = this.#collection.log[this.#position];
    if (change === undefined) return undefined;
    this.#position += 1;
    return this.#eventOf(change);
  }

  /** Tells up to so many changes again, as a watch does that was taken up from an older revision. */
  rewind(changes: number): void {
    this.#position = Math.max(this.#start(), this.#position - changes);
  }

  #start(): number {
    const index = this.#collection.log.findIndex(({ revision }) => revision > this.#fromRevision);
    return index === -1 ? this.#collection.log.length : index;
  }

  #skip(): number {
    const { log } = this.#collection;
    let position = this.#position;
    for (let change = log[position]; change !== undefined; change = log[position]) {
      if (this.#eventOf(change) !== undefined) break;
      position += 1;
    }
    return position;
  }

  /** An object that no longer matches is DELETED: its former state, with the resourceVersion of the change. */
  #eventOf({ revision, before, after }: Change<T>): WatchEvent<T> | undefined {
    const did = before !== undefined && this.#matches(before);
    if (after !== undefined && this.#matches(after)) return { type: did ? 'MODIFIED' : 'ADDED', object: after };
    if (!did) return undefined;
    return {
      type: 'DELETED',
      object: { ...before, metadata: { ...before.metadata, resourceVersion: String(revision) } },
    };
  }
}

function keyOf({ name, namespace }: { name: string; namespace?: string | undefined }): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** Sortable in an order that has nothing to do with the time of creation: what is decided by UID must not agree by luck. */
function uidOf(kind: string, revision: number): string {
  const mixed = Math.imul(revision ^ 0x5bd1e995, 0x9e3779b1) >>> 0;
  return `${mixed.toString(16).padStart(8, '0')}-${kind.toLowerCase()}-${revision}`;
}

/** As the server keeps it: nothing absent is told apart from undefined, and keys do not count by their order. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (isRecord(item) ? sorted(item) : item)) ?? 'null';
}

function isRecord(item: unknown): item is Record<string, unknown> {
  return typeof item === 'object' && item !== null && !Array.isArray(item);
}

function sorted(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function frozen<V>(value: V): V {
  if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) frozen(item);
    Object.freeze(value);
  }
  return value;
}
