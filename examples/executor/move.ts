/** The move of one migration: look, plan a step, do it, and again, until there is nothing to do. */
import { type Migration, readClaim, readMigration, report, sizesOf } from './cluster.ts';
import type { Host, HostOptions } from './host.ts';
import { type Domain, isToBeStopped, plan, type Step, type Task } from './plan.ts';

export interface Node {
  readonly host: Host;
  readonly options: HostOptions;
}

export interface World {
  readonly nodes: ReadonlyMap<string, Node>;
  /** How `resource-tracker` is started. */
  readonly reportWith: readonly string[];
}

/** More than any move takes, there and back. */
const MAX_STEPS = 25;

export class Move {
  readonly uid: string;
  /** An instance is moved by one migration at a time. */
  readonly claim: string;
  isBusy = false;
  readonly #world: World;
  #migration: Migration;
  #isDeleted = false;
  #uuid = '';
  #failure: string | undefined;

  /** Both nodes of the migration must be in the world. */
  constructor(migration: Migration, world: World) {
    const { uid, namespace } = migration.metadata;
    this.uid = uid;
    this.claim = `${namespace}/${migration.spec.claimName}`;
    this.#migration = migration;
    this.#world = world;
  }

  /** Does all that can be done now; throws when it is to be tried again. What the migration was like when there was nothing more to do. */
  async carryOn(): Promise<Migration | undefined> {
    this.isBusy = true;
    try {
      for (let steps = 0; await this.#step(); steps += 1) {
        if (steps > MAX_STEPS) throw new Error('it does not come to an end');
      }
    } finally {
      this.isBusy = false;
    }
    return this.#isDeleted ? undefined : this.#migration;
  }

  /** While it is busy: the migration as it is now; undefined: it was deleted. */
  async notice(migration: Migration | undefined): Promise<void> {
    const { spec, status } = this.#migration;
    if (spec.type !== 'LiveMigration' || !isToBeStopped(progressOf(migration))) return;
    const { host } = this.#at(status?.sourceNodeName);
    // There may be none yet, or none any more; then what comes of it is seen at the next step.
    await host.abortJob(this.#uuid).catch(() => undefined);
  }

  async #step(): Promise<boolean> {
    const task = await this.#look();
    const step: Step = task === undefined ? { kind: 'wait' } : plan(task);
    if (task === undefined || step.kind === 'wait') return false;
    this.#say(wordsOf(step));
    try {
      await this.#perform(step);
    } catch (error) {
      this.#fail(task, step, error);
    }
    return true;
  }

  async #look(): Promise<Task | undefined> {
    const read = await readMigration(this.#migration);
    this.#isDeleted = read === undefined;
    this.#migration = read ?? this.#migration;
    const { metadata, spec, status } = this.#migration;
    const claim = await readClaim(this.#migration);
    if (claim === undefined) return undefined;
    this.#uuid = claim.uuid;
    const source = status?.sourceNodeName ?? '';
    const sizes = sizesOf(this.#migration);
    return {
      uid: metadata.uid,
      ...progressOf(read),
      live: spec.type === 'LiveMigration',
      source,
      target: spec.targetNodeName,
      claim,
      domains: await this.#domains([source, spec.targetNodeName]),
      ...(sizes !== undefined && { sizes }),
      ...(this.#failure !== undefined && { failure: this.#failure }),
    };
  }

  async #domains(names: readonly string[]): Promise<ReadonlyMap<string, Domain>> {
    const domains = new Map<string, Domain>();
    for (const name of new Set(names)) {
      const domain = await this.#at(name).host.look(this.#uuid);
      if (domain !== undefined) domains.set(name, domain);
    }
    return domains;
  }

  async #perform(step: Step): Promise<void> {
    const uuid = this.#uuid;
    switch (step.kind) {
      case 'report':
        return report(this.#world.reportWith, this.#migration, step.phase, step.phase === 'Failed' ? step.reason : '');
      case 'migrateLive':
        return this.#at(step.from).host.migrateLive(uuid, this.#at(step.to).options);
      case 'define':
        return this.#at(step.to).host.define(await this.#at(step.from).host.definition(uuid));
      case 'mark':
        return this.#at(step.on).host.mark(uuid, step.mark);
      case 'resize':
        return this.#at(step.on).host.resize(uuid, step.size);
      case 'refuse':
        throw new Error(step.reason);
      case 'wait':
        return;
      default:
        return this.#at(step.on).host[step.kind](uuid);
    }
  }

  /** What fails on the way to the target is brought back to the source and reported; everything else is tried again. */
  #fail({ phase }: Task, step: Step, error: unknown): void {
    if (step.kind === 'report' || phase !== 'Migrating' || this.#failure !== undefined) throw error;
    this.#failure = error instanceof Error ? error.message : String(error);
    this.#say(`cannot ${step.kind}: ${this.#failure}`);
  }

  #at(name = ''): Node {
    const node = this.#world.nodes.get(name);
    if (node === undefined) throw new Error(`no URI is given for ${name}`);
    return node;
  }

  #say(words: string): void {
    const { namespace, name } = this.#migration.metadata;
    console.log(`${namespace}/${name}: ${words}`);
  }
}

/** No phase: it was deleted. */
export function progressOf(migration: Migration | undefined): Pick<Task, 'phase' | 'decision'> {
  if (migration === undefined) return { phase: undefined };
  const { spec, status } = migration;
  const phase = status?.phase ?? 'Pending';
  return spec.decision === undefined ? { phase } : { phase, decision: spec.decision };
}

function wordsOf(step: Step): string {
  if (step.kind === 'report') return `report ${step.phase}${step.phase === 'Failed' ? `: ${step.reason}` : ''}`;
  const where = 'on' in step ? ` on ${step.on}` : 'from' in step ? ` from ${step.from} to ${step.to}` : '';
  return `${step.kind}${where}`;
}
