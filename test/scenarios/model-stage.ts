/** Scenarios on the modelled API server: an agent of each node. */
import type {
  ComputeNode,
  ComputeNodeSpec,
  InstanceClaim,
  Migration,
  MigrationPhase,
} from '../../src/api/generated/v1alpha1.ts';
import type { PciDevice } from '../../src/ledger/types.ts';
import { Cluster } from '../simulation/world/cluster.ts';
import { claim, instance } from '../simulation/world/objects.ts';
import { bytes } from '../simulation/world/recount.ts';
import type { NodeName } from './scenario.ts';
import { type Appearance, devicesOn, gpuAddresses, HOST, type Stage, type Wish, wishedOf } from './stage.ts';

const NAMESPACE = 'default';
/** Phases in their order, as the schema has it for executors. */
const REPORTS: readonly MigrationPhase[] = ['PreMigrating', 'Migrating', 'PostMigrating', 'Finished'];
const CLOCKS = { skewMs: 0, rate: 1 };
/** So long that a peer is known to be dead, and not so long that this is forgotten again. */
const LEASE_MS = 50_000;
const MAX_STEPS = 10_000;

export class ModelStage implements Stage {
  readonly cluster: Cluster;

  constructor(nodeNames: readonly NodeName[]) {
    this.cluster = new Cluster({
      nodeNames,
      lease: 'kept',
      knowsTheDead: true,
      maxBatch: 16,
      protocol: {},
      overheadBytes: 0n,
      hostOf: (nodeName) => ({
        totals: { vcpus: BigInt(HOST.vcpus), memoryBytes: bytes(HOST.memory), diskBytes: bytes(HOST.disk) },
        devices: gpuAddresses(nodeName as NodeName).map(gpuAt),
      }),
    });
    for (const nodeName of nodeNames) this.cluster.startProcess(nodeName, CLOCKS);
    this.#settle();
  }

  async createClaim(wish: Wish, nodeName: NodeName): Promise<void> {
    const created = claim({ name: wish.name, nodeName });
    this.cluster.api.claims.create({ ...created, spec: { ...created.spec, ...wishedOf(wish) } });
  }

  async createMigration(
    wish: Wish,
    claimName: string,
    type: Migration['spec']['type'],
    targetNodeName: NodeName,
  ): Promise<void> {
    // In the second of its claim's creation a Resize would be too early (test/scenarios/files/older-than-claim.scenario).
    this.cluster.clock.advance(1_000);
    this.cluster.api.migrations.create({
      apiVersion: 'resourcetracker.dev/v1alpha1',
      kind: 'Migration',
      metadata: { name: wish.name, namespace: NAMESPACE },
      spec: { claimName, type, targetNodeName, ...wishedOf(wish) },
    });
  }

  async deleteClaim(name: string): Promise<void> {
    const { claims, migrations } = this.cluster.api;
    const gone = claims.delete(name, NAMESPACE);
    // As Kubernetes' garbage collector does.
    for (const { metadata } of migrations.list().items)
      if (metadata.ownerReferences?.some(({ uid }) => uid === gone?.metadata.uid) === true)
        migrations.delete(metadata.name, NAMESPACE);
  }

  async deleteMigration(name: string): Promise<void> {
    this.cluster.api.migrations.delete(name, NAMESPACE);
  }

  async report(migration: string, phase: MigrationPhase): Promise<void> {
    const { phase: before = 'Pending' } = this.cluster.api.migrations.get(migration, NAMESPACE)?.status ?? {};
    if (phase !== 'Failed' && REPORTS.indexOf(phase) !== REPORTS.indexOf(before) + 1)
      throw new Error(`the API server refuses it: ${before} cannot become ${phase}`);
    this.cluster.api.migrations.change(migration, NAMESPACE, ({ status }) => ({ status: { ...status, phase } }));
  }

  async decide(migration: string, decision: NonNullable<Migration['spec']['decision']>): Promise<void> {
    this.cluster.api.migrations.change(migration, NAMESPACE, ({ spec }) => ({ spec: { ...spec, decision } }));
  }

  async configure(nodeName: NodeName, given: ComputeNodeSpec): Promise<void> {
    this.cluster.api.computeNodes.change(nodeName, undefined, ({ spec }) => ({ spec: { ...spec, ...given } }));
  }

  async putInstance(name: string, nodeName: NodeName, { state, size, devices }: Appearance): Promise<void> {
    const of = this.#claimOf(name);
    const { vcpus = 0, memory = 0 } = size ?? of.status?.flavor ?? {};
    const put = instance({
      uuid: of.metadata.uid ?? '',
      vmState: state === 'Arriving' ? 'Paused' : state,
      vcpus: BigInt(vcpus),
      memoryBytes: bytes(memory),
      devices: devices ?? devicesOn(of, (other) => other === nodeName),
      ...(state === 'Arriving' && { taskState: 'Migrating' as const }),
    });
    this.cluster.putInstance(nodeName, put);
  }

  async removeInstance(name: string, nodeName: NodeName): Promise<void> {
    this.cluster.host(nodeName).remove(this.#claimOf(name).metadata.uid ?? '');
  }

  async connectHypervisor(nodeName: NodeName, isConnected: boolean): Promise<void> {
    const host = this.cluster.host(nodeName);
    if (isConnected) host.connect();
    else host.disconnect('away');
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

  async node(nodeName: NodeName): Promise<ComputeNode | undefined> {
    return this.cluster.api.computeNodes.get(nodeName);
  }

  async claim(name: string): Promise<InstanceClaim | undefined> {
    return this.cluster.api.claims.get(name, NAMESPACE);
  }

  async migration(name: string): Promise<Migration | undefined> {
    return this.cluster.api.migrations.get(name, NAMESPACE);
  }

  /** Also one that is gone: its instance may be there still. */
  #claimOf(name: string): InstanceClaim {
    const { claims } = this.cluster.api;
    const last = claims.log.findLast(({ before }) => before?.metadata.name === name)?.before;
    const found = claims.get(name, NAMESPACE) ?? last;
    if (found === undefined) throw new Error(`there is no claim ${name}`);
    return found;
  }
}

function gpuAt(address: string): PciDevice {
  return { address, vendorID: '10de', productID: '2204', deviceType: 'PCI' };
}
