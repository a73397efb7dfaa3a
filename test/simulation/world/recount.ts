/**
 * What a node should hold, counted in the dumbest way from the objects at the API server and the instances on the host. Shares no code with
 * the tracker, not even the reading of quantities.
 */
import type { Amounts, ComputeNode, Flavor, InstanceClaim, Quantity } from '../../../src/api/generated/v1alpha1.ts';
import type { HostReport, ReportedInstance } from '../../../src/drivers/driver.ts';

export interface Counted {
  vcpus: bigint;
  memoryBytes: bigint;
  diskBytes: bigint;
}

const UNITS: Readonly<Record<string, bigint>> = { Ki: 1n << 10n, Mi: 1n << 20n, Gi: 1n << 30n, Ti: 1n << 40n };

/** Whole bytes of a plain or binary quantity; absent: none. */
export function bytes(quantity: Quantity | undefined): bigint {
  const [, sign, digits = '0', unit] = /^(-?)(\d+)([KMGT]i)?$/.exec(String(quantity ?? 0)) ?? [];
  const amount = BigInt(digits) * (UNITS[unit ?? ''] ?? 1n);
  return sign === '-' ? -amount : amount;
}

/** Amounts as they are published, in numbers. */
export function counted({ vcpus, memory, disk }: Amounts = {}): Counted {
  return { vcpus: BigInt(vcpus ?? 0), memoryBytes: bytes(memory), diskBytes: bytes(disk) };
}

export function isClaimedOn(nodeName: string, { status }: InstanceClaim): boolean {
  return status?.phase === 'Claimed' && status.nodeName === nodeName;
}

/** Whether a node holds anything for a claim: where its instance is, and on both sides of its migration. */
export function isHeldOn(nodeName: string, { status }: InstanceClaim): boolean {
  const { sourceNodeName, targetNodeName } = status?.migration ?? {};
  return status?.phase === 'Claimed' && [status.nodeName, sourceNodeName, targetNodeName].includes(nodeName);
}

interface Side {
  readonly flavor: Flavor | undefined;
  readonly overhead: Quantity | undefined;
  readonly devices: readonly string[];
}

/** What a node holds for a claim: one side of its migration, both in a resize in place. */
export function sidesOn(nodeName: string, claim: InstanceClaim): Side[] {
  const { status } = claim;
  if (!isHeldOn(nodeName, claim)) return [];
  const lock = status?.migration;
  const inForce = {
    flavor: status?.flavor,
    overhead: status?.overhead?.memory,
    devices: addresses(status?.pciDevices),
  };
  const other = (flavor: Flavor | undefined): Side => ({
    flavor,
    overhead: lock?.overhead?.memory,
    devices: addresses(lock?.pciDevices),
  });
  if (lock === undefined) return [inForce];
  if (lock.sourceNodeName === lock.targetNodeName)
    return [inForce, other(lock.arrived === true ? lock.oldFlavor : lock.newFlavor)];
  if (status?.nodeName === nodeName) return [inForce];
  return [other(lock.targetNodeName === nodeName ? lock.newFlavor : lock.oldFlavor)];
}

function addresses(devices: readonly { readonly address: string }[] = []): string[] {
  return devices.map(({ address }) => address);
}

/** What one claim holds on a node: its flavors with overhead, or more where its instance has more. */
function countClaim(claim: InstanceClaim, facts: NodeFacts, instance?: ReportedInstance): Counted {
  const sum = { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n };
  const sides = sidesOn(facts.nodeName, claim);
  const most = { vcpus: 0n, memoryBytes: 0n };
  for (const { flavor, overhead } of sides) {
    const memory = bytes(flavor?.memory);
    const vcpus = BigInt(flavor?.vcpus ?? 0);
    sum.vcpus += vcpus;
    sum.memoryBytes += memory + (overhead === undefined ? (facts.overheadBytes ?? 0n) : bytes(overhead));
    sum.diskBytes += bytes(flavor?.rootDisk) + bytes(flavor?.ephemeralDisk);
    if (vcpus > most.vcpus) most.vcpus = vcpus;
    if (memory > most.memoryBytes) most.memoryBytes = memory;
  }
  const inForce = sides[0]?.flavor;
  // The flavor in force grows to what the instance has, where that is more than any of its flavors.
  if (instance !== undefined && instance.vcpus > most.vcpus) sum.vcpus += instance.vcpus - BigInt(inForce?.vcpus ?? 0);
  if (instance !== undefined && instance.memoryBytes > most.memoryBytes)
    sum.memoryBytes += instance.memoryBytes - bytes(inForce?.memory);
  return sum;
}

/** Everything that is at one node. */
export interface NodeFacts {
  readonly nodeName: string;
  readonly reserved?: Amounts | undefined;
  readonly claims: readonly InstanceClaim[];
  readonly instances: readonly ReportedInstance[];
  /** What each instance costs besides its own memory. */
  readonly overheadBytes?: bigint;
}

const isCalled = ({ metadata }: InstanceClaim, { claim }: ReportedInstance): boolean =>
  claim !== undefined && metadata.name === claim.name && metadata.namespace === claim.namespace;

/** The instance of a claim: by the name in the instance's metadata, else by uuid, unless it names another claim of this node. */
export function instanceOf(
  claim: InstanceClaim,
  { nodeName, claims, instances }: Pick<NodeFacts, 'nodeName' | 'claims' | 'instances'>,
): ReportedInstance | undefined {
  const named = instances.find((candidate) => isCalled(claim, candidate));
  if (named !== undefined) return named;
  const uuid = claim.spec.instance?.uuid ?? claim.metadata.uid;
  const own = instances.find((candidate) => candidate.uuid === uuid);
  const namesake = own && claims.find((other) => isCalled(other, own) && isKnownOn(nodeName, other));
  const phase = namesake?.status?.phase;
  return namesake === undefined || phase === 'Rejected' || phase === 'Expired' ? own : undefined;
}

function isKnownOn(nodeName: string, claim: InstanceClaim): boolean {
  return claim.spec.nodeName === nodeName || claim.status?.nodeName === nodeName || isHeldOn(nodeName, claim);
}

/** Instances that no claim explains. */
export function orphansOf(facts: NodeFacts): readonly ReportedInstance[] {
  const claimed = facts.claims.filter((claim) => isHeldOn(facts.nodeName, claim));
  const explained = new Set(claimed.map((claim) => instanceOf(claim, facts)?.uuid));
  return facts.instances.filter(({ uuid }) => !explained.has(uuid));
}

/** reserved + all claims on the node + the instances that none of them explains. */
export function countUsed(facts: NodeFacts): Counted {
  const sum = counted(facts.reserved);
  const add = ({ vcpus, memoryBytes, diskBytes }: Counted): void => {
    sum.vcpus += vcpus;
    sum.memoryBytes += memoryBytes;
    sum.diskBytes += diskBytes;
  };
  for (const claim of facts.claims.filter((candidate) => isHeldOn(facts.nodeName, candidate)))
    add(countClaim(claim, facts, instanceOf(claim, facts)));
  for (const { vcpus, memoryBytes } of orphansOf(facts))
    add({ vcpus, memoryBytes: memoryBytes + (facts.overheadBytes ?? 0n), diskBytes: 0n });
  return sum;
}

/** The most memory that may be used under a ComputeNode's spec; what it does not say is nothing reserved, and a ratio of 1. */
export function memoryLimit({ spec }: ComputeNode, { memoryBytes }: HostReport['totals']): bigint {
  const reserved = bytes(spec.reserved?.memory);
  const thousandths = BigInt(Math.round(Number(spec.allocationRatios?.memory ?? 1) * 1000));
  return reserved + ((memoryBytes - reserved) * thousandths) / 1000n;
}
