/**
 * Amounts of the three countable resources. Bytes and vCPUs are `bigint`, so sums are exact whatever users ask for.
 */
export interface Amounts {
  readonly vcpus: bigint;
  readonly memoryBytes: bigint;
  readonly diskBytes: bigint;
}

/** An exact positive fraction, reduced or not; oversubscription is multiplied as a rational and rounded down. */
export interface Ratio {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export const NOTHING: Amounts = { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n };

export function add(left: Amounts, right: Amounts): Amounts {
  return {
    vcpus: left.vcpus + right.vcpus,
    memoryBytes: left.memoryBytes + right.memoryBytes,
    diskBytes: left.diskBytes + right.diskBytes,
  };
}

export function subtract(left: Amounts, right: Amounts): Amounts {
  return {
    vcpus: left.vcpus - right.vcpus,
    memoryBytes: left.memoryBytes - right.memoryBytes,
    diskBytes: left.diskBytes - right.diskBytes,
  };
}
