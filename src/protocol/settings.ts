import type { ComputeNode, ComputeNodeSpec } from '../api/generated/v1alpha1.ts';
import type { InstanceSize } from '../drivers/driver.ts';
import type { Amounts } from '../ledger/amounts.ts';
import type { WhitelistEntry } from '../ledger/pci-whitelist.ts';
import type { Statistic } from '../ledger/statistic.ts';
import type { AllocationRatios, NodePolicy, PciSelector } from '../ledger/types.ts';
import type { MetricsPolicy } from './host-metrics.ts';
import { bytesOf, countOf, ratioOf } from './readable.ts';

/** What the agent's configuration says, as far as decisions depend on it. */
export interface TrackerSettings {
  readonly nodeName: string;
  /** Of this very process; a restarted one has another. */
  readonly identity: string;
  readonly leaseNamespace: string;
  readonly version: string;
  /** Overrides the Node's InternalIP. */
  readonly hostIP?: string;
  /** In force where ComputeNode.spec says nothing. */
  readonly defaults: NodePolicy;
  readonly pciDevices: readonly WhitelistEntry[];
  readonly pciAliases: ReadonlyMap<string, readonly PciSelector[]>;
  /** Pure; the driver's. */
  readonly overheadMemoryBytes: (size: InstanceSize) => bigint;
  /** The most decisions in one batch; it bounds `status.agent.deciding`. */
  readonly maxBatch: number;
  /** When figures of the host are published anew. Absent: they are not published. */
  readonly hostMetrics?: MetricsPolicy;
  /** Of plug-ins, counted beside Nova's. Absent: none. */
  readonly statistics?: readonly Statistic[];
}

/** How many writes may tell a state without deciding anything: a quarter of a batch at a time. Decisions are urgent, these are not. */
export function mostTelling({ maxBatch }: TrackerSettings): number {
  return Math.ceil(maxBatch / 4);
}

/** How many writes may be tried again of what was refused: an eighth of a batch, beside all else. */
export function mostRetrying({ maxBatch }: TrackerSettings): number {
  return Math.ceil(maxBatch / 8);
}

/** The rules in force on a node: what the administrator wrote, as far as it can be read, else the configuration's. */
export function effectivePolicy(spec: ComputeNodeSpec | undefined, defaults: NodePolicy): NodePolicy {
  const { limitPolicy } = spec ?? {};
  return {
    reserved: effectiveReserved(spec?.reserved, defaults.reserved),
    allocationRatios: effectiveRatios(spec?.allocationRatios, defaults.allocationRatios),
    limitPolicy: limitPolicy === 'Capped' || limitPolicy === 'ClaimOnly' ? limitPolicy : defaults.limitPolicy,
  };
}

function effectiveReserved(reserved: ComputeNodeSpec['reserved'], defaults: Amounts): Amounts {
  return {
    vcpus: countOf(reserved?.vcpus) ?? defaults.vcpus,
    memoryBytes: bytesOf(reserved?.memory) ?? defaults.memoryBytes,
    diskBytes: bytesOf(reserved?.disk) ?? defaults.diskBytes,
  };
}

function effectiveRatios(ratios: ComputeNodeSpec['allocationRatios'], defaults: AllocationRatios): AllocationRatios {
  return {
    vcpus: ratioOf(ratios?.vcpus) ?? defaults.vcpus,
    memory: ratioOf(ratios?.memory) ?? defaults.memory,
    disk: ratioOf(ratios?.disk) ?? defaults.disk,
  };
}

/** Which PCI devices may be handed out: the administrator's list replaces the configuration's as a whole. */
export function effectiveWhitelist(
  node: ComputeNode | undefined,
  settings: TrackerSettings,
): readonly WhitelistEntry[] {
  return node?.spec?.pciDevices ?? settings.pciDevices;
}
