/** What a node holds for a claim: a function of that one object (protocol.md, "the claim is the lock"). Pure. */
import type { Flavor, InstanceClaim, InstanceClaimStatus } from '../api/generated/v1alpha1.ts';
import type { ReportedInstance } from '../drivers/driver.ts';
import { larger } from '../ledger/amounts.ts';
import { type ClaimPlace, type HeldFlavor, heldFlavors } from '../ledger/migration.ts';
import type { Holding } from '../ledger/types.ts';
import { parseBytes } from '../quantity/quantity.ts';
import { amountsOf } from './claim-facts.ts';
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
  const { flavor } = claim.status ?? {};
  if (claim.status === undefined || flavor === undefined) return [];
  return heldFlavors(placeOf(claim.status), settings.nodeName).flatMap((which) => {
    if (which === 'InForce') return [instanceHolding(claim, flavor, settings, instance)];
    return migrationHolding(claim, which, settings);
  });
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
  return [holdingOf(migrationKey(claim.metadata.uid ?? ''), flavor, devices, settings)];
}

function sameFlavor(one: Flavor | undefined, other: Flavor | undefined): boolean {
  if (one === undefined || other === undefined) return true;
  const [a, b] = [amountsOf(one), amountsOf(other)];
  return (
    one.name === other.name && a.vcpus === b.vcpus && a.memoryBytes === b.memoryBytes && a.diskBytes === b.diskBytes
  );
}

function instanceHolding(
  claim: InstanceClaim,
  flavor: Flavor,
  settings: TrackerSettings,
  instance: ReportedInstance | undefined,
): Holding {
  const uid = claim.metadata.uid ?? '';
  const status = claim.status;
  const granted = (status?.pciDevices ?? []).map(({ address }) => address);
  const held = holdingOf(claimKey(uid), flavor, [...new Set([...granted, ...(instance?.devices ?? [])])], settings);
  return {
    ...held,
    // Where the hypervisor gave the instance more than was claimed, the larger counts.
    amounts: instance === undefined ? held.amounts : larger(held.amounts, { ...instance, diskBytes: 0n }),
    overheadMemoryBytes:
      status?.overhead?.memory === undefined ? held.overheadMemoryBytes : parseBytes(status.overhead.memory),
    ...(instance !== undefined && { devicesInUse: instance.devices }),
    facts: {
      vmState: status?.vmState ?? null,
      taskState: status?.taskState ?? null,
      osType: claim.spec.instance?.osType ?? instance?.osType ?? null,
      project: claim.metadata.namespace ?? null,
    },
  };
}

function holdingOf(key: string, flavor: Flavor, devices: readonly string[], settings: TrackerSettings): Holding {
  const amounts = amountsOf(flavor);
  return { key, amounts, overheadMemoryBytes: settings.overheadMemoryBytes(amounts), devices };
}
