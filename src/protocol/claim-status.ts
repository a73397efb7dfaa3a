/** The status that an agent writes into an InstanceClaim, for each decision and each state. Pure. */

import { type ConditionUpdate, findCondition, setCondition } from '../api/conditions.ts';
import type { ClaimedPciDevice, Flavor, InstanceClaim, InstanceClaimStatus } from '../api/generated/v1alpha1.ts';
import type { ReportedInstance, VmState } from '../drivers/driver.ts';
import type { Amounts } from '../ledger/amounts.ts';
import type { AssignedDevice, PciDevice } from '../ledger/types.ts';
import { formatBytes } from '../quantity/quantity.ts';
import { MAX_CLAIMED_DEVICES } from './claim-facts.ts';
import { devicesPresent } from './claimed-devices.ts';
import { excessWords } from './excess.ts';
import { bytesOf, readableAmounts } from './readable.ts';
import { withSeenTask } from './task-state.ts';
import type { Grounds } from './verdict.ts';

/** Where the instance is, as the claim tells it. */
export interface Place {
  readonly nodeName: string;
  readonly hostname: string;
  readonly hostIP?: string;
}

/** How a grant is told: with the reason where the node does not count what it grants. */
export function claimedWords(nodeName: string, untracked: string | undefined): { reason: string; message: string } {
  if (untracked === undefined) return { reason: 'Claimed', message: `claimed on node ${nodeName}` };
  return { reason: UNTRACKED, message: `claimed on node ${nodeName} without accounting: ${untracked}` };
}

const UNTRACKED = 'TrackingDisabled';

/** The claim's status once it is granted here. */
export function claimed(
  claim: InstanceClaim,
  { place, untracked, token }: { readonly place: Place; readonly untracked?: string; readonly token: string },
  overheadMemoryBytes: bigint,
  devices: readonly ClaimedPciDevice[],
  now: Date,
): InstanceClaimStatus {
  const before = claim.status ?? {};
  const { reason, message } = claimedWords(place.nodeName, untracked);
  const observedGeneration = generationOf(claim);
  return {
    ...before,
    ...place,
    phase: 'Claimed',
    launchedOn: before.launchedOn ?? place.nodeName,
    vmState: 'Building',
    token,
    ...(claim.spec.flavor !== undefined && { flavor: canonicalFlavor(claim.spec.flavor) }),
    overhead: { memory: formatBytes(overheadMemoryBytes) },
    pciDevices: devices.slice(0, MAX_CLAIMED_DEVICES),
    conditions: setCondition(
      before.conditions,
      { type: 'Claimed', status: 'True', reason, message, observedGeneration },
      now,
    ),
    observedGeneration,
  };
}

/** The same flavor with its quantities in the one form in which the project writes them. */
export function canonicalFlavor(flavor: Flavor): Flavor {
  const { memory, rootDisk, ephemeralDisk } = flavor;
  return {
    ...flavor,
    memory: canonicalBytes(memory),
    ...(rootDisk !== undefined && { rootDisk: canonicalBytes(rootDisk) }),
    ...(ephemeralDisk !== undefined && { ephemeralDisk: canonicalBytes(ephemeralDisk) }),
  };
}

function canonicalBytes(quantity: number | string): number | string {
  const bytes = bytesOf(quantity);
  return bytes === undefined ? quantity : formatBytes(bytes);
}

/** A final refusal, or the end of a claim whose instance never came. */
export function ended(
  claim: InstanceClaim,
  phase: 'Rejected' | 'Expired',
  grounds: Grounds,
  now: Date,
): InstanceClaimStatus {
  const { migration: _lock, ...status } = withoutGrant(claim, grounds, now);
  return { ...status, phase };
}

/** The schema has room for so many: the first ones make room in a cluster with more nodes. */
const MAX_ATTEMPTS = 256;

/** A refusal that its scheduler is to take elsewhere: an attempt more, and still Pending. */
export function attempted(claim: InstanceClaim, nodeName: string, grounds: Grounds, now: Date): InstanceClaimStatus {
  const earlier = (claim.status?.attempts ?? []).filter((attempt) => attempt.nodeName !== nodeName);
  const attempts = [...earlier, { nodeName, reasons: [...grounds.reasons] }].slice(-MAX_ATTEMPTS);
  return { ...withoutGrant(claim, grounds, now), phase: 'Pending', attempts };
}

/** Still Pending, and why. */
export function waiting(claim: InstanceClaim, grounds: Grounds, now: Date): InstanceClaimStatus {
  return { ...withoutGrant(claim, grounds, now), phase: 'Pending' };
}

function generationOf({ metadata }: InstanceClaim): number {
  return metadata.generation ?? 0;
}

function withoutGrant(claim: InstanceClaim, { reasons, message }: Grounds, now: Date): InstanceClaimStatus {
  const observedGeneration = generationOf(claim);
  const condition = {
    type: 'Claimed',
    status: 'False',
    reason: reasons.join(','),
    message,
    observedGeneration,
  } as const;
  return {
    ...claim.status,
    conditions: setCondition(claim.status?.conditions, condition, now),
    observedGeneration,
  };
}

/** The granted devices with what the host says of them, by address. */
export function grantedDevices(
  devices: readonly AssignedDevice[],
  host: ReadonlyMap<string, PciDevice>,
): ClaimedPciDevice[] {
  const sorted = devices.toSorted((one, other) => (one.address < other.address ? -1 : 1));
  return sorted.map(({ request, address }) => {
    const device = host.get(address);
    return {
      request,
      address,
      ...(device !== undefined && { vendorID: device.vendorID, productID: device.productID }),
      ...(device?.numaNode !== undefined && { numaNode: device.numaNode }),
    };
  });
}

/** What is known of a claimed instance's life when its status is refreshed. */
export interface Sighting {
  /** Absent: the hypervisor does not know the instance. */
  readonly instance?: ReportedInstance;
  /** The host's devices by address. Absent: the hypervisor cannot tell them. */
  readonly devices?: ReadonlyMap<string, PciDevice>;
}

/** States in which the guest runs, or is held still in memory. */
const RUNNING: ReadonlySet<VmState> = new Set(['Active', 'Paused', 'Rescued', 'Resized']);

/** The status of a claimed claim, brought up to what the hypervisor shows. Equal to the present one when nothing changed. */
export function sighted(claim: InstanceClaim, { instance, devices }: Sighting, now: Date): InstanceClaimStatus {
  const before = claim.status ?? {};
  let conditions = before.conditions ?? [];
  const set = (type: string, status: ConditionUpdate['status'], reason: string, message: string): void => {
    conditions = setCondition(
      conditions,
      { type, status, reason, message, observedGeneration: generationOf(claim) },
      now,
    );
  };
  if (findCondition(conditions, 'Claimed')?.reason === UNTRACKED)
    set(
      'Claimed',
      'True',
      'Claimed',
      `claimed on node ${before.nodeName}; granted without accounting, and counted since`,
    );
  const appeared = conditions.some(({ type }) => type === 'InstanceRunning');
  if (instance !== undefined) {
    const state = RUNNING.has(instance.vmState) ? 'True' : 'False';
    set('InstanceRunning', state, instance.vmState, `the hypervisor shows the instance as ${instance.name}`);
    const excess = excessOf(claim, instance);
    if (excess === undefined) set('InstanceMatchesClaim', 'True', 'Matches', 'the instance has no more than its claim');
    else set('InstanceMatchesClaim', 'False', 'InstanceExceedsClaim', excess);
  } else if (appeared && !isOnTheMove(before)) {
    set(
      'InstanceRunning',
      'False',
      'InstanceMissing',
      'the hypervisor no longer knows the instance; delete the claim to release it',
    );
  }
  const given = before.pciDevices ?? [];
  if (given.length > 0 && devices !== undefined) {
    const { status, reason, message } = devicesPresent(given, devices);
    set('DevicesPresent', status, reason, message);
  }
  const vmState = instance?.vmState ?? before.vmState;
  return withSeenTask({ ...before, ...(vmState !== undefined && { vmState }), conditions }, instance?.taskState);
}

/** An instance leaves one side of a migration a moment before the claim says that it is on the other one. */
function isOnTheMove({ migration }: InstanceClaimStatus): boolean {
  return migration !== undefined;
}

function excessOf(claim: InstanceClaim, instance: ReportedInstance): string | undefined {
  const held = mostClaimed(claim.status ?? {});
  return held === undefined ? undefined : excessWords(held, instance);
}

/** In a resize in place both flavors are held here, and the instance may have either. */
function mostClaimed({ flavor, migration }: InstanceClaimStatus): Amounts | undefined {
  const inForce = readableAmounts(flavor);
  if (inForce === undefined || migration?.sourceNodeName !== migration?.targetNodeName) return inForce;
  const others = [migration?.oldFlavor, migration?.newFlavor].flatMap((other) => readableAmounts(other) ?? []);
  return {
    ...inForce,
    vcpus: others.map(({ vcpus }) => vcpus).reduce(larger, inForce.vcpus),
    memoryBytes: others.map(({ memoryBytes }) => memoryBytes).reduce(larger, inForce.memoryBytes),
  };
}

/** Math.max knows no bigint. */
function larger(one: bigint, other: bigint): bigint {
  if (one > other) return one;
  return other;
}
