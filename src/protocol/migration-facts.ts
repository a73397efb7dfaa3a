/** A Migration as the protocol reads it. Pure. */
import type { InstanceClaim, Migration, MigrationPhase } from '../api/generated/v1alpha1.ts';
import type { ReportedInstance } from '../drivers/driver.ts';
import { keptMetadata } from './claim-facts.ts';
import type { ObjectRef } from './messages.ts';
import { readableAmounts } from './readable.ts';

export const MIGRATION_KIND = 'Migration';

/** The name of a migration for good. */
export function migrationRefOf({ metadata }: Migration): ObjectRef {
  const { namespace = '', name, uid = '' } = metadata;
  return { kind: MIGRATION_KIND, namespace, name, uid };
}

export function phaseOf({ status }: Migration): MigrationPhase {
  return status?.phase ?? 'Pending';
}

const FINAL: ReadonlySet<MigrationPhase> = new Set(['Confirmed', 'Reverted', 'Rejected', 'Failed']);

/** Whether its phase is final. Something may be held for it still: only the lock on the claim tells. */
export function isOver(migration: Migration): boolean {
  return FINAL.has(phaseOf(migration));
}

/** Whether it needs no decision once it is Finished. */
export function confirmsItself({ spec }: Migration): boolean {
  return spec.type === 'LiveMigration' || spec.type === 'Evacuation';
}

/** What is remembered of a migration: as of a claim, and who owns it. */
export function keptMigration({ apiVersion, kind, metadata, spec, status }: Migration): Migration {
  const { ownerReferences } = metadata;
  return {
    apiVersion,
    kind,
    metadata: { ...keptMetadata(metadata), ...(ownerReferences !== undefined && { ownerReferences }) },
    spec,
    ...(status !== undefined && { status }),
  };
}

/**
 * What the hypervisor of one node shows of an instance that is to come to it (or to get another size there). Arrived: it runs here, and not
 * only to be handed over. Arriving: it is being handed over. Unknown: this hypervisor cannot tell what its host has. Away: none of these; a stopped one may be here for whatever reason, so that
 * only its executor knows.
 */
export type Sight = 'Arrived' | 'Arriving' | 'Away' | 'Unknown';

/** What a node's hypervisor shows of the instance of a claim that is locked for a migration to this node. */
export function sightOf({ status }: InstanceClaim, instance: ReportedInstance | undefined): Sight {
  const lock = status?.migration;
  if (instance === undefined || lock === undefined) return 'Away';
  if (lock.sourceNodeName === lock.targetNodeName) return hasNewSize(lock, instance) ? 'Arrived' : 'Away';
  if (instance.taskState === 'Migrating' || instance.taskState === 'Spawning') return 'Arriving';
  return AT_WORK.has(instance.vmState) ? 'Arrived' : 'Away';
}

const AT_WORK: ReadonlySet<string> = new Set(['Active', 'Paused', 'Suspended', 'Rescued']);

/** Where both flavors have as many vCPUs and as much memory, nothing is to be seen. */
function hasNewSize(
  lock: NonNullable<NonNullable<InstanceClaim['status']>['migration']>,
  instance: ReportedInstance,
): boolean {
  const [before, after] = [readableAmounts(lock.oldFlavor), readableAmounts(lock.newFlavor)];
  if (before === undefined || after === undefined) return false;
  const differ = before.vcpus !== after.vcpus || before.memoryBytes !== after.memoryBytes;
  return differ && instance.vcpus === after.vcpus && instance.memoryBytes === after.memoryBytes;
}
