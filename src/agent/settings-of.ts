import type { Driver } from '../drivers/driver.ts';
import type { Statistic } from '../ledger/statistic.ts';
import type { TrackerSettings } from '../protocol/settings.ts';
import { VERSION } from '../version.ts';
import type { AgentConfig } from './config.ts';

/** The most objects that `ComputeNode.status.agent.deciding` names: writes under way at a time. */
const MAX_BATCH = 100;

/** What the tracker needs of the configuration. */
export function settingsOf(
  config: AgentConfig,
  driver: Driver,
  identity: string,
  statistics: readonly Statistic[] = [],
): TrackerSettings {
  const { numerator, denominator } = config.metricsThreshold;
  return {
    nodeName: config.nodeName,
    identity,
    leaseNamespace: config.leaseNamespace,
    version: VERSION,
    ...(config.hostIP !== undefined && { hostIP: config.hostIP }),
    defaults: {
      reserved: {
        vcpus: BigInt(config.reservedVcpus),
        memoryBytes: config.reservedMemory,
        diskBytes: config.reservedDisk,
      },
      allocationRatios: {
        vcpus: config.vcpuAllocationRatio,
        memory: config.memoryAllocationRatio,
        disk: config.diskAllocationRatio,
      },
      limitPolicy: config.limitPolicy,
    },
    pciDevices: config.pciDevices,
    pciAliases: config.pciAliases,
    overheadMemoryBytes: (size) => driver.overheadMemoryBytes(size),
    maxBatch: MAX_BATCH,
    hostMetrics: {
      minIntervalMs: config.metricsMinIntervalSeconds * 1000,
      threshold: Number(numerator) / Number(denominator),
    },
    statistics,
  };
}
