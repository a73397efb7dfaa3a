/** The status that an agent writes into an InstanceClaim, for each decision and each state. Pure. */

import { setCondition } from '../api/conditions.ts';
import type { ClaimedPciDevice, Flavor, InstanceClaim, InstanceClaimStatus } from '../api/generated/v1alpha1.ts';
import type { ReportedInstance } from '../drivers/driver.ts';
import type { AssignedDevice, PciDevice } from '../ledger/types.ts';
import { formatBytes } from '../quantity/quantity.ts';
import { MAX_CLAIMED_DEVICES } from './claim-facts.ts';
import { bytesOf, readableAmounts } from './readable.ts';
import type { Grounds } from './verdict.ts';

/** Where the instance is, as the claim tells it. */
export interface Place {
  readonly nodeName: string;
  readonly hostname: string;
  readonly hostIP?: string;
}

/** The claim's status once it is granted here. */
export function claimed(
  claim: InstanceClaim,
  place: Place,
  overheadMemoryBytes: bigint,
  devices: readonly ClaimedPciDevice[],
  now: Date,
): InstanceClaimStatus {
  const before = claim.status ?? {};
  const message = `claimed on node ${place.nodeName}`;
  const observedGeneration = generationOf(claim);
  return {
    ...before,
    ...place,
    phase: 'Claimed',
    launchedOn: before.launchedOn ?? place.nodeName,
    vmState: 'Building',
    ...(claim.spec.flavor !== undefined && { flavor: canonicalFlavor(claim.spec.flavor) }),
    overhead: { memory: formatBytes(overheadMemoryBytes) },
    pciDevices: devices.slice(0, MAX_CLAIMED_DEVICES),
    conditions: setCondition(
      before.conditions,
      { type: 'Claimed', status: 'True', reason: 'Claimed', message, observedGeneration },
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
  return { ...withoutGrant(claim, grounds, now), phase };
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
  /** Addresses that were given to the claim and are on the host no more. */
  readonly missingDevices: readonly string[];
}

/** The status of a claimed claim, brought up to what the hypervisor shows. Equal to the present one when nothing changed. */
export function sighted(claim: InstanceClaim, { instance, missingDevices }: Sighting, now: Date): InstanceClaimStatus {
  const before = claim.status ?? {};
  let conditions = before.conditions ?? [];
  const set = (type: string, status: 'True' | 'False', reason: string, message: string): void => {
    conditions = setCondition(
      conditions,
      { type, status, reason, message, observedGeneration: generationOf(claim) },
      now,
    );
  };
  const appeared = conditions.some(({ type }) => type === 'InstanceRunning');
  if (instance !== undefined) {
    const state = instance.vmState === 'Stopped' ? 'False' : 'True';
    set('InstanceRunning', state, instance.vmState, `the hypervisor shows the instance as ${instance.name}`);
    const excess = excessOf(claim, instance);
    if (excess === undefined) set('InstanceMatchesClaim', 'True', 'Matches', 'the instance has no more than its claim');
    else set('InstanceMatchesClaim', 'False', 'InstanceExceedsClaim', excess);
  } else if (appeared) {
    set(
      'InstanceRunning',
      'False',
      'InstanceMissing',
      'the hypervisor no longer knows the instance; delete the claim to release it',
    );
  }
  if ((before.pciDevices ?? []).length > 0) {
    if (missingDevices.length === 0) set('DevicesPresent', 'True', 'Present', 'all devices are on the host');
    else set('DevicesPresent', 'False', 'DevicesMissing', `gone from the host: ${missingDevices.join(', ')}`);
  }
  const vmState = instance?.vmState ?? before.vmState;
  return { ...before, ...(vmState !== undefined && { vmState }), conditions };
}

function excessOf(claim: InstanceClaim, instance: ReportedInstance): string | undefined {
  const { flavor } = claim.status ?? {};
  const held = readableAmounts(flavor);
  if (held === undefined) return undefined;
  const words: string[] = [];
  if (instance.memoryBytes > held.memoryBytes) {
    words.push(`memory: claimed ${formatBytes(held.memoryBytes)}, has ${formatBytes(instance.memoryBytes)}`);
  }
  if (instance.vcpus > held.vcpus) words.push(`vCPUs: claimed ${held.vcpus}, has ${instance.vcpus}`);
  return words.length === 0 ? undefined : `${words.join('; ')}; the larger counts`;
}
