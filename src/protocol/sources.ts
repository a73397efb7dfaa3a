/**
 * What an agent watches: all that concerns its node. The API server filters by one field at a time, and a claim concerns a node in four
 * ways, so there are as many watches, each of which begins with a list of its own.
 */
import type { InstanceClaim, Migration } from '../api/generated/v1alpha1.ts';
import type { Observation } from './messages.ts';
import { isNewer } from './resource-version.ts';

/** Fields by which claims are selected. */
export type ClaimSource =
  | 'spec.nodeName'
  | 'status.nodeName'
  | 'status.migration.sourceNodeName'
  | 'status.migration.targetNodeName';

/** Fields by which migrations are selected. Neither changes once it is set. */
export type MigrationSource = 'spec.targetNodeName' | 'status.sourceNodeName';

/**
 * Where the instances are is listed before where they come from: a claim that leaves the node in between is in the second list then. In the
 * other order neither would have it, and nothing would be held for it until an event came.
 */
export const FIRST_SOURCE = 'status.nodeName' satisfies ClaimSource;
export const CLAIM_SOURCES = [
  FIRST_SOURCE,
  'spec.nodeName',
  'status.migration.sourceNodeName',
  'status.migration.targetNodeName',
] as const satisfies readonly ClaimSource[];
export const MIGRATION_SOURCES = [
  'spec.targetNodeName',
  'status.sourceNodeName',
] as const satisfies readonly MigrationSource[];

/** Whether a source selects a claim. */
export function selects(source: ClaimSource, { spec, status }: InstanceClaim, nodeName: string): boolean {
  switch (source) {
    case 'spec.nodeName':
      return spec.nodeName === nodeName;
    case 'status.nodeName':
      return status?.nodeName === nodeName;
    case 'status.migration.sourceNodeName':
      return status?.migration?.sourceNodeName === nodeName;
    case 'status.migration.targetNodeName':
      return status?.migration?.targetNodeName === nodeName;
  }
}

/** Whether a source selects a migration. */
export function selectsMigration(source: MigrationSource, { spec, status }: Migration, nodeName: string): boolean {
  return (source === 'spec.targetNodeName' ? spec.targetNodeName : status?.sourceNodeName) === nodeName;
}

/**
 * Makes one stream of what the sources tell. Until each has listed, nothing is passed on; then all lists as one, and what came meanwhile
 * after them. From there on a list is of its source alone. For one start of all sources: the next one begins with a new Feed.
 */
export class Feed {
  readonly #claims = new Map<ClaimSource, readonly InstanceClaim[]>();
  readonly #migrations = new Map<MigrationSource, readonly Migration[]>();
  #early: Observation[] = [];
  #isComplete = false;

  /** `resourceVersion`: as of when the list is. */
  claims(source: ClaimSource, claims: readonly InstanceClaim[], resourceVersion: string): readonly Observation[] {
    if (this.#isComplete) return [{ kind: 'claimsRelisted', source, claims, resourceVersion }];
    this.#claims.set(source, claims);
    return this.#listed();
  }

  migrations(source: MigrationSource, migrations: readonly Migration[]): readonly Observation[] {
    if (this.#isComplete) return [{ kind: 'migrationsRelisted', source, migrations }];
    this.#migrations.set(source, migrations);
    return this.#listed();
  }

  event(observation: Observation): readonly Observation[] {
    if (this.#isComplete) return [observation];
    this.#early.push(observation);
    return [];
  }

  #listed(): readonly Observation[] {
    if (this.#claims.size < CLAIM_SOURCES.length || this.#migrations.size < MIGRATION_SOURCES.length) return [];
    this.#isComplete = true;
    const claims = newestOf([...this.#claims.values()].flat());
    const migrations = newestOf([...this.#migrations.values()].flat());
    const early = this.#early;
    this.#early = [];
    this.#claims.clear();
    this.#migrations.clear();
    return [{ kind: 'claimsListed', claims, migrations }, ...early];
  }
}

/** Of each object the newest that any of several lists has, which are of slightly different moments. */
export function newestOf<T extends InstanceClaim | Migration>(objects: readonly T[]): T[] {
  const byUid = new Map<string, T>();
  for (const object of objects) {
    const { uid = '', resourceVersion } = object.metadata;
    const known = byUid.get(uid);
    if (known === undefined || isNewer(resourceVersion, known.metadata.resourceVersion)) byUid.set(uid, object);
  }
  return [...byUid.values()];
}
