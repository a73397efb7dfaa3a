/** Scenarios on the modelled API server: two nodes, and an agent of each. */
import type { InstanceClaim, Migration, MigrationPhase } from '../../src/api/generated/v1alpha1.ts';
import type { VmState } from '../../src/drivers/driver.ts';
import { Cluster } from '../simulation/world/cluster.ts';
import { claim, gpu, instance } from '../simulation/world/objects.ts';
import { bytes } from '../simulation/world/recount.ts';
import type { Flavor, NodeFigures, NodeName } from './scenario.ts';
import type { Size, Stage, Wish } from './stage.ts';

const CLOCKS = { skewMs: 0, rate: 1 };
const LEASE_MS = 70_000;
const MAX_STEPS = 10_000;

export class ModelStage implements Stage {
  readonly cluster: Cluster;

  constructor(overheadBytes = 0n) {
    this.cluster = new Cluster({
      nodeNames: ['node-a', 'node-b'],
      lease: 'kept',
      knowsTheDead: true,
      maxBatch: 16,
      protocol: {},
      overheadBytes,
      host: {
        totals: { vcpus: 8n, memoryBytes: 16n << 30n, diskBytes: 100n << 30n },
        devices: [gpu(1), gpu(2)],
      },
    });
    for (const nodeName of ['node-a', 'node-b'] as const) this.cluster.startProcess(nodeName, CLOCKS);
    this.#settle();
  }

  async createClaim({ name, flavor, gpus }: Wish & { readonly flavor: Flavor }, nodeName: NodeName): Promise<void> {
    const created = claim({ name, nodeName, ...requestsOf(gpus) });
    this.cluster.api.claims.create({ ...created, spec: { ...created.spec, flavor } });
  }

  async createMigration(
    { name, flavor, gpus }: Wish,
    claimName: string,
    type: Migration['spec']['type'],
    targetNodeName: NodeName,
  ): Promise<void> {
    const spec = { claimName, type, targetNodeName, ...(flavor !== undefined && { flavor }), ...requestsOf(gpus) };
    const metadata = { name, namespace: 'default' };
    this.cluster.api.migrations.create({
      apiVersion: 'resourcetracker.dev/v1alpha1',
      kind: 'Migration',
      metadata,
      spec,
    });
  }

  async deleteClaim(name: string): Promise<void> {
    const gone = this.cluster.api.claims.delete(name, 'default');
    // As Kubernetes' garbage collector does.
    for (const { metadata } of this.cluster.api.migrations.list().items)
      if (metadata.ownerReferences?.some(({ uid }) => uid === gone?.metadata.uid) === true)
        this.cluster.api.migrations.delete(metadata.name, 'default');
  }

  async deleteMigration(name: string): Promise<void> {
    this.cluster.api.migrations.delete(name, 'default');
  }

  async report(migration: string, phase: MigrationPhase): Promise<void> {
    this.cluster.api.migrations.change(migration, 'default', ({ status }) => ({ status: { ...status, phase } }));
  }

  async decide(migration: string, decision: NonNullable<Migration['spec']['decision']>): Promise<void> {
    this.cluster.api.migrations.change(migration, 'default', ({ spec }) => ({ spec: { ...spec, decision } }));
  }

  async putInstance(
    name: string,
    nodeName: NodeName,
    state: 'Active' | 'Stopped' | 'Arriving',
    size?: Size,
  ): Promise<void> {
    const { metadata, status } = this.#claimOf(name);
    const { vcpus = 0, memory = 0 } = size ?? status?.flavor ?? {};
    const vmState: VmState = state === 'Arriving' ? 'Paused' : state;
    const put = instance({
      uuid: metadata.uid ?? '',
      vmState,
      vcpus: BigInt(vcpus),
      memoryBytes: bytes(memory),
      ...(state === 'Arriving' && { taskState: 'Migrating' as const }),
    });
    this.cluster.putInstance(nodeName, put);
  }

  async removeInstance(name: string, nodeName: NodeName): Promise<void> {
    this.cluster.host(nodeName).remove(this.#claimOf(name).metadata.uid ?? '');
  }

  async killAgent(nodeName: NodeName): Promise<void> {
    for (const process of this.cluster.processes) if (process.nodeName === nodeName) process.kill();
  }

  async startAgent(nodeName: NodeName): Promise<void> {
    this.cluster.startProcess(nodeName, CLOCKS);
  }

  async outlastLease(): Promise<void> {
    const { clock } = this.cluster;
    for (const endMs = clock.nowMs + LEASE_MS; clock.nowMs < endMs; clock.advance(1_000)) this.#settle();
  }

  async settle(): Promise<void> {
    this.#settle();
  }

  #settle(): void {
    for (let count = 0; count < MAX_STEPS; count += 1) {
      const [step] = this.cluster.steps();
      if (step === undefined) return;
      step.run();
    }
    throw new Error('the world does not come to rest');
  }

  async figures(nodeName: NodeName): Promise<NodeFigures> {
    const { used, available } = this.cluster.api.computeNodes.get(nodeName)?.status ?? {};
    return { used: words(used), available: words(available) };
  }

  async claim(name: string): Promise<InstanceClaim | undefined> {
    return this.cluster.api.claims.get(name, 'default');
  }

  async migration(name: string): Promise<Migration | undefined> {
    return this.cluster.api.migrations.get(name, 'default');
  }

  #claimOf(name: string): InstanceClaim {
    const found = this.cluster.api.claims.get(name, 'default');
    if (found === undefined) throw new Error(`there is no claim ${name}`);
    return found;
  }
}

function requestsOf(count: number | undefined) {
  return count === undefined ? {} : { pciRequests: [{ name: 'gpus', count, alias: 'gpu' }] };
}

interface Told {
  readonly vcpus?: number;
  readonly memory?: number | string;
  readonly disk?: number | string;
}

function words({ vcpus = 0, memory = 0, disk = 0 }: Told = {}): string {
  return `${vcpus} ${memory} ${disk}`;
}
