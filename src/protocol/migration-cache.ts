/**
 * What the tracker knows of the migrations that concern its node, and what it has asked of each: one request at a time. Nothing is held for
 * what a Migration says, so that an answer that did not come only leads to a read.
 */

import type { InstanceClaim, Migration, MigrationLock } from '../api/generated/v1alpha1.ts';
import { qualifiedName } from '../api/object-meta.ts';
import { timeOf } from './claim-facts.ts';
import type { Answer, Effect, MigrationOutcome, NamespacedName, ObjectRef } from './messages.ts';
import { keptMigration, MIGRATION_KIND, migrationRefOf, phaseOf } from './migration-facts.ts';
import { isNewer } from './resource-version.ts';
import { type MigrationSource, selectsMigration } from './sources.ts';
import { Turns } from './turns.ts';

export interface MigrationEntry {
  readonly ref: ObjectRef;
  readonly createdAtMs: number;
  migration: Migration;
  /** When it was seen last. */
  seenAtMs: number;
  /** A request about it is under way. */
  isBusy: boolean;
  /** The last write of it was not accepted: the next answer may take as long as the pauses between tries have become. */
  isFailing: boolean;
  /** The claim of its name when it was looked up for it. */
  lookup?: 'asking' | Answer<InstanceClaim>;
  /** It was looked at, and cannot be told before it is known whether this node's agent lives. */
  waitsForPulseOf?: string;
  /** What is told to people once the API server shows it. */
  outcome?: MigrationOutcome;
}

export class MigrationCache {
  /** Those that are to be taken up here. */
  readonly pending = new Turns<MigrationEntry>();
  readonly #nodeName: string;
  readonly #entries = new Map<string, MigrationEntry>();
  /** Claims that are looked up, by namespace and name, and for whom. */
  readonly #lookUps = new Map<string, readonly MigrationEntry[]>();
  /** Those of them that are not sent yet. */
  readonly #unsent = new Set<string>();
  /** UIDs of migrations that are surely gone. */
  readonly #gone = new Set<string>();
  /** UIDs of migrations that are read because a claim is locked for them and nothing else is known of them. */
  readonly #sought = new Set<string>();

  constructor(nodeName: string) {
    this.#nodeName = nodeName;
  }

  entries(): Iterable<MigrationEntry> {
    return this.#entries.values();
  }

  get(uid: string): MigrationEntry | undefined {
    return this.#entries.get(uid);
  }

  isGone(uid: string): boolean {
    return this.#gone.has(uid);
  }

  /** How many requests are under way, but for those that are tried again. */
  busy(): number {
    return this.#lookUps.size + this.#countBusy(false);
  }

  /** How many requests about such as failed before are under way. */
  retrying(): number {
    return this.#countBusy(true);
  }

  #countBusy(failing: boolean): number {
    let count = 0;
    for (const { isBusy, isFailing } of this.#entries.values()) if (isBusy && isFailing === failing) count += 1;
    return count;
  }

  listed(migrations: readonly Migration[], nowMs: number): void {
    for (const migration of migrations) this.#see(migration, nowMs);
  }

  /** A consistent list of one source: what it lacks is read. */
  relisted(source: MigrationSource, migrations: readonly Migration[], nowMs: number): readonly Effect[] {
    const uids = new Set(migrations.map(({ metadata }) => metadata.uid ?? ''));
    this.listed(migrations, nowMs);
    const absent = [...this.#entries.values()].filter(
      ({ ref, migration }) => selectsMigration(source, migration, this.#nodeName) && !uids.has(ref.uid),
    );
    return absent.flatMap((entry) => this.read(entry));
  }

  seen(migration: Migration, nowMs: number): readonly Effect[] {
    const entry = this.#see(migration, nowMs);
    const { outcome } = entry;
    if (outcome === undefined || phaseOf(entry.migration) !== outcome.phase) return [];
    delete entry.outcome;
    return [{ kind: 'migrated', outcome }];
  }

  deleted({ metadata }: Migration): void {
    this.#drop(metadata.uid ?? '');
  }

  readAnswered(ref: ObjectRef, answer: Answer<Migration>, nowMs: number): readonly Effect[] {
    const entry = this.#entries.get(ref.uid);
    if (entry !== undefined) entry.isBusy = false;
    this.#sought.delete(ref.uid);
    if (answer.kind === 'ok' && answer.object.metadata.uid === ref.uid) return this.seen(answer.object, nowMs);
    if (answer.kind === 'ok' || answer.kind === 'missing') this.#drop(ref.uid);
    else if (entry !== undefined) return this.read(entry);
    return [];
  }

  writeAnswered(ref: ObjectRef, answer: Answer<Migration>, nowMs: number): readonly Effect[] {
    const entry = this.#entries.get(ref.uid);
    if (entry === undefined) return [];
    entry.isBusy = false;
    entry.isFailing = answer.kind === 'refused' || answer.kind === 'unanswered';
    if (answer.kind === 'ok') return this.seen(answer.object, nowMs);
    const refused: Effect[] = answer.kind === 'refused' ? [writeRefused(ref, answer.message)] : [];
    return [...refused, ...this.read(entry)];
  }

  /**
   * Looks up the claim that it names: once, however many migrations name it. One that was sent already may be from before this migration:
   * it is asked again once that one is answered.
   */
  lookUp(entry: MigrationEntry): readonly Effect[] {
    const name = { namespace: entry.ref.namespace, name: entry.migration.spec.claimName };
    const key = qualifiedName(name);
    const askers = this.#lookUps.get(key);
    if (askers !== undefined && !this.#unsent.has(key)) return [];
    entry.lookup = 'asking';
    this.#lookUps.set(key, [...(askers ?? []), entry]);
    this.#unsent.add(key);
    return askers === undefined ? [{ kind: 'lookUpClaim', name }] : [];
  }

  /** All that is to be looked up is on its way. */
  lookUpsSent(): void {
    this.#unsent.clear();
  }

  lookedUp(name: NamespacedName, answer: Answer<InstanceClaim>): void {
    for (const entry of this.#lookUps.get(qualifiedName(name)) ?? []) entry.lookup = answer;
    this.#lookUps.delete(qualifiedName(name));
  }

  read(entry: MigrationEntry): readonly Effect[] {
    if (entry.isBusy) return [];
    entry.isBusy = true;
    return [{ kind: 'readMigration', ref: entry.ref }];
  }

  /** A claim is locked for a migration that is not known. A lock that names none is nobody's. */
  seek({ uid, name = '' }: MigrationLock, namespace: string): readonly Effect[] {
    if (name === '') this.#gone.add(uid);
    if (name === '' || this.#sought.has(uid)) return [];
    this.#sought.add(uid);
    return [{ kind: 'readMigration', ref: { kind: MIGRATION_KIND, namespace, name, uid } }];
  }

  /** Forgets all but those that are wanted. */
  keep(isWanted: (entry: MigrationEntry) => boolean, isLocked: (uid: string) => boolean): void {
    for (const entry of this.#entries.values()) if (!isLocked(entry.ref.uid) && !isWanted(entry)) this.#forget(entry);
    for (const uid of this.#gone) if (!isLocked(uid)) this.#gone.delete(uid);
  }

  #see(seen: Migration, nowMs: number): MigrationEntry {
    const migration = keptMigration(seen);
    const ref = migrationRefOf(migration);
    const known = this.#entries.get(ref.uid);
    if (known === undefined) {
      const createdAtMs = timeOf(migration.metadata.creationTimestamp) ?? nowMs;
      const entry: MigrationEntry = { ref, createdAtMs, migration, seenAtMs: nowMs, isBusy: false, isFailing: false };
      this.#entries.set(ref.uid, entry);
      this.#classify(entry);
      return entry;
    }
    known.seenAtMs = nowMs;
    if (isNewer(migration.metadata.resourceVersion, known.migration.metadata.resourceVersion)) {
      known.migration = migration;
      delete known.waitsForPulseOf;
      this.#classify(known);
    }
    return known;
  }

  #classify(entry: MigrationEntry): void {
    const { migration } = entry;
    const isPending = migration.spec.targetNodeName === this.#nodeName && phaseOf(migration) === 'Pending';
    if (isPending) this.pending.put(entry);
    else this.pending.delete(entry);
  }

  #drop(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry !== undefined) this.#forget(entry);
    this.#gone.add(uid);
  }

  #forget(entry: MigrationEntry): void {
    this.#entries.delete(entry.ref.uid);
    this.pending.delete(entry);
  }
}

function writeRefused({ namespace, name }: ObjectRef, error: string): Effect {
  return {
    kind: 'log',
    level: 'error',
    message: 'the API server refuses what the agent writes of a migration',
    fields: { namespace, migration: name, error },
  };
}
