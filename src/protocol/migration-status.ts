/** The statuses that an agent writes for a migration: of the claim, which is the lock, and of the Migration, which tells people. Pure. */
import { migrationColumns } from '../api/columns.ts';
import { type ConditionUpdate, setCondition } from '../api/conditions.ts';
import type {
  ClaimedPciDevice,
  Condition,
  Flavor,
  InstanceClaim,
  InstanceClaimStatus,
  Migration,
  MigrationLock,
  MigrationPhase,
  MigrationStatus,
} from '../api/generated/v1alpha1.ts';
import type { ReportedInstance } from '../drivers/driver.ts';
import { formatBytes } from '../quantity/quantity.ts';
import { claimedWords, type Place } from './claim-status.ts';
import { confirmsItself } from './migration-facts.ts';
import { bytesOf } from './readable.ts';
import type { Grounds } from './verdict.ts';

/** What the target holds from now on. */
export interface Berth {
  readonly newFlavor: Flavor;
  readonly overheadMemoryBytes: bigint;
  readonly pciDevices: readonly ClaimedPciDevice[];
}

/** The claim's status once it is locked: nothing but the lock changes. */
export function locked(
  claim: InstanceClaim,
  { metadata, spec }: Migration,
  { newFlavor, overheadMemoryBytes, pciDevices }: Berth,
): InstanceClaimStatus {
  const { status } = claim;
  const migration: MigrationLock = {
    uid: metadata.uid ?? '',
    name: metadata.name,
    sourceNodeName: status?.nodeName ?? '',
    targetNodeName: spec.targetNodeName,
    ...(status?.flavor !== undefined && { oldFlavor: status.flavor }),
    newFlavor,
    overhead: { memory: formatBytes(overheadMemoryBytes) },
    pciDevices,
  };
  return { ...status, migration };
}

/** The instance is on the target: node, flavor, overhead and devices change sides in one write. */
export function moved(
  { status }: InstanceClaim,
  lock: MigrationLock,
  place: Place,
  overheadMemoryBytes: bigint,
): InstanceClaimStatus {
  const { overhead: held, ...rest } = lock;
  return {
    ...claimedAt(withoutPlace(status), place.nodeName),
    ...place,
    ...(lock.newFlavor !== undefined && { flavor: lock.newFlavor }),
    overhead: { memory: formatBytes(bytesOf(held?.memory) ?? overheadMemoryBytes) },
    pciDevices: lock.pciDevices ?? [],
    migration: {
      ...rest,
      arrived: true,
      ...(status?.overhead !== undefined && { overhead: status.overhead }),
      pciDevices: status?.pciDevices ?? [],
    },
  };
}

/** Where the instance is when the lock is taken away. AsIs: where the claim says. */
export type EndsAt = 'Target' | 'Source' | 'AsIs';

/** As the claim was before it moved, still locked. What only the source's own agent knows of itself it writes itself. */
function movedBack({ status }: InstanceClaim, lock: MigrationLock, place: Place): InstanceClaimStatus {
  const { overhead: _overhead, ...rest } = withoutPlace(status);
  return {
    ...claimedAt(rest, lock.sourceNodeName),
    ...(place.nodeName === lock.sourceNodeName ? place : { nodeName: lock.sourceNodeName }),
    ...(lock.oldFlavor !== undefined && { flavor: lock.oldFlavor }),
    ...(lock.overhead !== undefined && { overhead: lock.overhead }),
    pciDevices: lock.pciDevices ?? [],
  };
}

/** The condition says where; since when it is claimed stays. */
function claimedAt(status: InstanceClaimStatus, nodeName: string): InstanceClaimStatus {
  const { message } = claimedWords(nodeName, undefined);
  const conditions = status.conditions?.map((one) => (one.type === 'Claimed' ? { ...one, message } : one));
  return { ...status, ...(conditions !== undefined && { conditions }) };
}

/** The end of a migration on the claim: one write, after which one node holds for it. */
export function unlocked(
  claim: InstanceClaim,
  lock: MigrationLock,
  at: EndsAt,
  place: Place,
  overheadMemoryBytes: bigint,
): InstanceClaimStatus {
  const { migration: _lock, ...rest } = settledAt(claim, lock, at, place, overheadMemoryBytes);
  return rest;
}

function settledAt(
  claim: InstanceClaim,
  lock: MigrationLock,
  at: EndsAt,
  place: Place,
  overheadMemoryBytes: bigint,
): InstanceClaimStatus {
  const hasArrived = lock.arrived === true;
  if (at === 'Target' && !hasArrived) return moved(claim, lock, place, overheadMemoryBytes);
  if (at === 'Source' && hasArrived) return movedBack(claim, lock, place);
  return claim.status ?? {};
}

/** What the way back from a target left open, as only the node itself knows it. */
export function filledIn(
  status: InstanceClaimStatus,
  { hostname, hostIP }: Place,
  overheadMemoryBytes: bigint,
): InstanceClaimStatus {
  if (status.hostname !== undefined && status.overhead !== undefined) return status;
  return {
    ...status,
    hostname,
    ...(hostIP !== undefined && { hostIP }),
    overhead: status.overhead ?? { memory: formatBytes(overheadMemoryBytes) },
  };
}

/**
 * A resize or cold migration that waits for its decision shows as the instance's state, whatever its power state is (Nova: vm_state resized).
 * Once it is decided the hypervisor's word counts again.
 */
export function resizedOrNot(
  status: InstanceClaimStatus,
  migration: Migration | undefined,
  instance: ReportedInstance | undefined,
): InstanceClaimStatus {
  const waits = status.migration?.arrived === true && migration !== undefined && !confirmsItself(migration);
  if (waits) return { ...status, vmState: 'Resized' };
  if (status.vmState !== 'Resized' || instance !== undefined) return status;
  const { vmState: _resized, ...rest } = status;
  return rest;
}

function withoutPlace(status: InstanceClaimStatus | undefined): InstanceClaimStatus {
  const { nodeName: _node, hostname: _host, hostIP: _address, ...rest } = status ?? {};
  return rest;
}

// --- what the Migration tells ----------------------------------------------------------------------------------------

/** Held on the target: what executors and people need to know of both sides. */
export function preMigrating(
  migration: Migration,
  claim: InstanceClaim,
  lock: MigrationLock,
  { place, untracked }: { readonly place: Place; readonly untracked?: string | undefined },
  overheadMemoryBytes: bigint,
  now: Date,
): MigrationStatus {
  const { oldFlavor, newFlavor, pciDevices = [] } = lock;
  const sourceHostname = claim.status?.hostname;
  const status: MigrationStatus = {
    ...migration.status,
    phase: 'PreMigrating',
    claimUID: claim.metadata.uid ?? '',
    sourceNodeName: lock.sourceNodeName,
    ...(sourceHostname !== undefined && { sourceHostname }),
    targetHostname: place.hostname,
    ...(place.hostIP !== undefined && { targetHostIP: place.hostIP }),
    ...(oldFlavor !== undefined && { oldFlavor }),
    ...(newFlavor !== undefined && { newFlavor }),
    overhead: { memory: formatBytes(overheadMemoryBytes) },
    pciDevices,
    conditions: conditionsWith(
      migration,
      { type: 'Claimed', status: 'True', ...claimedWords(place.nodeName, untracked) },
      now,
    ),
  };
  return { ...status, columns: migrationColumns(status) };
}

/** Refused by the target: nothing is held, and nothing was. */
export function rejected(migration: Migration, { reasons, message }: Grounds, now: Date): MigrationStatus {
  const condition = { type: 'Claimed', status: 'False', reason: reasons.join(','), message } as const;
  return { ...migration.status, phase: 'Rejected', conditions: conditionsWith(migration, condition, now) };
}

/** On its way: a phase that the agent has seen by itself. */
export function progressed(migration: Migration, phase: MigrationPhase): MigrationStatus {
  return { ...migration.status, phase };
}

/** How it ended, and why. */
export function concluded(
  migration: Migration,
  phase: 'Confirmed' | 'Reverted' | 'Failed',
  { reasons, message }: Grounds,
  now: Date,
): MigrationStatus {
  const status = phase === 'Confirmed' ? 'True' : 'False';
  const condition = { type: 'Succeeded', status, reason: reasons.join(','), message } as const;
  return { ...migration.status, phase, conditions: conditionsWith(migration, condition, now) };
}

/** What it waits for, or what is known of its target; the phase stays. */
export function noted(
  migration: Migration,
  condition: Omit<ConditionUpdate, 'observedGeneration'>,
  now: Date,
): MigrationStatus {
  return { ...migration.status, conditions: conditionsWith(migration, condition, now) };
}

function conditionsWith(
  { status, metadata }: Migration,
  condition: Omit<ConditionUpdate, 'observedGeneration'>,
  now: Date,
): readonly Condition[] {
  return setCondition(status?.conditions, { ...condition, observedGeneration: metadata.generation ?? 0 }, now);
}
