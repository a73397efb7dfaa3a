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

/** The instance of a claim, by uuid. */
export function instanceOf(claim: InstanceClaim, instances: readonly ReportedInstance[]): ReportedInstance | undefined {
  const uuid = claim.spec.instance?.uuid ?? claim.metadata.uid;
  return instances.find((candidate) => candidate.uuid === uuid);
}

/** reserved + all claims on the node + the instances that none of them explains, without overhead for these. */
export function countUsed(
  nodeName: string,
  reserved: Amounts | undefined,
  claims: readonly InstanceClaim[],
  instances: readonly ReportedInstance[],
): Counted {
  const sum = counted(reserved);
  const explained = new Set<string>();
  for (const claim of claims.filter((candidate) => isClaimedOn(nodeName, candidate))) {
    const instance = instanceOf(claim, instances);
    if (instance !== undefined) explained.add(instance.uuid);
    const own = countClaim(claim, instance);
    sum.vcpus += own.vcpus;
    sum.memoryBytes += own.memoryBytes;
    sum.diskBytes += own.diskBytes;
  }
  for (const { uuid, vcpus, memoryBytes } of instances) {
    if (explained.has(uuid)) continue;
    sum.vcpus += vcpus;
    sum.memoryBytes += memoryBytes;
  }
  return sum;
}

/** The most memory that may be used under a ComputeNode's spec; what it does not say is nothing reserved, and a ratio of 1. */
export function memoryLimit({ spec }: ComputeNode, { memoryBytes }: HostReport['totals']): bigint {
  const reserved = bytes(spec.reserved?.memory);
  const thousandths = BigInt(Math.round(Number(spec.allocationRatios?.memory ?? 1) * 1000));
  return reserved + ((memoryBytes - reserved) * thousandths) / 1000n;
}
