/**
 * The port between the tracker and a hypervisor. Every driver passes `test/drivers/contract`; these comments are that contract.
 * Nothing here knows Kubernetes, XML or libvirt.
 */
import type { PciDevice } from '../ledger/types.ts';

/** State of an instance as the API publishes it. */
export type VmState = 'Building' | 'Active' | 'Paused' | 'Suspended' | 'Stopped' | 'Rescued' | 'Resized' | 'Error';

/** A task in which a hypervisor itself can show an instance. Nova's tasks, in CamelCase; what executors do besides they say themselves. */
export type TaskState = 'Spawning' | 'Migrating' | 'Suspending' | 'ImageSnapshot' | 'Dumping' | 'PoweringOff';

/** An instance that the hypervisor knows, running or not. */
export interface ReportedInstance {
  /** Lower-case UUID; unique in a report. */
  readonly uuid: string;
  readonly name: string;
  readonly vmState: VmState;
  /**
   * Only while the hypervisor itself shows a task; absent does not mean that none is under way. On the target of a live migration an instance
   * is `Paused` and `Migrating` (before that `Building` and `Spawning`) until it has arrived; on its source it is so for as long as it is
   * held still to be handed over.
   */
  readonly taskState?: TaskState;
  readonly vcpus: bigint;
  /** The most memory that the guest may use. */
  readonly memoryBytes: bigint;
  /** PCI addresses given to it, sorted. */
  readonly devices: readonly string[];
  readonly osType?: string;
  /** The claim that its metadata names, if any. */
  readonly claim?: { readonly namespace: string; readonly name: string };
}

export interface CpuTopology {
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
}

export interface CpuInfo {
  readonly arch: string;
  readonly model?: string;
  readonly vendor?: string;
  readonly topology?: CpuTopology;
  /** Sorted. */
  readonly features: readonly string[];
}

export interface NumaCell {
  readonly id: number;
  readonly memoryBytes: bigint;
  /** Host CPU numbers, ascending. */
  readonly cpus: readonly number[];
}

/** Something that could not be read. The rest of the report is right without it. */
export interface ReportProblem {
  /** What is broken: `instance <name or uuid>`, `device <address>`, `host`, `disk`. */
  readonly subject: string;
  readonly message: string;
}

/**
 * One consistent reading of a host. Lists are sorted (instances by uuid, devices by address, cells by id),
 * so two readings of an unchanged host are deeply equal but for `used`.
 */
export interface HostReport {
  readonly hostname: string;
  readonly hypervisor: { readonly type: string; readonly version: string };
  readonly cpuInfo: CpuInfo;
  readonly numaCells: readonly NumaCell[];
  readonly totals: {
    /** Absent where the hypervisor cannot tell: vCPUs are then not tested. */
    readonly vcpus?: bigint;
    readonly memoryBytes: bigint;
    readonly diskBytes: bigint;
  };
  /** What the hypervisor measured as used, for people to compare; never used for accounting. */
  readonly used: { readonly vcpus?: bigint; readonly memoryBytes?: bigint; readonly diskBytes?: bigint };
  readonly instances: readonly ReportedInstance[];
  /** All PCI functions that could be given to a guest, assignable or not. Absent: this hypervisor cannot tell. */
  readonly devices?: readonly PciDevice[];
  readonly problems: readonly ReportProblem[];
}

export type DriverEvent =
  /** The connection to the hypervisor works (again). The owner audits after it. */
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected'; readonly message: string }
  /** An instance appeared or changed: the whole instance as it is now. */
  | { readonly kind: 'instanceChanged'; readonly instance: ReportedInstance }
  | { readonly kind: 'instanceGone'; readonly uuid: string }
  /** Devices came, went or changed; only an audit tells which. */
  | { readonly kind: 'hostChanged' };

export interface DriverOptions {
  readonly onEvent: (event: DriverEvent) => void;
  /** One line for people; level by severity. */
  readonly log?: (
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields?: Record<string, unknown>,
  ) => void;
}

/** How long all CPUs of the host together have done what since it started, in nanoseconds. One of them may go back a little (I/O wait does). */
export interface CpuCounters {
  readonly userNs: bigint;
  readonly kernelNs: bigint;
  readonly idleNs: bigint;
  readonly iowaitNs: bigint;
  readonly frequencyMhz: number;
}

/** What an instance's size is, as far as overhead depends on it. */
export interface InstanceSize {
  readonly vcpus: bigint;
  readonly memoryBytes: bigint;
}

/**
 * A connection to one hypervisor.
 *
 * - `start` begins to connect and resolves at once; `connected` follows as an event. It rejects with InvalidConfiguration for what cannot
 *   work however long one waits. A driver that loses its hypervisor, or cannot reach it from the start, says `disconnected` once and
 *   connects by itself with exponential backoff and jitter until `stop`.
 * - `audit` reads the whole host. It rejects with a DriverError while disconnected, and when the host itself (totals) cannot be read;
 *   one broken instance or device is a problem in the report instead. It never blocks the event loop, and takes a bounded
 *   number of calls, whatever the number of instances.
 * - `cannotReport` says why this hypervisor cannot tell what its host has, in words for people; undefined, or no such method: it can. That is an
 *   answer, no failure: claims are then granted without being counted, and `audit` is not called. It is asked before each audit; a
 *   driver whose answer changes says `hostChanged`. It rejects like `audit`.
 * - `cpuCounters` reads the host's CPU counters, in a bounded number of calls. It rejects with a DriverError: Disconnected as `audit` does,
 *   Unsupported where this hypervisor has none. A driver that can never have them leaves it out.
 * - `overheadMemoryBytes` is pure: the same size gives the same bytes for as long as the process lives.
 * - Events arrive in order and after the state that they tell is visible to `audit`. Events may be repeated.
 * - `stop` frees everything, may be called twice, and after it no event arrives.
 */
export interface Driver {
  readonly name: string;
  start(options: DriverOptions): Promise<void>;
  cannotReport?(signal?: AbortSignal): Promise<string | undefined>;
  audit(signal?: AbortSignal): Promise<HostReport>;
  cpuCounters?(signal?: AbortSignal): Promise<CpuCounters>;
  overheadMemoryBytes(size: InstanceSize): bigint;
  stop(): Promise<void>;
}

/** Failure of the hypervisor or of the way to it. `code` is a stable label for metrics. */
export class DriverError extends Error {
  readonly code: 'Disconnected' | 'Unsupported' | 'InvalidConfiguration' | 'InvalidReport' | 'CallFailed' | 'Timeout';
  readonly retryable: boolean;

  constructor(code: DriverError['code'], message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'DriverError';
    this.code = code;
    this.retryable = options.retryable ?? (code === 'Disconnected' || code === 'Timeout' || code === 'CallFailed');
  }
}
