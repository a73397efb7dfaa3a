/** A model of a hypervisor host and of the driver that reads it. */
import type { DriverEvent, HostReport, ReportedInstance } from '../../../src/drivers/driver.ts';
import type { PciDevice } from '../../../src/ledger/types.ts';

export interface ModelHostParts {
  readonly hostname: string;
  readonly totals: HostReport['totals'];
  readonly devices?: readonly PciDevice[];
}

/** Instances come and go by hand; every event stays in a log, from which an agent reads at its own pace. */
export class ModelHost {
  #parts: ModelHostParts;
  readonly #instances = new Map<string, ReportedInstance>();
  readonly #events: DriverEvent[] = [];
  #fault: string | undefined;
  /** Why the hypervisor cannot tell what the host has; undefined while it can. */
  cannotReport: string | undefined;

  constructor(parts: ModelHostParts) {
    this.#parts = parts;
  }

  get totals(): HostReport['totals'] {
    return this.#parts.totals;
  }

  get devices(): readonly PciDevice[] | undefined {
    return this.#parts.devices;
  }

  get events(): readonly DriverEvent[] {
    return this.#events;
  }

  /** Why the driver is not connected; undefined while it is. */
  get fault(): string | undefined {
    return this.#fault;
  }

  get instances(): readonly ReportedInstance[] {
    return [...this.#instances.values()].toSorted((one, other) => (one.uuid < other.uuid ? -1 : 1));
  }

  /** The instance is there from now on, or has changed. */
  put(instance: ReportedInstance): void {
    this.#instances.set(instance.uuid, instance);
    this.#tell({ kind: 'instanceChanged', instance });
  }

  remove(uuid: string): void {
    if (this.#instances.delete(uuid)) this.#tell({ kind: 'instanceGone', uuid });
  }

  /** Devices come, go or become others. */
  setDevices(devices: readonly PciDevice[]): void {
    this.#parts = { ...this.#parts, devices };
    this.#tell({ kind: 'hostChanged' });
  }

  disconnect(message: string): void {
    if (this.#fault !== undefined) return;
    this.#events.push({ kind: 'disconnected', message });
    this.#fault = message;
  }

  connect(): void {
    if (this.#fault === undefined) return;
    this.#fault = undefined;
    this.#events.push({ kind: 'connected' });
  }

  /** One reading of the whole host; undefined while disconnected. */
  audit(): HostReport | undefined {
    if (this.#fault !== undefined) return undefined;
    const { hostname, totals, devices } = this.#parts;
    return {
      hostname,
      hypervisor: { type: 'Model', version: '1.0' },
      cpuInfo: { arch: 'x86_64', features: [] },
      numaCells: [],
      totals,
      used: {},
      instances: this.instances,
      ...(devices !== undefined && { devices }),
      problems: [],
    };
  }

  #tell(event: DriverEvent): void {
    if (this.#fault === undefined) this.#events.push(event);
  }
}
