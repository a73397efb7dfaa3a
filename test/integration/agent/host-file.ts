import { rename, writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';

/** The parts of a fake host's file that the tests speak of. */
export interface FakeHostFile {
  readonly hostname?: string;
  readonly totals?: { readonly vcpus?: number; readonly memory: string; readonly disk: string };
  /** Nanoseconds of all CPUs since the host started. */
  readonly cpuCounters?: FakeCpuCounters;
  readonly instances?: readonly FakeInstance[];
  readonly devices?: readonly FakeDevice[];
  readonly problems?: readonly { readonly subject: string; readonly message: string }[];
  readonly faults?: {
    readonly disconnected?: boolean;
    readonly auditDelayMs?: number;
    readonly failAudit?: string;
    readonly cannotReport?: string;
    readonly omit?: readonly string[];
  };
}

export interface FakeCpuCounters {
  readonly user: number;
  readonly kernel: number;
  readonly idle: number;
  readonly iowait: number;
  readonly frequencyMhz: number;
}

export interface FakeInstance {
  readonly uuid: string;
  readonly name: string;
  readonly vmState?: string;
  readonly taskState?: string;
  readonly vcpus: number;
  readonly memory: string;
  readonly devices?: readonly string[];
  readonly claim?: { readonly namespace: string; readonly name: string };
}

export interface FakeDevice {
  readonly address: string;
  readonly vendorID: string;
  readonly productID: string;
  readonly deviceType?: 'PCI' | 'PF' | 'VF';
  readonly parentAddress?: string;
  readonly numaNode?: number;
}

/** 16 vCPUs, 64Gi of memory and 1Ti of disk, with nothing on it. With reserved and ratios 1 that is the limit, too. */
const HOST: FakeHostFile = { hostname: 'host', totals: { vcpus: 16, memory: '64Gi', disk: '1Ti' }, devices: [] };

/** Puts the host in place of what the file said; a reader sees the one or the other. */
export async function writeHost(path: string, changes: FakeHostFile): Promise<void> {
  await writeFile(`${path}.new`, stringify({ ...HOST, ...changes }));
  await rename(`${path}.new`, path);
}

/** GPUs of one kind: 0000:01:00.0, 0000:02:00.0 and so on. */
export function gpus(count: number): FakeDevice[] {
  return Array.from({ length: count }, (_, index) => ({
    address: `0000:${(index + 1).toString(16).padStart(2, '0')}:00.0`,
    vendorID: '10de',
    productID: '20b5',
  }));
}
