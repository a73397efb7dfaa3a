/** What a node holds for a claim: a function of that one object (protocol.md, "the claim is the lock"). Pure. */
import type { InstanceClaim, InstanceClaimStatus } from '../api/generated/v1alpha1.ts';
import type { ReportedInstance } from '../drivers/driver.ts';
import { type Amounts, NOTHING } from '../ledger/amounts.ts';
import { type ClaimPlace, type HeldFlavor, heldFlavors } from '../ledger/migration.ts';
import type { Holding } from '../ledger/types.ts';
import { bytesOf, readableAmounts } from './readable.ts';
import type { TrackerSettings } from './settings.ts';

/** Key of what is held for the instance itself. */
export const claimKey = (uid: string): string => `claim/${uid}`;
/** Key of what is held for a migration's other side: a resize in place, a target before the move, a source after it. */
export const migrationKey = (uid: string): string => `migration/${uid}`;
/** Key of an instance that no claim explains. */
export const orphanKey = (uuid: string): string => `orphan/${uuid}`;

/** The claim that a key holds for; an orphan's has none. */
export function claimOfKey(key: string): string | undefined {
  const [room, uid] = key.split('/');
  return room === 'orphan' ? undefined : uid;
}

/** All that one claim makes this node hold; empty when it concerns another node, or nothing yet. */
export function heldFor(
  claim: InstanceClaim,
  settings: TrackerSettings,
  instance?: ReportedInstance,
): readonly Holding[] {
  if (claim.status === undefined) return [];
  const flavors = heldFlavors(placeOf(claim.status), settings.nodeName);
  return flavors.flatMap((which) => {
    if (which !== 'InForce')
      return migrationHolding(claim, which, settings, flavors.length === 1 ? instance : undefined);
    return [instanceHolding(claim, settings, instance, otherAmounts(claim, flavors))];
  });
}

/** In a resize in place: of the flavor that the instance is not in. */
function otherAmounts({ status }: InstanceClaim, flavors: readonly HeldFlavor[]): Amounts {
  const other = flavors.find((which) => which !== 'InForce');
  if (other === undefined) return NOTHING;
  return readableAmounts(other === 'New' ? status?.migration?.newFlavor : status?.migration?.oldFlavor) ?? NOTHING;
}

/** Whether a status says something that cannot be read, so that what its spec asks for is held instead. */
export function isUnreadable({ status }: InstanceClaim): boolean {
  if (status?.phase !== 'Claimed') return false;
  const { flavor, overhead, migration } = status;
  const flavors = [flavor, migration?.oldFlavor, migration?.newFlavor].filter((given) => given !== undefined);
  const overheads = [overhead?.memory, migration?.overhead?.memory].filter((given) => given !== undefined);
  return (
    overheads.some((given) => bytesOf(given) === undefined) ||
    flavors.some((given) => readableAmounts(given) === undefined)
  );
}

/** The flavor in force. */
function amountsInForce({ spec, status }: InstanceClaim): Amounts {
  return readableAmounts(status?.flavor) ?? readableAmounts(spec.flavor) ?? NOTHING;
}

function placeOf({ phase, nodeName, migration }: InstanceClaimStatus): ClaimPlace {
  return {
    isClaimed: phase === 'Claimed',
    ...(nodeName !== undefined && { nodeName }),
    ...(migration !== undefined && { migration: { ...migration, hasNewFlavor: migration.arrived === true } }),
  };
}

/** The other side of a migration. `instance`: what the hypervisor of this node has of it at the moment. */
function migrationHolding(
  claim: InstanceClaim,
  which: HeldFlavor,
  settings: TrackerSettings,
  instance: ReportedInstance | undefined,
): Holding[] {
  const { migration } = claim.status ?? {};
  const flavor = which === 'New' ? migration?.newFlavor : migration?.oldFlavor;
  if (flavor === undefined) return [];
  const devices = (migration?.pciDevices ?? []).map(({ address }) => address);
  const amounts = readableAmounts(flavor) ?? amountsInForce(claim);
  const held = holdingOf(migrationKey(claim.metadata.uid ?? ''), amounts, devices, settings);
  const overheadMemoryBytes = bytesOf(migration?.overhead?.memory) ?? held.overheadMemoryBytes;
  return [withInstance({ ...held, overheadMemoryBytes }, instance)];
}

function instanceHolding(
  claim: InstanceClaim,
  settings: TrackerSettings,
  instance: ReportedInstance | undefined,
  other: Amounts,
): Holding {
  const { status } = claim;
  const granted = (status?.pciDevices ?? []).map(({ address }) => address);
  const held = holdingOf(claimKey(claim.metadata.uid ?? ''), amountsInForce(claim), granted, settings);
  return {
    ...withInstance(held, instance, other),
    overheadMemoryBytes: bytesOf(status?.overhead?.memory) ?? held.overheadMemoryBytes,
    facts: {
      vmState: status?.vmState ?? null,
      taskState: status?.taskState ?? null,
      osType: claim.spec.instance?.osType ?? instance?.osType ?? null,
      project: claim.metadata.namespace ?? null,
    },
  };
}

/**
 * Where the hypervisor gave the instance more than was claimed, the larger counts; also than `other`, which is held beside it and may be
 * the size that the instance has by now.
 */
function withInstance(held: Holding, instance: ReportedInstance | undefined, other: Amounts = NOTHING): Holding {
  if (instance === undefined) return held;
  const { vcpus, memoryBytes } = held.amounts;
  return {
    ...held,
    amounts: {
      ...held.amounts,
      vcpus: instance.vcpus > other.vcpus && instance.vcpus > vcpus ? instance.vcpus : vcpus,
      memoryBytes:
        instance.memoryBytes > other.memoryBytes && instance.memoryBytes > memoryBytes
          ? instance.memoryBytes
          : memoryBytes,
    },
    devices: [...new Set([...held.devices, ...instance.devices])],
    devicesInUse: instance.devices,
  };
}

function holdingOf(key: string, amounts: Amounts, devices: readonly string[], settings: TrackerSettings): Holding {
  return { key, amounts, overheadMemoryBytes: settings.overheadMemoryBytes(amounts), devices };
}
