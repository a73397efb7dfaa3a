import type { Holding, LimitPolicy } from './types.ts';

/** An instance that the hypervisor has and that nothing claims. */
export interface Orphan {
  readonly vcpus: bigint;
  readonly memoryBytes: bigint;
  readonly overheadMemoryBytes: bigint;
  /** PCI addresses that the hypervisor gave it. */
  readonly devices: readonly string[];
}

/**
 * What is held for an orphan: memory, overhead and vCPUs; under ClaimOnly memory and overhead alone (Nova). Its devices are in use, so that
 * they are nobody's to give: Unavailable. Never disk, which nobody knows, and it does not count as an instance.
 */
export function orphanHolding(key: string, orphan: Orphan, policy: LimitPolicy): Holding {
  const { memoryBytes, overheadMemoryBytes, devices } = orphan;
  return {
    key,
    amounts: { vcpus: policy === 'Capped' ? orphan.vcpus : 0n, memoryBytes, diskBytes: 0n },
    overheadMemoryBytes,
    devices: [],
    devicesInUse: devices,
  };
}
