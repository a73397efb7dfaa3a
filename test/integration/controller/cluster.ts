import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ComputeNode, Condition, InstanceClaim } from '../../../src/api/generated/v1alpha1.ts';
import { COMPUTE_NODES, INSTANCE_CLAIMS, LEASES, NODES } from '../../../src/api/kinds.ts';
import type { Lease } from '../../../src/api/lease.ts';
import { type Connection, connect } from '../../../src/kube/connection.ts';
import { type KubeObject, type ResourceClient, resourceClient } from '../../../src/kube/resource.ts';
import { AgentProcess } from '../agent/agent-process.ts';
import { eventually } from '../agent/eventually.ts';
import { writeHost } from '../agent/host-file.ts';
import { LEASE_SECONDS, LeaseRenewer } from './lease-renewer.ts';

const NAMESPACES = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false } as const;

/** An installation in namespaces of its own, with the controllers and agents that a test starts; all ends with the test. */
export class Cluster {
  /** Of the Leases. */
  readonly system: string;
  /** Of the claims. */
  readonly team: string;
  readonly nodes: ResourceClient<ComputeNode>;
  readonly claims: ResourceClient<InstanceClaim>;
  readonly leases: ResourceClient<Lease>;
  readonly hosts: ResourceClient<KubeObject>;
  readonly connection: Connection;
  readonly #kubeconfig: string;
  readonly #folder: string;
  readonly #processes: AgentProcess[] = [];
  readonly #renewers: LeaseRenewer[] = [];

  private constructor(id: string, system: string, kubeconfig: string, folder: string, connection: Connection) {
    this.system = system;
    this.team = `team-${id}`;
    this.#kubeconfig = kubeconfig;
    this.#folder = folder;
    this.connection = connection;
    this.nodes = resourceClient<ComputeNode>(connection, COMPUTE_NODES);
    this.claims = resourceClient<InstanceClaim>(connection, INSTANCE_CLAIMS);
    this.leases = resourceClient<Lease>(connection, LEASES);
    this.hosts = resourceClient<KubeObject>(connection, NODES);
  }

  /** With Leases in a namespace of its own, or in one that is there. */
  static async open(kubeconfig: string, system?: string): Promise<Cluster> {
    const id = randomUUID().slice(0, 8);
    const folder = join(dirname(kubeconfig), `cluster-${id}`);
    await mkdir(folder);
    const connection = await connect({ kubeconfig, userAgent: 'controller-test/0' });
    const cluster = new Cluster(id, system ?? `system-${id}`, kubeconfig, folder, connection);
    onTestFinished(() => cluster.#close());
    const namespaces = resourceClient<KubeObject>(connection, NAMESPACES);
    const missing = system === undefined ? [cluster.system, cluster.team] : [cluster.team];
    for (const name of missing) await namespaces.create({ metadata: { name } });
    return cluster;
  }

  /** Starts a controller and waits until it has listed everything. */
  async startController(...flags: readonly string[]): Promise<AgentProcess> {
    const controller = this.#start('controller', flags);
    await controller.untilReady();
    return controller;
  }

  /** Starts a real agent with the fake driver and waits until it decides claims. */
  async startAgent(nodeName: string): Promise<AgentProcess> {
    const hostFile = join(this.#folder, `${nodeName}.yaml`);
    await writeHost(hostFile, {});
    const agent = this.#start('agent', [`--node-name=${nodeName}`, '--driver=fake', `--fake-host=${hostFile}`]);
    await agent.untilReady();
    return agent;
  }

  /** A Node, its ComputeNode that claims to be Ready, and a Lease that somebody renews. */
  async addServedNode(name: string, spec: ComputeNode['spec'] = {}): Promise<LeaseRenewer> {
    await this.addHost(name);
    const renewer = await LeaseRenewer.start(this.leases, { name, namespace: this.system });
    this.#renewers.push(renewer);
    const node = await this.nodes.create({
      apiVersion: 'resourcetracker.dev/v1alpha1',
      kind: 'ComputeNode',
      metadata: { name },
      spec,
    });
    const lastTransitionTime = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const ready = { type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime } as const;
    await this.nodes.replaceStatus({
      ...node,
      status: { agent: { leaseNamespace: this.system }, conditions: [ready] },
    });
    return renewer;
  }

  async addHost(name: string): Promise<void> {
    await this.hosts.create({ metadata: { name } });
  }

  /** Creates a claim for one vCPU and 1Gi; with a status, as if an agent had written it. */
  async addClaim(
    name: string,
    spec: Partial<InstanceClaim['spec']> = {},
    status?: InstanceClaim['status'],
  ): Promise<InstanceClaim> {
    const created = await this.claims.create({
      apiVersion: 'resourcetracker.dev/v1alpha1',
      kind: 'InstanceClaim',
      metadata: { name, namespace: this.team },
      spec: { flavor: { vcpus: 1, memory: '1Gi' }, ...spec },
    });
    return status === undefined ? created : this.claims.replaceStatus({ ...created, status });
  }

  async readClaim(name: string): Promise<InstanceClaim> {
    const claim = await this.claims.get(name, this.team);
    if (claim === undefined) throw new Error(`there is no claim ${name}`);
    return claim;
  }

  async readNode(name: string): Promise<ComputeNode> {
    const node = await this.nodes.get(name);
    if (node === undefined) throw new Error(`there is no ComputeNode ${name}`);
    return node;
  }

  /** Waits until a condition of a ComputeNode says this, as Status(Reason) or the beginning of it. */
  nodeSays(name: string, type: string, words: string): Promise<void> {
    return says(() => this.readNode(name), type, words);
  }

  /** Waits until a condition of a claim says this, as Status(Reason) or the beginning of it. */
  claimSays(name: string, type: string, words: string): Promise<void> {
    return says(() => this.readClaim(name), type, words);
  }

  #start(command: string, flags: readonly string[]): AgentProcess {
    const common = [
      `--kubeconfig=${this.#kubeconfig}`,
      `--lease-namespace=${this.system}`,
      `--lease-duration-seconds=${LEASE_SECONDS}`,
      '--listen-address=127.0.0.1:0',
    ];
    const started = new AgentProcess([...common, ...flags], {}, command);
    this.#processes.push(started);
    return started;
  }

  /** A file that goes with the test. */
  async addFile(name: string, text: string): Promise<string> {
    const path = join(this.#folder, name);
    await writeFile(path, text);
    return path;
  }

  async #close(): Promise<void> {
    for (const renewer of this.#renewers) await renewer.fallSilent();
    await Promise.all(this.#processes.map((process) => process.kill()));
    await this.connection.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

type Conditioned = { readonly status?: { readonly conditions?: readonly Condition[] } };

function says(read: () => Promise<Conditioned>, type: string, words: string): Promise<void> {
  return eventually(async () => {
    const conditions = (await read()).status?.conditions ?? [];
    const found = conditions.find((condition) => condition.type === type);
    if (found === undefined || !`${found.status}(${found.reason})`.startsWith(words))
      throw new Error(`${type} is not ${words}: ${JSON.stringify(conditions)}`);
  });
}
