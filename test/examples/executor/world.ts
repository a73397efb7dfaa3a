/** Two hosts, one instance and one migration, with agents that do what the real ones do, for the plan of the example executor. */
import type { ClaimFacts, Domain, Size, Step, Task } from '../../../examples/executor/plan.ts';

export const SMALL: Size = { vcpus: 1, memoryKiB: 65_536 };
export const LARGE: Size = { vcpus: 2, memoryKiB: 131_072 };

export type Kind = 'LiveMigration' | 'ColdMigration' | 'Resize' | 'ResizeInPlace';

export interface Start {
  readonly kind: Kind;
  readonly power: 'on' | 'off';
}

/** Changes by `perform` (the executor) and by `agents`; everything in it can be looked at. */
export class World {
  readonly source = 'node-a';
  readonly target: string;
  readonly sizes: { readonly before: Size; readonly after: Size } | undefined;
  readonly domains = new Map<string, Domain>();
  phase: string | undefined = 'PreMigrating';
  decision: string | undefined;
  claim: ClaimFacts = { nodeName: 'node-a', size: SMALL, isLocked: true };
  reason: string | undefined;
  readonly #live: boolean;
  #hasArrived = false;

  constructor({ kind, power }: Start) {
    this.target = kind === 'ResizeInPlace' ? 'node-a' : 'node-b';
    this.sizes = kind.startsWith('Resize') ? { before: SMALL, after: LARGE } : undefined;
    this.#live = kind === 'LiveMigration';
    this.domains.set('node-a', { power, inMotion: false, size: SMALL });
  }

  task(failure: string | undefined): Task {
    const { phase, decision, source, target, sizes, claim } = this;
    return {
      ...{ uid: 'this', phase, live: this.#live, source, target, claim, domains: new Map(this.domains) },
      ...(decision !== undefined && { decision }),
      ...(sizes !== undefined && { sizes }),
      ...(failure !== undefined && { failure }),
    };
  }

  /**
   * Not in the moment in which the instance has arrived alive and the agent has not written so yet: the agents leave such a claim where it was,
   * and the instance an orphan where it is, which is not for an executor to mend.
   */
  deleteMigration(): void {
    const isOnlyThere = !this.domains.has(this.source) && !this.#hasArrived;
    if (!(this.#live && isOnlyThere)) this.phase = undefined;
  }

  /** Where the instance runs. */
  running(): readonly string[] {
    return [...this.domains].flatMap(([name, { power }]) => (power === 'on' ? [name] : []));
  }

  /** Whether a node holds for the instance. */
  holds(name: string): boolean {
    return this.claim.nodeName === name || (this.claim.isLocked && (name === this.source || name === this.target));
  }

  /** Does a step, as libvirt and the API server would. */
  perform(step: Step): void {
    switch (step.kind) {
      case 'report':
        this.phase = step.phase;
        this.reason = step.phase === 'Failed' ? step.reason : undefined;
        return;
      case 'migrateLive':
        this.domains.set(step.to, this.#at(step.from));
        this.domains.delete(step.from);
        return;
      case 'define':
        this.domains.set(step.to, { ...this.#at(step.from), power: 'off' });
        return;
      case 'undefine':
        if (this.#at(step.on).power === 'on') throw new Error('undefined while it runs');
        this.domains.delete(step.on);
        return;
      case 'start':
        this.#change(step.on, { power: 'on' });
        return;
      case 'stop':
        this.#change(step.on, { power: 'off' });
        return;
      case 'mark':
        this.#change(step.on, { mark: step.mark });
        return;
      case 'unmark': {
        const { mark: _mark, ...rest } = this.#at(step.on);
        this.domains.set(step.on, rest);
        return;
      }
      case 'resize':
        if (this.#at(step.on).power === 'on') throw new Error('resized while it runs');
        this.#change(step.on, { size: step.size });
        return;
      default:
        throw new Error(`cannot be done: ${step.kind}`);
    }
  }

  /** One step of the agents, as src/protocol/migration-plan.ts has it; false: they have nothing to do. */
  agents(): boolean {
    const { phase, decision, claim } = this;
    const isArrived = this.#isSeen();
    if (!claim.isLocked) return this.#conclude();
    if (phase === undefined) return this.#end(undefined);
    if (phase === 'PreMigrating' && decision === 'Abort') return this.#tell('Failed');
    if (phase === 'Migrating' && isArrived) return this.#tell('PostMigrating');
    if (phase === 'PostMigrating') return this.#hasArrived ? this.#tell('Finished') : this.#move();
    if (phase === 'Failed') return this.#end(isArrived ? 'target' : 'source');
    if (phase !== 'Finished') return false;
    if (this.#live || decision === 'Confirm') return this.#end('target');
    return decision !== undefined && !isArrived ? this.#end('source') : false;
  }

  #isSeen(): boolean {
    const domain = this.domains.get(this.target);
    if (this.source === this.target) return domain?.size.memoryKiB === this.sizes?.after.memoryKiB;
    return domain?.power === 'on';
  }

  #conclude(): boolean {
    if (this.phase === undefined || ['Failed', 'Confirmed', 'Reverted'].includes(this.phase)) return false;
    if (this.phase !== 'Finished') return this.#tell('Failed');
    return this.#tell(this.claim.nodeName === this.target && this.decision !== 'Revert' ? 'Confirmed' : 'Reverted');
  }

  #tell(phase: string): boolean {
    this.phase = phase;
    return true;
  }

  #move(): boolean {
    this.#hasArrived = true;
    this.claim = { nodeName: this.target, size: this.sizes?.after ?? SMALL, isLocked: true };
    return true;
  }

  #end(at: 'source' | 'target' | undefined): boolean {
    if (at === 'target') this.#move();
    const isBack = at === 'source' && this.#hasArrived;
    this.claim = { ...this.claim, ...(isBack && { nodeName: this.source, size: SMALL }), isLocked: false };
    return true;
  }

  #at(name: string): Domain {
    const domain = this.domains.get(name);
    if (domain === undefined) throw new Error(`not on ${name}`);
    return domain;
  }

  #change(name: string, change: Partial<Domain>): void {
    this.domains.set(name, { ...this.#at(name), ...change });
  }
}
