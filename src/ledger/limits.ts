import type { Amounts, Ratio } from './amounts.ts';
import type { Host } from './types.ts';

/** Figures of a host for the three resources; `vcpus` is absent where the host's total is unknown. */
export interface HostFigures {
  readonly vcpus?: bigint;
  readonly memoryBytes: bigint;
  readonly diskBytes: bigint;
}

/**
 * What may be used of one resource, in the node's terms (reserved is part of it): reserved + floor((total - reserved) * ratio).
 * Exact; rounds towards minus infinity, also where more is reserved than there is.
 */
export function limitOf(total: bigint, reserved: bigint, ratio: Ratio): bigint {
  return reserved + floorDivide((total - reserved) * ratio.numerator, ratio.denominator);
}

/** The host's limits under its policy. A total of vCPUs that nobody knows gives no limit. */
export function hostLimits({ totals, policy }: Host): HostFigures {
  const { reserved, allocationRatios: ratios } = policy;
  return withVcpus(totals.vcpus === undefined ? undefined : limitOf(totals.vcpus, reserved.vcpus, ratios.vcpus), {
    memoryBytes: limitOf(totals.memoryBytes, reserved.memoryBytes, ratios.memory),
    diskBytes: limitOf(totals.diskBytes, reserved.diskBytes, ratios.disk),
  });
}

/** `figures - used`; may be negative. */
export function remaining(figures: HostFigures, used: Amounts): HostFigures {
  return withVcpus(figures.vcpus === undefined ? undefined : figures.vcpus - used.vcpus, {
    memoryBytes: figures.memoryBytes - used.memoryBytes,
    diskBytes: figures.diskBytes - used.diskBytes,
  });
}

function withVcpus(vcpus: bigint | undefined, rest: { memoryBytes: bigint; diskBytes: bigint }): HostFigures {
  return vcpus === undefined ? rest : { vcpus, ...rest };
}

function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor !== 0n && dividend < 0n !== divisor < 0n ? quotient - 1n : quotient;
}
