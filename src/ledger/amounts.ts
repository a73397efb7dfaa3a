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
