import { kind } from 'kubernetes-fluent-client';
import type { Agents } from './agents.ts';
import { DemoError } from './errors.ts';
import { Follower } from './follower.ts';
import { ComputeNode, InstanceClaim, Migration } from './kinds.ts';
import type { Kubectl } from './kubectl.ts';
import type { Printer } from './printer.ts';
import { claimTiding, conditionOf, eventTiding, migrationTiding, nodeTiding, type Tiding } from './tidings.ts';

/** An agent decides in milliseconds; this is for a machine that is busy with something else. */
const outcomeTimeoutMs = 30_000;
const styles = { good: 'green', bad: 'yellow', plain: 'reset' } as const;

/** How a claim has to come out. */
export type Outcome = {
  readonly phase: 'Pending' | 'Claimed' | 'Rejected' | 'Expired';
  /** All reasons, in their order; left out for a claim that is granted. */
  readonly reasons?: readonly string[];
  /** How many PCI devices it got; none when left out. */
  readonly devices?: number;
};

export type StageParts = {
  readonly printer: Printer;
  readonly kubectl: Kubectl;
  readonly agents: Agents;
};

/** What an executor writes, as one would type it. */
type Report = 'Migrating' | 'PostMigrating' | 'Failed';
type MigrationPhase = NonNullable<NonNullable<Migration['status']>['phase']>;

const FINAL: readonly MigrationPhase[] = ['Confirmed', 'Reverted', 'Rejected', 'Failed'];

/** Where the story happens: what the watches show is printed as it comes, and each step waits for its outcome. */
export class Stage {
  readonly printer: Printer;
  readonly kubectl: Kubectl;
  readonly #agents: Agents;
  readonly #claims: Follower<InstanceClaim>;
  readonly #nodes: Follower<ComputeNode>;
  readonly #migrations: Follower<Migration>;
  readonly #events: Follower<kind.Event>;

  private constructor(
    { printer, kubectl, agents }: StageParts,
    claims: Follower<InstanceClaim>,
    nodes: Follower<ComputeNode>,
    migrations: Follower<Migration>,
    events: Follower<kind.Event>,
  ) {
    this.printer = printer;
    this.kubectl = kubectl;
    this.#agents = agents;
    this.#claims = claims;
    this.#nodes = nodes;
    this.#migrations = migrations;
    this.#events = events;
  }

  /** Resolves once everything is watched. */
  static async open(parts: StageParts): Promise<Stage> {
    const tell = (tiding: Tiding | undefined): void => {
      if (tiding !== undefined) parts.printer.event(tiding.subject, tiding.text, styles[tiding.mood]);
    };
    return new Stage(
      parts,
      await Follower.start(InstanceClaim, (before, after) => tell(claimTiding(before, after))),
      await Follower.start(ComputeNode, (before, after) => tell(nodeTiding(before, after))),
      await Follower.start(Migration, (before, after) => tell(migrationTiding(before, after))),
      await Follower.start(kind.Event, (before, after) => tell(before === undefined ? eventTiding(after) : undefined)),
    );
  }

  /** `kubectl apply -f` of a file in examples/claims, or in another folder of examples. */
  async apply(file: string, folder: 'claims' | 'migrations' = 'claims'): Promise<void> {
    await this.kubectl.run('apply', '-f', `examples/${folder}/${file}`);
  }

  /** An executor tells how far it is. */
  async report(namespace: string, migration: string, phase: Report): Promise<void> {
    const patch = JSON.stringify({ status: { phase } });
    const where = ['-n', namespace, '--subresource=status', '--type=merge'];
    await this.kubectl.run('patch', 'imig', migration, ...where, '-p', patch);
  }

  /** A person decides about a migration. */
  async decide(namespace: string, migration: string, decision: 'Confirm' | 'Revert' | 'Abort'): Promise<void> {
    const patch = JSON.stringify({ spec: { decision } });
    await this.kubectl.run('patch', 'imig', migration, '-n', namespace, '--type=merge', '-p', patch);
  }

  /** Waits until a migration has come to this phase; rejects at once when it has ended otherwise. */
  async expectMigration(key: string, phase: MigrationPhase): Promise<void> {
    const present = () => this.#migrations.get(key)?.status?.phase ?? 'Pending';
    const late = () => `migration ${key} should be ${phase} and is ${present()}`;
    const probe = (): true | undefined => {
      if (present() === phase) return true;
      if (FINAL.includes(present())) throw new DemoError(late());
      return undefined;
    };
    await this.#unlessFault(this.#migrations.waitFor(probe, outcomeTimeoutMs, late));
  }

  /** Waits until a claim has come out as it should; rejects at once when it has come out otherwise for good. */
  async expectClaim(key: string, outcome: Outcome): Promise<void> {
    await this.#unlessFault(
      this.#claims.waitFor(
        () => cameOut(key, this.#claims.get(key), outcome),
        outcomeTimeoutMs,
        () => `${key} should be ${wordsOf(outcome)} and is ${stateOf(this.#claims.get(key))}`,
      ),
    );
  }

  /** Waits until there is no such claim any more. */
  async expectNoClaim(key: string): Promise<void> {
    await this.#unlessFault(
      this.#claims.waitFor(
        () => this.#claims.get(key) === undefined || undefined,
        outcomeTimeoutMs,
        () => `${key} should be gone`,
      ),
    );
  }

  /** Waits until a ComputeNode's condition has this status. */
  async expectCondition(node: string, type: string, status: 'True' | 'False'): Promise<void> {
    const conditions = () => this.#nodes.get(node)?.status?.conditions;
    await this.#unlessFault(
      this.#nodes.waitFor(
        () => conditionOf(conditions(), type)?.status === status || undefined,
        outcomeTimeoutMs,
        () =>
          `${type} of node ${node} should be ${status}: ${JSON.stringify(conditions() ?? 'there is no such ComputeNode')}`,
      ),
    );
  }

  /** Waits until this much memory is left on a node. */
  async expectAvailableMemory(node: string, memory: string): Promise<void> {
    const available = () => this.#nodes.get(node)?.status?.available?.memory;
    await this.#unlessFault(
      this.#nodes.waitFor(
        () => available() === memory || undefined,
        outcomeTimeoutMs,
        () => `node ${node} should have ${memory} of memory available, and has ${available()}`,
      ),
    );
  }

  /** Waits until each decided claim has an Event, and says how many there are. */
  async expectEvents(): Promise<number> {
    const missing = () => this.#claims.all().filter(({ metadata }) => !this.#hasEvent(metadata?.uid));
    await this.#unlessFault(
      this.#events.waitFor(
        () => missing().length === 0 || undefined,
        outcomeTimeoutMs,
        () => `claims without an Event: ${missing().map(({ metadata }) => metadata?.name)}`,
      ),
    );
    return this.#events.all().filter(({ regarding }) => regarding?.kind === 'InstanceClaim').length;
  }

  #hasEvent(uid: string | undefined): boolean {
    return this.#events.all().some(({ regarding }) => regarding?.uid === uid);
  }

  #unlessFault<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#agents.fault]);
  }
}

/** True when it has; undefined when it may yet. */
function cameOut(key: string, claim: InstanceClaim | undefined, outcome: Outcome): true | undefined {
  const phase = claim?.status?.phase ?? 'Pending';
  if (matches(claim, outcome)) return true;
  if (phase === 'Pending' || (phase === 'Claimed' && outcome.phase === 'Expired')) return undefined;
  throw new DemoError(`${key} should be ${wordsOf(outcome)} and is ${stateOf(claim)}`);
}

function matches(claim: InstanceClaim | undefined, { phase, reasons, devices = 0 }: Outcome): boolean {
  const status = claim?.status;
  const reason = conditionOf(status?.conditions, 'Claimed')?.reason;
  if ((status?.phase ?? 'Pending') !== phase || reason === undefined) return false;
  if ((status?.pciDevices ?? []).length !== devices) return false;
  return reasons === undefined || reason === reasons.join(',');
}

function wordsOf({ phase, reasons, devices }: Outcome): string {
  const why = reasons === undefined ? '' : ` (${reasons.join(', ')})`;
  return `${phase}${why}${devices === undefined ? '' : ` with ${devices} PCI devices`}`;
}

function stateOf(claim: InstanceClaim | undefined): string {
  if (claim === undefined) return 'not there';
  const condition = conditionOf(claim.status?.conditions, 'Claimed');
  const devices = claim.status?.pciDevices?.length ?? 0;
  return `${claim.status?.phase ?? 'undecided'} (${condition?.reason}: ${condition?.message}), PCI devices: ${devices}`;
}
