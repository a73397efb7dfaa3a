/** What a node holds for a claim: a function of that one object (protocol.md, "the claim is the lock"). Pure. */
import type { Flavor, InstanceClaim } from '../api/generated/v1alpha1.ts';
import type { ReportedInstance } from '../drivers/driver.ts';
import type { Amounts } from '../ledger/amounts.ts';
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
  const status = claim.status;
  if (status?.phase !== 'Claimed' || status.flavor === undefined) return [];
  const { migration } = status;
  const here = status.nodeName === settings.nodeName;
  const holdings = here ? [instanceHolding(claim, status.flavor, settings, instance)] : [];
  if (migration === undefined) return holdings;
  const toHere = migration.targetNodeName === settings.nodeName;
  const fromHere = migration.sourceNodeName === settings.nodeName;
  const other = otherSide(here, toHere, fromHere, sameFlavor(status.flavor, migration.newFlavor));
  const flavor = other === 'new' ? migration.newFlavor : migration.oldFlavor;
  if (other === undefined || flavor === undefined) return holdings;
  const devices = (migration.pciDevices ?? []).map(({ address }) => address);
  return [...holdings, holdingOf(migrationKey(claim.metadata.uid ?? ''), flavor, devices, settings)];
}

/** Nova: same-node resize holds the flavor that the instance is not in; an incoming one the new, an outgoing one the old. */
function otherSide(here: boolean, toHere: boolean, fromHere: boolean, moved: boolean): 'old' | 'new' | undefined {
  if (here) {
    if (toHere && fromHere) return moved ? 'old' : 'new';
    return undefined;
  }
  if (toHere) return 'new';
  return fromHere ? 'old' : undefined;
}

function sameFlavor(one: Flavor, other: Flavor | undefined): boolean {
  if (other === undefined) return true;
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
    amounts: instance === undefined ? held.amounts : larger(held.amounts, instance),
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

/** Where the hypervisor gave the instance more than was claimed, the larger counts. */
function larger(claimed: Amounts, { vcpus, memoryBytes }: ReportedInstance): Amounts {
  return {
    vcpus: vcpus > claimed.vcpus ? vcpus : claimed.vcpus,
    memoryBytes: memoryBytes > claimed.memoryBytes ? memoryBytes : claimed.memoryBytes,
    diskBytes: claimed.diskBytes,
  };
}

/** What an unclaimed instance costs. Nova counts its memory only; under Capped its vCPUs and devices count, too. */
export function orphanHolding(instance: ReportedInstance, settings: TrackerSettings, capped: boolean): Holding {
  const { uuid, vcpus, memoryBytes, devices } = instance;
  return {
    key: orphanKey(uuid),
    amounts: { vcpus: capped ? vcpus : 0n, memoryBytes, diskBytes: 0n },
    overheadMemoryBytes: settings.overheadMemoryBytes({ vcpus, memoryBytes }),
    devices: capped ? devices : [],
  };
}
