/** Whether the target takes a migration: what it asks for, tested like a claim's, and what must be true of the claim. Pure. */
import { findCondition } from '../api/conditions.ts';
import type { InstanceClaim, Migration, PciRequest } from '../api/generated/v1alpha1.ts';
import type { ReportedInstance } from '../drivers/driver.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { ClaimRequest, PciDevice } from '../ledger/types.ts';
import { type Asked, asked, timeOf } from './claim-facts.ts';
import { canonicalFlavor, grantedDevices } from './claim-status.ts';
import { claimKey, orphanKey } from './held.ts';
import type { Berth } from './migration-status.ts';
import type { Pulse } from './peers.ts';
import type { TrackerSettings } from './settings.ts';
import { alreadyClaimed, devicesOf, type Grounds, groundsOf, refusalsThatCount } from './verdict.ts';

export interface MigrationCircumstances {
  readonly settings: TrackerSettings;
  readonly ledger: Ledger;
  readonly devices: ReadonlyMap<string, PciDevice>;
  readonly unschedulable: boolean;
  /** False: the hypervisor cannot tell what the host has, so that no amount is tested. */
  readonly isTracked: boolean;
  /** Of the source's agent; asked for an evacuation only. */
  readonly pulseOf: (nodeName: string) => Pulse;
  /** What this host has of the instance already. */
  readonly instance?: ReportedInstance;
  readonly isOrphan: boolean;
  /** Namespace/name of another claim that holds here for the same instance. */
  readonly claimedBy?: string;
}

export type MigrationVerdict =
  | { readonly kind: 'grant'; readonly berth: Berth }
  /** `isOfClaim`: what speaks against it is the state of the claim, of which a newer one may be known elsewhere. */
  | ({ readonly kind: 'refuse'; readonly isOfClaim?: boolean } & Grounds)
  /** It cannot be told before it is known whether that node's agent lives. */
  | { readonly kind: 'wait'; readonly forPulseOf: string };

/** The verdict on a migration that is Pending, with every failing reason. Changes nothing. */
export function judgeMigration(
  migration: Migration,
  claim: InstanceClaim | undefined,
  circumstances: MigrationCircumstances,
): MigrationVerdict {
  const fault = faultOf(migration, claim);
  if (claim === undefined || fault !== undefined)
    return { ...refuse(fault ?? claimNotFound(migration)), isOfClaim: true };
  if (circumstances.claimedBy !== undefined) return refuse(alreadyClaimed(circumstances.claimedBy));
  if (migration.spec.type === 'Evacuation') {
    const source = claim.status?.nodeName ?? '';
    const pulse = circumstances.pulseOf(source);
    if (pulse === 'Unknown') return { kind: 'wait', forPulseOf: source };
    if (pulse === 'Alive') return refuse(sourceAlive(claim));
  }
  const asks = asked(wishOf(migration, claim), circumstances.settings);
  if (asks.kind === 'unreadable') return refuse({ reasons: [asks.reason], message: asks.message });
  return tested(migration, claim, asks, circumstances);
}

function refuse(grounds: Grounds): MigrationVerdict & { kind: 'refuse' } {
  return { kind: 'refuse', ...grounds };
}

const isInPlace = (migration: Migration, claim: InstanceClaim): boolean =>
  claim.status?.nodeName === migration.spec.targetNodeName;

/** What is wrong with the claim, whatever the node has room for. */
function faultOf(migration: Migration, claim: InstanceClaim | undefined): Grounds | undefined {
  if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return claimNotFound(migration);
  const { name } = claim.metadata;
  const { phase = 'Pending', migration: lock } = claim.status ?? {};
  if (phase !== 'Claimed')
    return grounds(
      'ClaimNotClaimed',
      `InstanceClaim ${name} is ${phase}: only what is Claimed can be resized or moved`,
    );
  if (lock !== undefined && lock.uid !== migration.metadata.uid)
    return grounds(
      'MigrationInProgress',
      `InstanceClaim ${name} is held by the Migration ${lock.name ?? lock.uid} already; decide or delete that one first`,
    );
  const { type, targetNodeName } = migration.spec;
  if (type !== 'Resize' && isInPlace(migration, claim))
    return grounds(
      'SameNode',
      `the instance is on ${targetNodeName} already; name another node, or write type: Resize to change its flavor in place`,
    );
  if (type === 'Resize' && !isInPlace(migration, claim) && !isYounger(migration, claim))
    return olderThanClaim(migration);
  return undefined;
}

/**
 * A tenant may create a Resize in place, and the policy that tells it from one to another node can only look at a claim that is there: a
 * Resize that was there first was let through for nothing. Times in the API have whole seconds.
 */
function isYounger(migration: Migration, claim: InstanceClaim): boolean {
  const createdAtMs = timeOf(migration.metadata.creationTimestamp) ?? Number.POSITIVE_INFINITY;
  return createdAtMs > (timeOf(claim.metadata.creationTimestamp) ?? 0);
}

function olderThanClaim({ spec }: Migration): Grounds {
  return grounds(
    'OlderThanClaim',
    `a Resize to another node has to be created after its InstanceClaim ${spec.claimName}, and not in the same second; delete it and create it anew`,
  );
}

function claimNotFound({ spec, metadata }: Migration): Grounds {
  return grounds(
    'ClaimNotFound',
    `there is no InstanceClaim ${spec.claimName} in namespace ${metadata.namespace ?? ''}; spec.claimName names the claim of the instance`,
  );
}

function sourceAlive({ status }: InstanceClaim): Grounds {
  return grounds(
    'SourceAlive',
    `the agent of ${status?.nodeName} renews its Lease: an evacuation is for a dead node; write type: LiveMigration or ColdMigration`,
  );
}

function grounds(reason: string, message: string): Grounds {
  return { reasons: [reason], message };
}

/** In place without requests of its own: the devices stay as they are, and nothing is asked for. */
function wishOf({ spec }: Migration, claim: InstanceClaim) {
  const flavor = spec.flavor ?? claim.status?.flavor;
  const requests = spec.pciRequests ?? (spec.targetNodeName === claim.status?.nodeName ? undefined : requestsOf(claim));
  return {
    ...(flavor !== undefined && { flavor }),
    ...(spec.limits !== undefined && { limits: spec.limits }),
    ...(requests !== undefined && { pciRequests: requests }),
  };
}

function requestsOf({ spec }: InstanceClaim): readonly PciRequest[] | undefined {
  return spec.pciRequests;
}

function tested(
  migration: Migration,
  claim: InstanceClaim,
  asks: Asked & { kind: 'readable' },
  circumstances: MigrationCircumstances,
): MigrationVerdict {
  const inPlace = isInPlace(migration, claim);
  const decision = circumstances.ledger.test(requestOf(claim, asks, inPlace, circumstances));
  const { reasons, message } = groundsOf(refusalsThatCount(decision, circumstances.isTracked));
  if (circumstances.unschedulable && !inPlace) return refuse(alsoUnschedulable({ reasons, message }, migration));
  if (reasons.length > 0) return refuse({ reasons, message });
  const newFlavor = migration.spec.flavor ?? claim.status?.flavor;
  if (newFlavor === undefined) return refuse(grounds('UnknownFlavor', 'the claim has no flavor; write spec.flavor'));
  const keepsDevices = inPlace && migration.spec.pciRequests === undefined;
  const pciDevices = keepsDevices
    ? (claim.status?.pciDevices ?? [])
    : grantedDevices(devicesOf(decision), circumstances.devices);
  const { overheadMemoryBytes } = asks;
  return { kind: 'grant', berth: { newFlavor: canonicalFlavor(newFlavor), overheadMemoryBytes, pciDevices } };
}

function alsoUnschedulable({ reasons, message }: Grounds, { spec }: Migration): Grounds {
  const words = `node ${spec.targetNodeName} is unschedulable`;
  return { reasons: [...reasons, 'NodeUnschedulable'], message: message === '' ? words : `${message}; ${words}` };
}

function requestOf(
  claim: InstanceClaim,
  { amounts, overheadMemoryBytes, limits, pciRequests }: Asked & { kind: 'readable' },
  inPlace: boolean,
  { instance, isOrphan }: MigrationCircumstances,
): ClaimRequest {
  const own = (claim.status?.pciDevices ?? []).map(({ address }) => address);
  const orphan = isOrphan && !inPlace ? instance : undefined;
  return {
    amounts,
    overheadMemoryBytes,
    limits,
    pciRequests,
    ...(inPlace && { sharesDevicesOf: claimKey(claim.metadata.uid ?? '') }),
    ...(orphan !== undefined && { replaces: orphanKey(orphan.uuid) }),
    presentDevices: inPlace ? own : (orphan?.devices ?? []),
  };
}

/** Whether a Migration tells that its target's agent is dead. */
export function tellsDeadTarget({ status }: Migration): boolean {
  return findCondition(status?.conditions, 'TargetAlive')?.status === 'False';
}
