/** One API server, many nodes with a host each, and the processes of the agents on them. */

import type { ReportedInstance } from '../../../src/drivers/driver.ts';
import type { TrackerSettings } from '../../../src/protocol/settings.ts';
import { ModelApi } from './model-api.ts';
import { ModelClock } from './model-clock.ts';
import { ModelHost, type ModelHostParts } from './model-host.ts';
import { ModelProcess, type ModelProcessParts, type Protocol } from './model-process.ts';
import { Network } from './network.ts';
import { GIBIBYTE, gpu, MEBIBYTE, settings } from './objects.ts';
import type { Step } from './step.ts';

export interface ClusterParts {
  readonly nodeNames: readonly string[];
  readonly lease: ModelProcessParts['lease'];
  /** A process that is gone is known to be gone, as where its Pod is. */
  readonly knowsTheDead: boolean;
  readonly maxBatch: number;
  readonly protocol: Protocol;
  /** What a host has instead of the usual. */
  readonly hostOf?: (nodeName: string) => Omit<ModelHostParts, 'hostname'>;
  /** Per instance; the usual one: OVERHEAD_BYTES. */
  readonly overheadBytes?: bigint;
}

/** Per instance, so that what forgets it comes to other sums. */
export const OVERHEAD_BYTES = 64n * MEBIBYTE;

/** A network card with two virtual functions: who has one of these makes the whole card unavailable, and the other way round. */
const CARD = { vendorID: '8086', productID: '1572', numaNode: 0 };
const DEVICES: ConstructorParameters<typeof ModelHost>[0]['devices'] = [
  gpu(1),
  gpu(2),
  { ...CARD, address: '0000:41:00.0', deviceType: 'PF' },
  { ...CARD, address: '0000:41:02.0', deviceType: 'VF', parentAddress: '0000:41:00.0' },
  { ...CARD, address: '0000:41:02.1', deviceType: 'VF', parentAddress: '0000:41:00.0' },
];

const SETTINGS: Partial<TrackerSettings> = {
  pciDevices: [{ vendorID: '10de' }, { vendorID: '8086' }],
  pciAliases: new Map([
    ['gpu', [{ vendorID: '10de' }]],
    ['nic', [{ vendorID: '8086', deviceType: 'VF' }]],
    ['card', [{ vendorID: '8086', deviceType: 'PF' }]],
  ]),
};

export interface Clocks {
  readonly skewMs: number;
  readonly rate: number;
}

export class Cluster {
  readonly clock = new ModelClock();
  readonly api = new ModelApi(this.clock);
  readonly network = new Network();
  readonly parts: ClusterParts;
  readonly #hosts = new Map<string, ModelHost>();
  /** How many processes had been started when an instance was last put where it is. */
  readonly #since = new Map<ReportedInstance, number>();
  readonly #all = new Map<string, ModelProcess>();
  #running: ModelProcess[] = [];
  #tokens = 0;

  constructor(parts: ClusterParts) {
    this.parts = parts;
    for (const name of parts.nodeNames) {
      this.#hosts.set(name, hostOf(name, parts.hostOf));
      this.api.nodes.create({ kind: 'Node', metadata: { name }, spec: {} });
    }
  }

  /** Processes that have not ended. */
  get processes(): readonly ModelProcess[] {
    this.#running = this.#running.filter(({ isAlive }) => isAlive);
    return this.#running;
  }

  /** Of all times. */
  get processesStarted(): number {
    return this.#all.size;
  }

  process(name: string): ModelProcess | undefined {
    return this.#all.get(name);
  }

  host(nodeName: string): ModelHost {
    const host = this.#hosts.get(nodeName);
    if (host === undefined) throw new Error(`there is no host ${nodeName}`);
    return host;
  }

  /** As `kubectl cordon` does, and `uncordon`. */
  cordon(nodeName: string, unschedulable: boolean): void {
    this.api.nodes.change(nodeName, undefined, () => ({ spec: { unschedulable } }));
  }

  isCordoned(nodeName: string): boolean {
    return this.api.nodes.get(nodeName)?.spec.unschedulable === true;
  }

  startProcess(nodeName: string, { skewMs, rate }: Clocks): ModelProcess {
    const ordinal = this.#all.size + 1;
    const { api, clock, network } = this;
    const { lease, protocol, knowsTheDead, maxBatch, overheadBytes = OVERHEAD_BYTES } = this.parts;
    const process = new ModelProcess({
      name: `${nodeName.replace('node-', '')}${ordinal}`,
      ordinal,
      settings: settings({ ...SETTINGS, overheadMemoryBytes: () => overheadBytes, nodeName, maxBatch }),
      api,
      host: this.host(nodeName),
      clock,
      network,
      protocol,
      lease,
      skewMs,
      rate,
      newToken: () => {
        this.#tokens += 1;
        return `token-${this.#tokens}`;
      },
      isDead: (name) => knowsTheDead && this.#all.get(name)?.isAlive === false,
    });
    this.#all.set(process.name, process);
    this.#running.push(process);
    process.start();
    return process;
  }

  putInstance(nodeName: string, instance: ReportedInstance): void {
    this.host(nodeName).put(instance);
    this.#since.set(instance, this.#all.size);
  }

  /** Whether an instance is as it was when a process began: it can be expected to know of it. */
  isOlderThan(instance: ReportedInstance, { ordinal }: ModelProcess): boolean {
    return (this.#since.get(instance) ?? 0) < ordinal;
  }

  /** All that may happen next when nothing goes wrong. */
  steps(): Step[] {
    return [...this.processes.flatMap((process) => process.steps()), ...this.network.steps()];
  }

  faults(): Step[] {
    return [...this.processes.flatMap((process) => process.faults()), ...this.network.faults()];
  }
}

function hostOf(name: string, partsOf: ClusterParts['hostOf']): ModelHost {
  return new ModelHost({
    hostname: name.replace('node', 'host'),
    totals: { vcpus: 8n, memoryBytes: 6n * GIBIBYTE, diskBytes: 60n * GIBIBYTE },
    ...(DEVICES !== undefined && { devices: DEVICES }),
    ...partsOf?.(name),
  });
}
