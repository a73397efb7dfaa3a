/** Scenarios on a real API server: agents as processes of their own, with the rights of deploy/ and on hosts of the fake driver. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  ComputeNode,
  ComputeNodeSpec,
  InstanceClaim,
  Migration,
  MigrationPhase,
} from '../../../src/api/generated/v1alpha1.ts';
import { COMPUTE_NODES, INSTANCE_CLAIMS, LEASES, MIGRATIONS } from '../../../src/api/kinds.ts';
import type { Lease } from '../../../src/api/lease.ts';
import type { Connection } from '../../../src/kube/connection.ts';
import { type KubeObject, type ResourceClient, resourceClient } from '../../../src/kube/resource.ts';
import type { NodeName, Scenario } from '../../scenarios/scenario.ts';
import { type Appearance, devicesOn, type Stage, type Wish, wishedOf } from '../../scenarios/stage.ts';
import { AgentProcess } from '../agent/agent-process.ts';
import { eventually } from '../agent/eventually.ts';
import { ScenarioHost } from './host.ts';
import type { People } from './people.ts';

const NAMESPACES = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false } as const;
const API_VERSION = 'resourcetracker.dev/v1alpha1';
/** A source looks at the Lease of its target every five seconds; it is renewed four times within its duration. */
const LEASE_SECONDS = 8;
/** Kubernetes' garbage collector looks for new kinds every 30 seconds. */
const SETTLE_MS = 90_000;
/** Many scenarios look at one API server at once. */
const LOOK_MS = 100;

const FLAGS = [
  '--driver=fake',
  '--listen-address=127.0.0.1:0',
  `--lease-duration-seconds=${LEASE_SECONDS}`,
  '--reserved-memory=0',
  '--vcpu-allocation-ratio=1',
  '--memory-allocation-ratio=1',
  '--pci-devices=[{vendorID: "10de"}]',
  '--pci-aliases={gpu: [{vendorID: "10de"}]}',
];

/** One node: its host, the kubeconfig of its agent, and the agent while it lives. */
interface NodeParts {
  readonly host: ScenarioHost;
  readonly kubeconfig: string;
  agent: AgentProcess | undefined;
}

export class RealStage implements Stage {
  readonly #scenario: string;
  readonly #folder: string;
  readonly #people: People;
  readonly #nodes = new Map<NodeName, NodeParts>();
  /** UIDs of claims by name, of those that are gone, too. */
  readonly #uids = new Map<string, string>();
  /** When the last claim was created, as the API tells it. */
  #claimedAtMs = 0;

  private constructor(scenario: string, folder: string, people: People) {
    this.#scenario = scenario;
    this.#folder = folder;
    this.#people = people;
  }

  /** With its nodes' agents ready. */
  static async open({ name, nodes }: Scenario, people: People): Promise<RealStage> {
    const folder = join(people.controlPlane.directory, `scenario-${name}`);
    await mkdir(folder);
    const stage = new RealStage(name, folder, people);
    try {
      await stage.#as<KubeObject>(people.administrator, NAMESPACES).create({ metadata: { name } });
      await Promise.all(nodes.map((nodeName) => stage.#build(nodeName)));
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  async #build(nodeName: NodeName): Promise<void> {
    const host = new ScenarioHost(this.#folder, nodeName);
    await host.write();
    const kubeconfig = await this.#people.agentOf(this.#real(nodeName));
    this.#nodes.set(nodeName, { host, kubeconfig, agent: undefined });
    await this.startAgent(nodeName);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map(({ agent }) => agent?.kill()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  // --- what people do -------------------------------------------------------------------------------------------------

  async createClaim(wish: Wish & { readonly flavor: NonNullable<Wish['flavor']> }, nodeName: NodeName): Promise<void> {
    const created = await this.#as<InstanceClaim>(this.#people.mover, INSTANCE_CLAIMS).create({
      apiVersion: API_VERSION,
      kind: 'InstanceClaim',
      metadata: { name: wish.name, namespace: this.#scenario },
      spec: { nodeName: this.#real(nodeName), ...wishedOf(wish) },
    });
    this.#uids.set(wish.name, created.metadata.uid ?? '');
    this.#claimedAtMs = Date.parse(created.metadata.creationTimestamp ?? '');
    await eventually(async () => {
      if (((await this.claim(wish.name))?.status?.phase ?? 'Pending') === 'Pending')
        throw new Error(`${wish.name} is not decided`);
    });
  }

  async createMigration(wish: Wish, claimName: string, type: Migration['spec']['type'], target: NodeName) {
    // In the second of its claim's creation a Resize would be too early (test/scenarios/files/older-than-claim.scenario).
    await eventually(async () => {
      if (Date.now() < this.#claimedAtMs + 1_000) throw new Error('the second is not over');
    });
    await this.#as<Migration>(this.#people.mover, MIGRATIONS).create({
      apiVersion: API_VERSION,
      kind: 'Migration',
      metadata: { name: wish.name, namespace: this.#scenario },
      spec: { claimName, type, targetNodeName: this.#real(target), ...wishedOf(wish) },
    });
  }

  async deleteClaim(name: string): Promise<void> {
    await this.#as(this.#people.mover, INSTANCE_CLAIMS).delete(name, { namespace: this.#scenario });
  }

  async deleteMigration(name: string): Promise<void> {
    await this.#as(this.#people.mover, MIGRATIONS).delete(name, { namespace: this.#scenario });
  }

  async report(migration: string, phase: MigrationPhase): Promise<void> {
    await this.#patch(this.#people.executor, MIGRATIONS, migration, { status: { phase } }, 'status');
  }

  async decide(migration: string, decision: NonNullable<Migration['spec']['decision']>): Promise<void> {
    await this.#patch(this.#people.mover, MIGRATIONS, migration, { spec: { decision } });
  }

  async configure(nodeName: NodeName, spec: ComputeNodeSpec): Promise<void> {
    await this.#as<ComputeNode>(this.#people.administrator, COMPUTE_NODES).patch(
      this.#real(nodeName),
      { spec },
      { type: 'merge' },
    );
  }

  // --- what happens on hosts ------------------------------------------------------------------------------------------

  async putInstance(claim: string, nodeName: NodeName, { state, size, devices }: Appearance): Promise<void> {
    const of = await this.claim(claim);
    if (of === undefined) throw new Error(`there is no claim ${claim}`);
    const { vcpus = 0, memory = 0 } = size ?? of.status?.flavor ?? {};
    await this.#hostOf(nodeName).put({
      uuid: this.#uids.get(claim) ?? '',
      name: claim,
      vmState: state === 'Arriving' ? 'Paused' : state,
      ...(state === 'Arriving' && { taskState: 'Migrating' }),
      vcpus,
      memory: String(memory),
      devices: devices ?? devicesOn(of, (other) => other === nodeName),
    });
    await this.#untilSeen(nodeName);
  }

  async removeInstance(claim: string, nodeName: NodeName): Promise<void> {
    await this.#hostOf(nodeName).remove(this.#uids.get(claim) ?? '');
    await this.#untilSeen(nodeName);
  }

  async connectHypervisor(nodeName: NodeName, isConnected: boolean): Promise<void> {
    await this.#hostOf(nodeName).connect(isConnected);
    await eventually(async () => {
      const { conditions = [] } = (await this.node(nodeName))?.status ?? {};
      const connected = conditions.find(({ type }) => type === 'HypervisorConnected');
      if (connected?.status !== (isConnected ? 'True' : 'False')) throw new Error('the agent has not noticed');
    });
  }

  async killAgent(nodeName: NodeName): Promise<void> {
    const parts = this.#partsOf(nodeName);
    await parts.agent?.kill();
    parts.agent = undefined;
  }

  async startAgent(nodeName: NodeName): Promise<void> {
    const parts = this.#partsOf(nodeName);
    const { host, kubeconfig } = parts;
    parts.agent = new AgentProcess([
      `--node-name=${this.#real(nodeName)}`,
      `--kubeconfig=${kubeconfig}`,
      `--fake-host=${host.path}`,
      ...FLAGS,
    ]);
    await parts.agent.untilReady();
  }

  async outlastLease(): Promise<void> {
    const dead = [...this.#nodes].filter(([, { agent }]) => agent === undefined);
    await Promise.all(dead.map(([nodeName]) => this.#untilLeaseRanOut(this.#real(nodeName))));
  }

  async #untilLeaseRanOut(name: string): Promise<void> {
    const leases = this.#as<Lease>(this.#people.administrator, LEASES);
    await eventually(async () => {
      const { renewTime = '' } = (await leases.get(name, 'resource-tracker'))?.spec ?? {};
      if (Date.now() < Date.parse(renewTime) + LEASE_SECONDS * 1000) throw new Error('its Lease has not run out');
    });
  }

  // --- what there is to see -------------------------------------------------------------------------------------------

  async settle(wrong: () => Promise<string | undefined>): Promise<void> {
    await eventually(
      async () => {
        const left = await wrong();
        if (left !== undefined) throw new Error(left);
      },
      SETTLE_MS,
      LOOK_MS,
    ).catch(() => undefined);
  }

  async node(nodeName: NodeName): Promise<ComputeNode | undefined> {
    const node = await this.#rawNode(nodeName);
    const { orphans = [] } = node?.status ?? {};
    return (
      node && { ...node, status: { ...node.status, orphans: orphans.filter((one) => !ScenarioHost.isMarker(one)) } }
    );
  }

  async claim(name: string): Promise<InstanceClaim | undefined> {
    const claim = await this.#as<InstanceClaim>(this.#people.mover, INSTANCE_CLAIMS).get(name, this.#scenario);
    return claim && this.#inWordsOfScenario(claim);
  }

  migration(name: string): Promise<Migration | undefined> {
    return this.#as<Migration>(this.#people.mover, MIGRATIONS).get(name, this.#scenario);
  }

  #rawNode(nodeName: NodeName): Promise<ComputeNode | undefined> {
    return this.#as<ComputeNode>(this.#people.administrator, COMPUTE_NODES).get(this.#real(nodeName));
  }

  /** The node's agent has seen the host as it is now, and so has published it. */
  async #untilSeen(nodeName: NodeName): Promise<void> {
    const { host, agent } = this.#partsOf(nodeName);
    if (agent === undefined || host.isAway) return;
    await eventually(async () => {
      const { orphans = [] } = (await this.#rawNode(nodeName))?.status ?? {};
      if (!orphans.some(({ name }) => name === host.marker)) throw new Error('the agent has not seen its host');
    });
  }

  // --- names ----------------------------------------------------------------------------------------------------------

  /** Nodes have no namespace: each scenario has its own. */
  #real(nodeName: NodeName): string {
    return `${this.#scenario}.${nodeName}`;
  }

  #inWordsOfScenario(claim: InstanceClaim): InstanceClaim {
    const text = JSON.stringify(claim).replaceAll(`${this.#scenario}.node-`, 'node-');
    return JSON.parse(text) as InstanceClaim;
  }

  #partsOf(nodeName: NodeName): NodeParts {
    const parts = this.#nodes.get(nodeName);
    if (parts === undefined) throw new Error(`there is no ${nodeName}`);
    return parts;
  }

  #hostOf(nodeName: NodeName): ScenarioHost {
    return this.#partsOf(nodeName).host;
  }

  #as<T extends KubeObject>(connection: Connection, kind: Parameters<typeof resourceClient>[1]): ResourceClient<T> {
    return resourceClient<T>(connection, kind);
  }

  async #patch(
    connection: Connection,
    kind: Parameters<typeof resourceClient>[1],
    name: string,
    body: object,
    subresource?: 'status',
  ): Promise<void> {
    await this.#as(connection, kind).patch(name, body, {
      namespace: this.#scenario,
      type: 'merge',
      ...(subresource !== undefined && { subresource }),
    });
  }
}
