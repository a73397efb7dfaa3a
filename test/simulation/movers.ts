/** What tenants, executors and hypervisors do about migrations, whatever state the cluster is in; and how executors bring all to an end. */
import type { InstanceClaim, Migration, MigrationPhase, MigrationType } from '../../src/api/generated/v1alpha1.ts';
import type { ReportedInstance } from '../../src/drivers/driver.ts';
import type { Cluster } from './world/cluster.ts';
import { instance } from './world/objects.ts';
import type { Random } from './world/random.ts';
import { bytes } from './world/recount.ts';
import type { Step } from './world/step.ts';

const NAMES = ['m0', 'm1', 'm2', 'm3', 'm4'];
const TYPES: readonly MigrationType[] = [
  'Resize',
  'Resize',
  'ColdMigration',
  'ColdMigration',
  'LiveMigration',
  'Evacuation',
];
const ON_ITS_WAY: ReadonlySet<string> = new Set(['PreMigrating', 'Migrating', 'PostMigrating']);
const NEXT: Readonly<Record<string, MigrationPhase>> = {
  PreMigrating: 'Migrating',
  Migrating: 'PostMigrating',
  PostMigrating: 'Finished',
};

export class Movers {
  readonly #cluster: Cluster;
  readonly #random: Random;

  constructor(cluster: Cluster, random: Random) {
    this.#cluster = cluster;
    this.#random = random;
  }

  /** All that may happen next, each picked anew. */
  deeds(): Step[] {
    const { claims, migrations } = this.#cluster.api;
    const deeds: Step[] = [...this.#collectGarbage()];
    const held = claims.list(({ status }) => status?.phase === 'Claimed').items;
    const free = NAMES.filter((name) => migrations.get(name, 'default') === undefined);
    if (held.length > 0 && free.length > 0)
      for (let count = 0; count < 2; count += 1)
        deeds.push(this.#create(this.#random.pick(free), this.#random.pick(held)));
    for (const migration of migrations.list().items) deeds.push(...this.#deedsOn(migration));
    return deeds;
  }

  /** As garbage collection does, some time or other. */
  #collectGarbage(): Step[] {
    const { claims, migrations } = this.#cluster.api;
    const uids = new Set(claims.list().items.map(({ metadata }) => metadata.uid));
    const orphaned = migrations.list(({ metadata }) => {
      const owners = metadata.ownerReferences ?? [];
      return owners.length > 0 && owners.every(({ uid }) => !uids.has(uid));
    }).items;
    return orphaned.map((migration) => this.#delete(migration, 'garbage'));
  }

  #create(name: string, { metadata, status }: InstanceClaim): Step {
    const random = this.#random;
    const here = status?.nodeName ?? '';
    const others = this.#cluster.parts.nodeNames.filter((nodeName) => nodeName !== here);
    const targetNodeName = others.length === 0 || random.chance(0.25) ? here : random.pick(others);
    const type = targetNodeName === here && random.chance(0.95) ? 'Resize' : random.pick(TYPES);
    const changes = type === 'Resize' || (type === 'ColdMigration' && random.chance(0.3));
    const flavor = { vcpus: 1 + random.below(2), memory: `${512 * (1 + random.below(4))}Mi` };
    const wantsDevice = type === 'Resize' && random.chance(0.3);
    const alias = random.pick(['gpu', 'nic', 'card']);
    const spec: Migration['spec'] = {
      claimName: metadata.name,
      type,
      targetNodeName,
      ...(changes && { flavor }),
      ...(wantsDevice && { pciRequests: [{ name: 'devices', count: 1, alias }] }),
      ...(random.chance(0.2) && { decision: type === 'Resize' ? random.pick(['Confirm', 'Revert']) : 'Confirm' }),
    };
    const created: Migration = {
      apiVersion: 'resourcetracker.dev/v1alpha1',
      kind: 'Migration',
      metadata: { name, namespace: 'default' },
      spec,
    };
    const run = (): void => void this.#cluster.api.migrations.create(created);
    return { what: `${name}: ${type} of ${metadata.name} to ${targetNodeName}`, run };
  }

  #deedsOn(migration: Migration): Step[] {
    const { spec, status, metadata } = migration;
    const phase = status?.phase ?? 'Pending';
    const deeds: Step[] = [];
    if (this.#random.chance(0.02) || isOver(phase)) deeds.push(this.#delete(migration, 'delete'));
    if (ON_ITS_WAY.has(phase)) deeds.push(...this.#progress(migration, phase));
    if (spec.decision === undefined && (phase === 'Finished' || this.#random.chance(0.06))) {
      const decision = this.#random.pick(['Confirm', 'Revert', 'Abort'] as const);
      const confirmsItself = spec.type === 'LiveMigration' || spec.type === 'Evacuation';
      if (!confirmsItself || decision !== 'Revert') deeds.push(this.#decide(metadata.name, decision));
    }
    if (phase === 'Finished' && (spec.decision === 'Revert' || spec.decision === 'Abort'))
      deeds.push(this.#bringBack(migration));
    return deeds;
  }

  #progress(migration: Migration, phase: string): Step[] {
    const { name } = migration.metadata;
    const deeds = [this.#move(migration), this.#report(name, NEXT[phase] ?? 'Failed')];
    if (this.#random.chance(0.5)) deeds.push(this.#hover(migration));
    if (this.#random.chance(0.25)) deeds.push(this.#report(name, 'Failed'));
    return deeds;
  }

  #delete({ metadata: { name } }: Migration, why: string): Step {
    return { what: `${why} ${name}`, run: () => void this.#cluster.api.migrations.delete(name, 'default') };
  }

  /** Where the schema allows it: an executor's write is a compare-and-swap by the phase that it saw. */
  #report(name: string, phase: MigrationPhase): Step {
    const run = (): void => {
      this.#cluster.api.migrations.change(name, 'default', ({ status }) => {
        const now = status?.phase ?? 'Pending';
        const isAllowed = ON_ITS_WAY.has(now) && (phase === 'Failed' || NEXT[now] === phase);
        return isAllowed ? { status: { ...status, phase } } : {};
      });
    };
    return { what: `an executor reports ${name} ${phase}`, run };
  }

  #decide(name: string, decision: NonNullable<Migration['spec']['decision']>): Step {
    const run = (): void => {
      this.#cluster.api.migrations.change(name, 'default', ({ spec }) =>
        spec.decision === undefined ? { spec: { ...spec, decision } } : {},
      );
    };
    return { what: `${name}: ${decision}`, run };
  }

  // --- instances ------------------------------------------------------------------------------------------------------

  #claimOf({ spec }: Migration): InstanceClaim | undefined {
    return this.#cluster.api.claims.get(spec.claimName, 'default');
  }

  /** As the claim and the migration have it at the moment, on one side of the migration. */
  #instanceOf(claim: InstanceClaim, isNew: boolean, given: Partial<ReportedInstance> = {}): ReportedInstance {
    const { status, spec, metadata } = claim;
    const lock = status?.migration;
    const flavor = (isNew ? lock?.newFlavor : lock?.oldFlavor) ?? status?.flavor;
    // The devices of the side where the claim is not stand in the lock.
    const isOther = isNew !== (lock?.arrived === true);
    const devices = (isOther ? lock?.pciDevices : status?.pciDevices) ?? [];
    return instance({
      ...(this.#namedOf(claim) ?? { uuid: spec.instance?.uuid ?? metadata.uid ?? '' }),
      vcpus: BigInt(flavor?.vcpus ?? 1),
      memoryBytes: bytes(flavor?.memory),
      devices: devices.map(({ address }) => address).toSorted(),
      ...given,
    });
  }

  /** Some drivers know an instance only by the name of its claim: it keeps its identity wherever it goes. */
  #namedOf({ metadata }: InstanceClaim): Pick<ReportedInstance, 'uuid' | 'claim'> | undefined {
    for (const nodeName of this.#cluster.parts.nodeNames)
      for (const { uuid, claim } of this.#cluster.host(nodeName).instances)
        if (claim?.name === metadata.name) return { uuid, claim };
    return undefined;
  }

  /** The instance is being handed over. */
  #hover(migration: Migration): Step {
    const { targetNodeName } = migration.spec;
    const run = (): void => {
      const claim = this.#claimOf(migration);
      const lock = claim?.status?.migration;
      if (claim === undefined || lock?.uid !== migration.metadata.uid || lock?.sourceNodeName === targetNodeName)
        return;
      this.#cluster.putInstance(
        targetNodeName,
        this.#instanceOf(claim, true, { vmState: 'Paused', taskState: 'Migrating' }),
      );
    };
    return { what: `the instance of ${migration.spec.claimName} comes to ${targetNodeName}`, run };
  }

  /** The instance is on the target, and no longer on the source; or it has the new size. */
  #move(migration: Migration): Step {
    const { targetNodeName, claimName } = migration.spec;
    const run = (): void => {
      const claim = this.#claimOf(migration);
      const lock = claim?.status?.migration;
      if (claim === undefined || lock?.uid !== migration.metadata.uid) return;
      const arrived = this.#instanceOf(claim, true);
      if (lock?.sourceNodeName !== targetNodeName) this.#remove(lock?.sourceNodeName, claim);
      this.#cluster.putInstance(targetNodeName, arrived);
    };
    return { what: `the instance of ${claimName} runs on ${targetNodeName} as ${migration.metadata.name} has it`, run };
  }

  #bringBack(migration: Migration): Step {
    const run = (): void => {
      const claim = this.#claimOf(migration);
      const lock = claim?.status?.migration;
      if (claim === undefined || lock?.uid !== migration.metadata.uid) return;
      const back = this.#instanceOf(claim, false);
      if (lock?.sourceNodeName !== lock?.targetNodeName) this.#remove(lock?.targetNodeName, claim);
      this.#cluster.putInstance(lock?.sourceNodeName ?? '', back);
    };
    return { what: `the instance of ${migration.spec.claimName} is brought back for ${migration.metadata.name}`, run };
  }

  #remove(nodeName: string | undefined, { spec, metadata }: InstanceClaim): void {
    const host = this.#cluster.host(nodeName ?? '');
    const uuid = spec.instance?.uuid ?? metadata.uid;
    for (const one of host.instances) if (one.uuid === uuid || one.claim?.name === metadata.name) host.remove(one.uuid);
  }

  // --- the end ----------------------------------------------------------------------------------------------------------

  /** What executors and people still owe when faults have stopped: every migration is moved, decided, or given up. */
  duties(): Step[] {
    const { migrations } = this.#cluster.api;
    return [...this.#collectGarbage(), ...migrations.list().items.flatMap((migration) => this.#duty(migration) ?? [])];
  }

  #duty(migration: Migration): Step | undefined {
    const { spec, status, metadata } = migration;
    const phase = status?.phase ?? 'Pending';
    const wantsBack = spec.decision === 'Revert' || spec.decision === 'Abort';
    if (ON_ITS_WAY.has(phase) && spec.decision === 'Abort') return this.#report(metadata.name, 'Failed');
    if (ON_ITS_WAY.has(phase)) return this.#report(metadata.name, NEXT[phase] ?? 'Failed');
    if (phase !== 'Finished') return undefined;
    if (wantsBack) return this.#bringBack(migration);
    if (spec.decision === undefined) return this.#decide(metadata.name, 'Confirm');
    return undefined;
  }
}

function isOver(phase: string): boolean {
  return ['Confirmed', 'Reverted', 'Rejected', 'Failed'].includes(phase);
}
