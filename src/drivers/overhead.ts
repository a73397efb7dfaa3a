/** Memory that the hypervisor itself needs for an instance, beside the guest's. */
import type { InstanceSize } from './driver.ts';

export interface OverheadConfig {
  readonly perInstanceBytes: bigint;
  readonly perVcpuBytes: bigint;
}

/** The overhead of an instance of this size: the same for as long as the configuration is. Absent parts are zero. */
export function overheadBytes(config: Partial<OverheadConfig> | undefined, size: InstanceSize): bigint {
  return (config?.perInstanceBytes ?? 0n) + (config?.perVcpuBytes ?? 0n) * size.vcpus;
}
