import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Libvirtd } from '../../../dev/libvirtd.ts';
import type { ComputeNode, InstanceClaim } from '../../../src/api/generated/v1alpha1.ts';
import { COMPUTE_NODES, INSTANCE_CLAIMS, LEASES } from '../../../src/api/kinds.ts';
import type { Lease } from '../../../src/api/lease.ts';
import { type Connection, connect } from '../../../src/kube/connection.ts';
import { type KubeObject, type ResourceClient, resourceClient } from '../../../src/kube/resource.ts';
import { parseBytes } from '../../../src/quantity/quantity.ts';
import { AgentProcess } from './agent-process.ts';
import { eventually } from './eventually.ts';
import { History } from './history.ts';
import { type FakeHostFile, writeHost } from './host-file.ts';

const NAMESPACES = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false } as const;

type ClaimSpec = InstanceClaim['spec'];

/** What a node accounts for, to the byte. */
export interface Sums {
  readonly vcpus: number;
  readonly memory: bigint;
  readonly disk: bigint;
}

export interface StartOptions {
  /** Another node than the scene's own. */
  readonly nodeName?: string;
  readonly hostFile?: string;
  /** Another way to the API server, such as a proxy. */
  readonly kubeconfig?: string;
  readonly flags?: readonly string[];
}

/** Nothing is kept for the host, and nothing is oversubscribed: the limit is what the host has. */
const PLAIN = ['--reserved-memory=0', '--vcpu-allocation-ratio=1', '--memory-allocation-ratio=1'];
const ALL_GPUS = ['--pci-devices=[{vendorID: "10de"}]'];

/** A node, a host file and a namespace of one test, with the agents that it starts; all ends with the test. */
export class Scene {
  readonly nodeName: string;
  readonly namespace: string;
  readonly hostFile: string;
  readonly connection: Connection;
  readonly nodes: ResourceClient<ComputeNode>;
  readonly claims: ResourceClient<InstanceClaim>;
  readonly leases: ResourceClient<Lease>;
  readonly history: History;
  readonly #kubeconfig: string;
  readonly #folder: string;
  readonly #agents: AgentProcess[] = [];

  private constructor(id: string, kubeconfig: string, folder: string, connection: Connection) {
    this.nodeName = `node-${id}`;
    this.namespace = `agent-${id}`;
    this.#kubeconfig = kubeconfig;
    this.#folder = folder;
    this.hostFile = join(folder, 'host.yaml');
    this.connection = connection;
    this.nodes = resourceClient<ComputeNode>(connection, COMPUTE_NODES);
    this.claims = resourceClient<InstanceClaim>(connection, INSTANCE_CLAIMS);
    this.leases = resourceClient<Lease>(connection, LEASES);
    this.history = new History(this.claims, this.namespace);
  }

  static async open(kubeconfig: string, host: FakeHostFile = {}): Promise<Scene> {
    const id = randomUUID().slice(0, 8);
    // Beside the kubeconfig: whoever removes the control plane's folder removes this one, too.
    const folder = join(dirname(kubeconfig), `scene-${id}`);
    await mkdir(folder);
    const connection = await connect({ kubeconfig, userAgent: 'agent-test/0' });
    const scene = new Scene(id, kubeconfig, folder, connection);
    onTestFinished(() => scene.#close());
    await writeHost(scene.hostFile, host);
    await resourceClient<KubeObject>(connection, NAMESPACES).create({ metadata: { name: scene.namespace } });
    return scene;
  }

  /** Starts an agent with the fake driver. */
  start({ nodeName, hostFile, kubeconfig, flags = [] }: StartOptions = {}): AgentProcess {
    return this.startWith(
      ['--driver=fake', `--fake-host=${hostFile ?? this.hostFile}`, ...PLAIN, ...ALL_GPUS, ...flags],
      { ...(nodeName !== undefined && { nodeName }), ...(kubeconfig !== undefined && { kubeconfig }) },
    );
  }

  /** Starts an agent with any driver. */
  startWith(flags: readonly string[], { nodeName, kubeconfig }: StartOptions = {}): AgentProcess {
    const agent = new AgentProcess([
      `--node-name=${nodeName ?? this.nodeName}`,
      `--kubeconfig=${kubeconfig ?? this.#kubeconfig}`,
      '--listen-address=127.0.0.1:0',
      ...flags,
    ]);
    this.#agents.push(agent);
    return agent;
  }

  /** Starts an agent of a libvirtd and waits until it decides claims. Nothing is kept for the host. */
  async startOn(
    { uri, instancesPath }: Libvirtd,
    { flags = [], ...options }: StartOptions = {},
  ): Promise<AgentProcess> {
    const driver = ['--driver=libvirt', `--libvirt-uri=${uri}`, `--instances-path=${instancesPath}`];
    const agent = this.startWith([...driver, '--reserved-memory=0', ...flags], options);
    await agent.untilReady();
    return agent;
  }

  /** Starts an agent and waits until it decides claims. */
  async startReady(options: StartOptions = {}): Promise<AgentProcess> {
    const agent = this.start(options);
    await agent.untilReady();
    return agent;
  }

  async writeHost(host: FakeHostFile): Promise<void> {
    await writeHost(this.hostFile, host);
  }

  /** Another host file of this scene. */
  async addHost(name: string, host: FakeHostFile): Promise<string> {
    const path = join(this.#folder, name);
    await writeHost(path, host);
    return path;
  }

  /** A file beside the host's. */
  async addFile(name: string, text: string): Promise<string> {
    const path = join(this.#folder, name);
    await writeFile(path, text);
    return path;
  }

  /** Creates a claim on the scene's node for one vCPU and 1Gi, or what is given. */
  claim(name: string, spec: Partial<ClaimSpec> = {}): Promise<InstanceClaim> {
    return this.claims.create({
      apiVersion: 'resourcetracker.dev/v1alpha1',
      kind: 'InstanceClaim',
      metadata: { name, namespace: this.namespace },
      spec: { nodeName: this.nodeName, flavor: { vcpus: 1, memory: '1Gi' }, ...spec },
    });
  }

  async delete(name: string): Promise<void> {
    await this.claims.delete(name, { namespace: this.namespace });
  }

  async read(name: string): Promise<InstanceClaim> {
    const claim = await this.claims.get(name, this.namespace);
    if (claim === undefined) throw new Error(`there is no claim ${name}`);
    return claim;
  }

  async readNode(nodeName = this.nodeName): Promise<ComputeNode> {
    const node = await this.nodes.get(nodeName);
    if (node === undefined) throw new Error(`there is no ComputeNode ${nodeName}`);
    return node;
  }

  /** Waits until a claim is decided, for good or by an attempt. */
  decided(name: string): Promise<InstanceClaim> {
    return eventually(async () => {
      const claim = await this.read(name);
      const { phase = 'Pending', attempts = [] } = claim.status ?? {};
      if (phase === 'Pending' && attempts.length === 0) throw new Error(`${name} is not decided`);
      return claim;
    });
  }

  /** Waits until all claims of the namespace are decided; how many were decided how. */
  allDecided(): Promise<Readonly<Record<string, number>>> {
    return eventually(async () => {
      const { items } = await this.claims.list({ namespace: this.namespace });
      const phases = items.map(({ status }) => status?.phase ?? 'Pending');
      expect(phases).not.toContain('Pending');
      const counts: Record<string, number> = {};
      for (const phase of phases) counts[phase] = (counts[phase] ?? 0) + 1;
      return counts;
    });
  }

  /** Waits until the ComputeNode shows what a recount of all claims gives, plus what is known to be there beside them. */
  async sumsAreRight(beside: Sums = NOTHING): Promise<Sums> {
    return eventually(async () => {
      const expected = await this.#recount(beside);
      const { used, pciDevices = [] } = (await this.readNode()).status ?? {};
      const shown = {
        vcpus: used?.vcpus ?? -1,
        memory: parseBytes(used?.memory ?? -1),
        disk: parseBytes(used?.disk ?? -1),
      };
      expect(shown).toEqual(expected);
      const given = await this.givenDevices();
      expect(pciDevices.flatMap(({ address, claimUID }) => (claimUID === undefined ? [] : [address])).sort()).toEqual(
        given.toSorted(),
      );
      return shown;
    });
  }

  /** The PCI devices of all granted claims; fails when one was given twice. */
  async givenDevices(): Promise<readonly string[]> {
    const given = (await this.#granted())
      .flatMap(({ status }) => status?.pciDevices ?? [])
      .map(({ address }) => address);
    expect(new Set(given).size).toBe(given.length);
    return given;
  }

  /** A recount that shares nothing with the ledger. */
  async #recount(beside: Sums): Promise<Sums> {
    let { vcpus, memory, disk } = beside;
    for (const { status } of await this.#granted()) {
      const flavor = status?.flavor;
      vcpus += flavor?.vcpus ?? 0;
      memory += parseBytes(flavor?.memory ?? 0) + parseBytes(status?.overhead?.memory ?? 0);
      disk += parseBytes(flavor?.rootDisk ?? 0) + parseBytes(flavor?.ephemeralDisk ?? 0);
    }
    return { vcpus, memory, disk };
  }

  async #granted(): Promise<readonly InstanceClaim[]> {
    const { items } = await this.claims.list();
    return items.filter(({ status }) => status?.phase === 'Claimed' && status.nodeName === this.nodeName);
  }

  async #close(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.kill()));
    await this.history.stop();
    await this.connection.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export const NOTHING: Sums = { vcpus: 0, memory: 0n, disk: 0n };
export const GI = 1n << 30n;

/** The reasons of a refusal, as the claim tells them. */
export function reasonsOf({ status }: InstanceClaim): readonly string[] {
  return conditionOf(status?.conditions, 'Claimed')?.reason.split(',') ?? [];
}

interface ConditionLike {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export function conditionOf(conditions: readonly ConditionLike[] | undefined, type: string): ConditionLike | undefined {
  return conditions?.find((condition) => condition.type === type);
}
