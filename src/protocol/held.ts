/** What a node holds for a claim: a function of that one object (protocol.md, "the claim is the lock"). Pure. */
import type { Flavor, InstanceClaim, InstanceClaimStatus } from '../api/generated/v1alpha1.ts';
import type { ReportedInstance } from '../drivers/driver.ts';
import { type Amounts, larger, NOTHING } from '../ledger/amounts.ts';
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
  return heldFlavors(placeOf(claim.status), settings.nodeName).flatMap((which) => {
    if (which === 'InForce') return [instanceHolding(claim, settings, instance)];
    return migrationHolding(claim, which, settings);
  });
}

/** Whether a status says something that cannot be read, so that what its spec asks for is held instead. */
export function isUnreadable({ status }: InstanceClaim): boolean {
  if (status?.phase !== 'Claimed') return false;
  const { flavor, overhead, migration } = status;
  const flavors = [flavor, migration?.oldFlavor, migration?.newFlavor].filter((given) => given !== undefined);
  const isOverheadBad = overhead?.memory !== undefined && bytesOf(overhead.memory) === undefined;
  return isOverheadBad || flavors.some((given) => readableAmounts(given) === undefined);
}

/** The flavor in force. */
function amountsInForce({ spec, status }: InstanceClaim): Amounts {
  return readableAmounts(status?.flavor) ?? readableAmounts(spec.flavor) ?? NOTHING;
}

function placeOf({ phase, nodeName, flavor, migration }: InstanceClaimStatus): ClaimPlace {
  return {
    isClaimed: phase === 'Claimed',
    ...(nodeName !== undefined && { nodeName }),
    ...(migration !== undefined && {
      migration: { ...migration, hasNewFlavor: sameFlavor(flavor, migration.newFlavor) },
    }),
  };
}

function migrationHolding(claim: InstanceClaim, which: HeldFlavor, settings: TrackerSettings): Holding[] {
  const { migration } = claim.status ?? {};
  const flavor = which === 'New' ? migration?.newFlavor : migration?.oldFlavor;
  if (flavor === undefined) return [];
  const devices = (migration?.pciDevices ?? []).map(({ address }) => address);
  const amounts = readableAmounts(flavor) ?? amountsInForce(claim);
  return [holdingOf(migrationKey(claim.metadata.uid ?? ''), amounts, devices, settings)];
}

function sameFlavor(one: Flavor | undefined, other: Flavor | undefined): boolean {
  const [a, b] = [readableAmounts(one), readableAmounts(other)];
  if (a === undefined || b === undefined) return true;
  return (
    one?.name === other?.name && a.vcpus === b.vcpus && a.memoryBytes === b.memoryBytes && a.diskBytes === b.diskBytes
  );
}

function instanceHolding(
  claim: InstanceClaim,
  settings: TrackerSettings,
  instance: ReportedInstance | undefined,
): Holding {
  const uid = claim.metadata.uid ?? '';
  const status = claim.status;
  const granted = (status?.pciDevices ?? []).map(({ address }) => address);
  const devices = [...new Set([...granted, ...(instance?.devices ?? [])])];
  const held = holdingOf(claimKey(uid), amountsInForce(claim), devices, settings);
  return {
    ...held,
    // Where the hypervisor gave the instance more than was claimed, the larger counts.
    amounts: instance === undefined ? held.amounts : larger(held.amounts, { ...instance, diskBytes: 0n }),
    overheadMemoryBytes: bytesOf(status?.overhead?.memory) ?? held.overheadMemoryBytes,
    ...(instance !== undefined && { devicesInUse: instance.devices }),
    facts: {
      vmState: status?.vmState ?? null,
      taskState: status?.taskState ?? null,
      osType: claim.spec.instance?.osType ?? instance?.osType ?? null,
      project: claim.metadata.namespace ?? null,
    },
  };
}

function holdingOf(key: string, amounts: Amounts, devices: readonly string[], settings: TrackerSettings): Holding {
  return { key, amounts, overheadMemoryBytes: settings.overheadMemoryBytes(amounts), devices };
}
