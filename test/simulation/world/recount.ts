/**
 * What a node should hold, counted in the dumbest way from the objects at the API server and the instances on the host. Shares no code with
 * the tracker, not even the reading of quantities.
 */
import type { Amounts, ComputeNode, InstanceClaim, Quantity } from '../../../src/api/generated/v1alpha1.ts';
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

/** What one claim holds: its flavor with overhead, or more where its instance has more. */
export function countClaim({ status }: InstanceClaim, instance?: ReportedInstance): Counted {
  const { vcpus = 0, memory, rootDisk, ephemeralDisk } = status?.flavor ?? {};
  const flavorMemory = bytes(memory);
  const ownMemory = instance !== undefined && instance.memoryBytes > flavorMemory ? instance.memoryBytes : flavorMemory;
  const ownVcpus = instance !== undefined && instance.vcpus > BigInt(vcpus) ? instance.vcpus : BigInt(vcpus);
  return {
    vcpus: ownVcpus,
    memoryBytes: ownMemory + bytes(status?.overhead?.memory),
    diskBytes: bytes(rootDisk) + bytes(ephemeralDisk),
  };
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
  const namesake = own && claims.find((other) => isCalled(other, own) && other.spec.nodeName === nodeName);
  const phase = namesake?.status?.phase;
  return namesake === undefined || phase === 'Rejected' || phase === 'Expired' ? own : undefined;
}

/** Instances that no claim explains. */
export function orphansOf(facts: NodeFacts): readonly ReportedInstance[] {
  const claimed = facts.claims.filter((claim) => isClaimedOn(facts.nodeName, claim));
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
  for (const claim of facts.claims.filter((candidate) => isClaimedOn(facts.nodeName, candidate)))
    add(countClaim(claim, instanceOf(claim, facts)));
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
