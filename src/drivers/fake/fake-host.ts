/** The host that the fake driver pretends to be. */
import type { PciDevice } from '../../ledger/types.ts';
import type { CpuCounters, CpuInfo, HostReport, NumaCell, ReportedInstance, ReportProblem } from '../driver.ts';

/** What a fake host consists of. Order does not matter: reports are sorted. */
export interface FakeHost {
  readonly hostname: string;
  readonly hypervisor: HostReport['hypervisor'];
  readonly cpuInfo: CpuInfo;
  readonly numaCells: readonly NumaCell[];
  readonly totals: HostReport['totals'];
  readonly instances: readonly ReportedInstance[];
  /** Absent: this hypervisor cannot tell. */
  readonly devices?: readonly PciDevice[];
  readonly problems: readonly ReportProblem[];
  /** Absent: this hypervisor has none. */
  readonly cpuCounters?: CpuCounters;
}

/** What goes wrong on purpose. */
export interface FakeFaults {
  /** The hypervisor is away. */
  readonly disconnected: boolean;
  /** How long an audit takes. */
  readonly auditDelayMs: number;
  /** Audits fail with this message. */
  readonly failAudit?: string | undefined;
  /** The hypervisor cannot tell what the host has, for this reason. */
  readonly cannotReport?: string | undefined;
  /** Reports lack these keys, as those of a driver that is broken. */
  readonly omit?: readonly ReportKey[] | undefined;
}

/** What a report can be made to lack. */
export const REPORT_KEYS = [
  'hostname',
  'cpuInfo',
  'totals',
  'used',
  'instances',
] as const satisfies readonly (keyof HostReport)[];
export type ReportKey = (typeof REPORT_KEYS)[number];

/** Nothing goes wrong. */
export const NO_FAULTS: FakeFaults = { disconnected: false, auditDelayMs: 0 };

/** A host of 16 CPUs, 64 GiB of memory and 1 TiB of disk that has nothing on it; change what a test is about. */
export function fakeHost(changes: Partial<FakeHost> = {}): FakeHost {
  return {
    hostname: 'fake',
    hypervisor: { type: 'fake', version: '1.0.0' },
    cpuInfo: { arch: 'x86_64', topology: { sockets: 1, cores: 8, threads: 2 }, features: [] },
    numaCells: [],
    totals: { vcpus: 16n, memoryBytes: 64n << 30n, diskBytes: 1n << 40n },
    instances: [],
    devices: [],
    problems: [],
    ...changes,
  };
}

/** The report that a host gives: sorted, with what its instances use. */
export function reportOf(host: FakeHost): HostReport {
  const running = host.instances.filter(({ vmState }) => vmState !== 'Stopped' && vmState !== 'Error');
  return {
    hostname: host.hostname,
    hypervisor: host.hypervisor,
    cpuInfo: { ...host.cpuInfo, features: host.cpuInfo.features.toSorted() },
    numaCells: host.numaCells.toSorted((one, other) => one.id - other.id),
    totals: host.totals,
    used: {
      vcpus: running.reduce((sum, { vcpus }) => sum + vcpus, 0n),
      memoryBytes: running.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0n),
      diskBytes: 0n,
    },
    instances: host.instances.map(canonicalInstance).toSorted((one, other) => order(one.uuid, other.uuid)),
    ...(host.devices !== undefined && {
      devices: host.devices.toSorted((one, other) => order(one.address, other.address)),
    }),
    problems: host.problems,
  };
}

function canonicalInstance(instance: ReportedInstance): ReportedInstance {
  return { ...instance, devices: instance.devices.toSorted() };
}

function order(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
