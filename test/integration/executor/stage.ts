import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { boundToken, type TokenOwner, tokenKubeconfig } from '../../../dev/bound-token.ts';
import type { ControlPlane } from '../../../dev/control-plane.ts';
import { guestXml, type Libvirtd } from '../../../dev/libvirtd.ts';
import type { LibvirtdPair } from '../../../dev/libvirtd-pair.ts';
import type { Migration } from '../../../src/api/generated/v1alpha1.ts';
import { MIGRATIONS } from '../../../src/api/kinds.ts';
import type { VmState } from '../../../src/drivers/driver.ts';
import { type ResourceClient, resourceClient } from '../../../src/kube/resource.ts';
import { formatBytes, parseBytes } from '../../../src/quantity/quantity.ts';
import { eventually } from '../agent/eventually.ts';
import { conditionOf, Scene } from '../agent/scene.ts';
import { ExecutorProcess } from './executor-process.ts';

export const AGENT: TokenOwner = { namespace: 'resource-tracker', serviceAccount: 'resource-tracker-agent' };
export const EXECUTOR: TokenOwner = { namespace: 'default', serviceAccount: 'executor' };
/** A move of QEMU that is emulated, beside other tests. */
const MOVE_TIMEOUT_MS = 90_000;

export interface StageParts {
  readonly controlPlane: ControlPlane;
  readonly pair: LibvirtdPair;
  /** The folder of kubectl. */
  readonly tools: string;
}

/** Two nodes with an agent each on a real libvirtd, an executor, and a guest that is claimed and runs on the first; all ends with the test. */
export class Stage {
  readonly scene: Scene;
  readonly nodeA: string;
  readonly nodeB: string;
  readonly guest: { readonly uuid: string; readonly name: string };
  readonly migrations: ResourceClient<Migration>;
  readonly #parts: StageParts;
  #executor: ExecutorProcess | undefined;

  private constructor(parts: StageParts, scene: Scene) {
    this.#parts = parts;
    this.scene = scene;
    this.nodeA = `${scene.nodeName}-a`;
    this.nodeB = `${scene.nodeName}-b`;
    const uuid = randomUUID();
    this.guest = { uuid, name: `guest-${uuid.slice(0, 8)}` };
    this.migrations = resourceClient<Migration>(scene.connection, MIGRATIONS);
  }

  static async open(parts: StageParts): Promise<Stage> {
    const stage = new Stage(parts, await Scene.open(parts.controlPlane.kubeconfigPath));
    onTestFinished(() => stage.#close());
    const { source, target } = parts.pair;
    await Promise.all([stage.#startAgent(stage.nodeA, source), stage.#startAgent(stage.nodeB, target)]);
    await stage.#claimGuest();
    await stage.startExecutor();
    return stage;
  }

  /** `migrationUri`: another than the target's. */
  async startExecutor(migrationUri?: string): Promise<void> {
    const { controlPlane, pair, tools } = this.#parts;
    await this.#executor?.kill();
    const { source, target } = pair;
    const uri = (host: Libvirtd) => `${host.uri},${host.migrationUri(this.guest.name)}`;
    const elsewhere = migrationUri === undefined ? uri(target) : `${target.uri},${migrationUri}`;
    this.#executor = new ExecutorProcess({
      kubeconfig: await saved(controlPlane, EXECUTOR),
      tools,
      nodes: [`${this.nodeA}=${uri(source)}`, `${this.nodeB}=${elsewhere}`],
    });
  }

  async killExecutor(): Promise<void> {
    await this.#executor?.kill();
  }

  async migrate(name: string, spec: Partial<Migration['spec']>): Promise<void> {
    await this.migrations.create({
      apiVersion: 'resourcetracker.dev/v1alpha1',
      kind: 'Migration',
      metadata: { name, namespace: this.scene.namespace },
      spec: { claimName: 'guest', type: 'LiveMigration', targetNodeName: this.nodeB, ...spec },
    });
  }

  async decide(name: string, decision: NonNullable<Migration['spec']['decision']>): Promise<void> {
    await this.migrations.patch(name, { spec: { decision } }, { namespace: this.scene.namespace, type: 'merge' });
  }

  /** Waits until the migration is in this phase. */
  async untilPhase(name: string, phase: string): Promise<void> {
    await this.#eventually(async () => {
      const migration = await this.migrations.get(name, this.scene.namespace);
      expect(migration?.status?.phase ?? 'Pending').toBe(phase);
    });
  }

  /** What the executor has said of a migration. */
  async told(name: string): Promise<string> {
    const migration = await this.migrations.get(name, this.scene.namespace);
    return conditionOf(migration?.status?.conditions, 'Executed')?.message ?? '';
  }

  /** Waits until this is used on the two nodes: `vCPUs memory` each. */
  async untilUsed(onA: string, onB: string): Promise<void> {
    await this.#eventually(async () => {
      expect([await this.#used(this.nodeA), await this.#used(this.nodeB)]).toEqual([onA, onB]);
    });
  }

  /** Waits until the claim says that the instance is there, and in this state. */
  async untilClaimed(nodeName: string, vmState: VmState = 'Active'): Promise<void> {
    await this.#eventually(async () => {
      const { status } = await this.scene.read('guest');
      expect({ nodeName: status?.nodeName, vmState: status?.vmState }).toEqual({ nodeName, vmState });
    });
  }

  /** Waits until this is what the two hosts have of the guest: a state in virsh's words, or nothing. */
  async untilFound(onA: string, onB: string): Promise<void> {
    const { source, target } = this.#parts.pair;
    await this.#eventually(async () => {
      const found = await Promise.all([source, target].map((host) => stateOn(host, this.guest.uuid)));
      expect(found).toEqual([onA, onB]);
    });
  }

  /** Tries again and again; tells what everyone did if it comes to nothing. */
  async #eventually(attempt: () => Promise<void>): Promise<void> {
    await eventually(attempt, MOVE_TIMEOUT_MS).catch(async (cause: unknown) => {
      const { items } = await this.migrations.list({ namespace: this.scene.namespace });
      const told = items.map(({ metadata, status }) => `${metadata.name}: ${JSON.stringify(status)}`);
      const done = this.#executor?.lines.slice(-20) ?? [];
      throw new Error([String(cause), 'The migrations:', ...told, 'The executor:', ...done].join('\n'), { cause });
    });
  }

  async #used(nodeName: string): Promise<string> {
    const { used } = (await this.scene.readNode(nodeName)).status ?? {};
    return `${used?.vcpus} ${formatBytes(parseBytes(used?.memory ?? 0))}`;
  }

  async #startAgent(nodeName: string, host: Libvirtd): Promise<void> {
    const { controlPlane } = this.#parts;
    const kubeconfig = await saved(controlPlane, { ...AGENT, nodeName });
    await this.scene.startOn(host, { nodeName, kubeconfig });
  }

  async #claimGuest(): Promise<void> {
    const { scene, guest, nodeA } = this;
    const { source, ballast } = this.#parts.pair;
    const instance = { uuid: guest.uuid };
    await scene.claim('guest', { nodeName: nodeA, flavor: { vcpus: 1, memory: '64Mi' }, instance });
    expect((await scene.decided('guest')).status?.phase).toBe('Claimed');
    await source.virshWith(guestXml({ ...guest, ballast }), 'define', '{}');
    await source.virsh('start', guest.name);
    await this.untilClaimed(nodeA);
    await this.#outlastSecond();
  }

  /** A resize to another node has to be created later than its claim, and creation times are whole seconds. */
  async #outlastSecond(): Promise<void> {
    const { metadata } = await this.scene.read('guest');
    const nextSecond = Date.parse(metadata.creationTimestamp ?? '') + 1000;
    await this.#eventually(async () => expect(Date.now()).toBeGreaterThanOrEqual(nextSecond));
  }

  async #close(): Promise<void> {
    await this.#executor?.kill();
    const { source, target } = this.#parts.pair;
    await Promise.all([source, target].map((host) => removeGuest(host, this.guest)));
  }
}

async function stateOn(host: Libvirtd, uuid: string): Promise<string> {
  const uuids = await host.virsh('list', '--all', '--uuid');
  return uuids.includes(uuid) ? (await host.virsh('domstate', uuid)).trim() : 'nothing';
}

async function removeGuest(host: Libvirtd, { uuid }: { readonly uuid: string }): Promise<void> {
  const state = await stateOn(host, uuid);
  if (state !== 'nothing' && state !== 'shut off') await host.virsh('destroy', uuid);
  if (state !== 'nothing') await host.virsh('undefine', uuid).catch(() => undefined);
}

async function saved(controlPlane: ControlPlane, owner: TokenOwner): Promise<string> {
  const path = join(controlPlane.directory, `kubeconfig-${randomUUID()}`);
  await writeFile(path, tokenKubeconfig(controlPlane, await boundToken(controlPlane, owner)), { mode: 0o600 });
  return path;
}
