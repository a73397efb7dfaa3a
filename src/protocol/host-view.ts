/** What the tracker knows of its host and of the Kubernetes Node of the same name: the last audit, and whether it is to be relied on. */
import type { ComputeNode } from '../api/generated/v1alpha1.ts';
import { shortened } from '../api/shortened.ts';
import type { HostReport, ReportedInstance } from '../drivers/driver.ts';
import { assignableDevices } from '../ledger/pci-whitelist.ts';
import type { Host, PciDevice } from '../ledger/types.ts';
import type { Place } from './claim-status.ts';
import type { HostReading } from './host-metrics.ts';
import type { Observation } from './messages.ts';
import type { NodeFacts } from './node-status.ts';
import { effectivePolicy, effectiveWhitelist, type TrackerSettings } from './settings.ts';

/** The schema's: what is longer is no name or address, and would have every status refused. */
const MAX_HOSTNAME = 253;
const MAX_ADDRESS = 45;

const NO_TOTALS: Host['totals'] = { memoryBytes: 0n, diskBytes: 0n };

/** What of a ComputeNode's status the host has to say. */
type HostFacts = Pick<
  NodeFacts,
  'hostIP' | 'report' | 'reportedAt' | 'untracked' | 'hostReading' | 'driverFault' | 'reportFault'
>;

export class HostView {
  readonly #settings: TrackerSettings;
  #isCordoned = false;
  #internalIP: string | undefined;
  #report: HostReport | undefined;
  #reportedAtMs = 0;
  /** Why the hypervisor cannot tell what the host has; there is no report then. */
  #untracked: string | undefined;
  #reading: HostReading | undefined;
  #present: ReadonlyMap<string, PciDevice> | undefined;
  #assignable: ReadonlyMap<string, PciDevice> = new Map();
  /** An audit was done since the driver connected. */
  #audited = false;
  #driverFault: string | undefined = 'not connected yet';
  #reportFault: string | undefined;

  constructor(settings: TrackerSettings) {
    this.#settings = settings;
  }

  /** Takes in what concerns the host. Returns the instances of an audit, all there are; undefined: it was none. */
  learn(observation: Observation, nowMs: number): readonly ReportedInstance[] | undefined {
    switch (observation.kind) {
      case 'hostReported':
        return this.#reported(observation.report, nowMs);
      case 'hostUntracked':
        return this.#cannotReport(observation.reason);
      case 'hostNodeSeen':
        this.#isCordoned = observation.unschedulable;
        this.#internalIP = observation.internalIP;
        break;
      case 'hostReportFailed':
        this.#reportFault = observation.message;
        break;
      case 'hostMeasured':
        this.#reading = observation.reading;
        break;
      case 'driverConnected':
        this.#driverFault = undefined;
        break;
      case 'driverDisconnected':
        this.#driverFault = observation.message;
        this.#audited = false;
        break;
      default:
        break;
    }
    return undefined;
  }

  #reported(report: HostReport, nowMs: number): readonly ReportedInstance[] {
    this.#report = report;
    this.#reportedAtMs = nowMs;
    this.#untracked = undefined;
    this.#present = report.devices && byAddress(report.devices);
    return this.#lookedAt(report.instances);
  }

  /** Figures and instances that were reported before may be others by now: nothing is tested against them. */
  #cannotReport(reason: string): readonly ReportedInstance[] {
    this.#report = undefined;
    this.#untracked = reason;
    this.#present = undefined;
    return this.#lookedAt([]);
  }

  #lookedAt(instances: readonly ReportedInstance[]): readonly ReportedInstance[] {
    this.#reportFault = undefined;
    this.#audited = this.#driverFault === undefined;
    return instances;
  }

  /** Why nothing can be decided by what is known of the host. */
  get obstacle(): string | undefined {
    if (this.#driverFault !== undefined) return `the hypervisor is not connected: ${this.#driverFault}`;
    return this.#audited ? undefined : 'the host is not audited yet';
  }

  /** The last good one; undefined before the first, and from one that cannot tell what it has. */
  get report(): HostReport | undefined {
    return this.#report;
  }

  /** Why the hypervisor cannot tell what its host has; undefined: it can, or was not asked yet. */
  get untracked(): string | undefined {
    return this.#untracked;
  }

  /** Whether there is anything to keep books of. */
  get isKnown(): boolean {
    return this.#report !== undefined || this.#untracked !== undefined;
  }

  get isCordoned(): boolean {
    return this.#isCordoned;
  }

  /** All its PCI devices by address; undefined where the hypervisor cannot tell them. */
  get devices(): ReadonlyMap<string, PciDevice> | undefined {
    return this.#present;
  }

  /** Those that may be handed out, by address, as of the last `hostFor`. */
  get assignable(): ReadonlyMap<string, PciDevice> {
    return this.#assignable;
  }

  /** The host as the ledger needs it, under what the administrator wrote. */
  hostFor(node: ComputeNode | undefined): Host {
    const reported = this.#report?.devices ?? [];
    const devices = assignableDevices(reported, effectiveWhitelist(node, this.#settings));
    this.#assignable = byAddress(devices);
    return {
      totals: this.#report?.totals ?? NO_TOTALS,
      policy: effectivePolicy(node?.spec, this.#settings.defaults),
      devices,
      unassignable: reported.filter(({ address }) => !this.#assignable.has(address)),
    };
  }

  /** Where instances here are, as claims tell it. */
  get place(): Place {
    const hostIP = this.#settings.hostIP ?? this.#internalIP;
    const { nodeName } = this.#settings;
    const hostname = shortened(this.#report?.hostname ?? nodeName, MAX_HOSTNAME);
    const isAddress = hostIP !== undefined && hostIP.length <= MAX_ADDRESS;
    return { nodeName, hostname, ...(isAddress && { hostIP }) };
  }

  get facts(): HostFacts {
    const { hostIP } = this.place;
    // Connected again, but nothing is decided before the audit: Ready must not say otherwise.
    const isUnread = this.isKnown && !this.#audited;
    const driverFault = this.#driverFault ?? (isUnread ? 'connected again; the host is being read' : undefined);
    return {
      ...(hostIP !== undefined && { hostIP }),
      ...(this.#report !== undefined && { report: this.#report, reportedAt: new Date(this.#reportedAtMs) }),
      ...(this.#untracked !== undefined && { untracked: this.#untracked }),
      ...(this.#reading !== undefined && { hostReading: this.#reading }),
      ...(driverFault !== undefined && { driverFault }),
      ...(this.#reportFault !== undefined && { reportFault: this.#reportFault }),
    };
  }
}

/** As the ledger has it: where an address is reported twice, the first report counts. */
function byAddress(devices: readonly PciDevice[]): ReadonlyMap<string, PciDevice> {
  return new Map(devices.toReversed().map((device) => [device.address, device]));
}
