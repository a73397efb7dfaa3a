/**
 * One random life of a cluster: people and hypervisors do what they do, agents are started, killed, stopped and paused, and whatever can
 * go wrong on the way to the API server does. Then faults stop, and everything must come to rest and be right.
 */
import { Assaults } from './assaults.ts';
import { BrokenRule } from './broken-rule.ts';
import { End, LEASE_PERIOD_MS } from './end.ts';
import { Mischief } from './mischief.ts';
import { Movers } from './movers.ts';
import { People } from './people.ts';
import { Rules } from './rules.ts';
import { agentsOf, type Scene } from './scene.ts';
import { Cluster, type ClusterParts } from './world/cluster.ts';
import type { Snapshot } from './world/model-api.ts';
import type { ModelProcess, Protocol } from './world/model-process.ts';
import { Random } from './world/random.ts';
import type { Step } from './world/step.ts';

export interface LifeResult {
  readonly steps: number;
  readonly granted: number;
  readonly refused: number;
  readonly expired: number;
  /** Claims that were locked for a migration, and migrations that came to each end. */
  readonly migrations: number;
  readonly confirmed: number;
  readonly reverted: number;
  readonly failed: number;
  /** Processes of agents that were started. */
  readonly agents: number;
  /** How often each kind of fault happened. */
  readonly faults: ReadonlyMap<string, number>;
}

const TRACED_STEPS = Number(process.env.TRACE || 40);
/** In how many lives etcd is restored from a backup. */
const RESTORES = 0.25;
/** How often what happens. Where all goes wrong at once, little gets as far as the one fault that would show. */
interface Temper {
  readonly steps: number;
  readonly people: number;
  readonly faults: number;
  readonly strokes: number;
  readonly mischief: number;
  readonly assaults: number;
}

const TEMPERS: readonly Temper[] = [
  { steps: 400, people: 0.16, faults: 0.1, strokes: 0.02, mischief: 0.05, assaults: 0 },
  { steps: 400, people: 0.2, faults: 0.03, strokes: 0.02, mischief: 0.12, assaults: 0 },
  { steps: 400, people: 0.2, faults: 0.06, strokes: 0.05, mischief: 0.05, assaults: 0.01 },
];
/** One node that many want, and agents that all believe that it is theirs. */
const EMBATTLED: Temper = { steps: 60, people: 0.1, faults: 0.08, strokes: 0.01, mischief: 0.02, assaults: 0.12 };
/** A migration has many steps of many people: where claims and agents die as fast as above, few come to an end. */
const CALM: readonly Temper[] = [
  { steps: 900, people: 0.2, faults: 0.02, strokes: 0.005, mischief: 0.02, assaults: 0 },
  { steps: 900, people: 0.2, faults: 0.05, strokes: 0.015, mischief: 0.04, assaults: 0 },
];

const NODE_NAMES = ['node-a', 'node-b', 'node-c'];
/** Clocks on the wall are within this of each other's. */
const MAX_SKEW_MS = 2_000;

export class Life {
  readonly #seed: number;
  readonly #random: Random;
  readonly #cluster: Cluster;
  readonly #people: People;
  readonly #movers: Movers;
  /** Whether anybody resizes or moves instances. */
  readonly #hasMigrations: boolean;
  readonly #rules: Rules;
  readonly #scene: Scene;
  readonly #mischief: Mischief;
  readonly #assaults: Assaults;
  readonly #trace: string[] = [];
  readonly #faults = new Map<string, number>();
  /** Of one node at a time: old and new of a rolling update, or two that both believe that the node is theirs. */
  readonly #maxAgents: number;
  /** Who lives through a restore of etcd. */
  readonly #restore: 'none' | 'agentsStopped' | 'agentsLive';
  readonly #temper: Temper;
  #snapshot: Snapshot | undefined;
  #steps = 0;

  constructor(seed: number, protocol: Protocol = {}) {
    this.#seed = seed;
    this.#random = new Random(seed);
    const random = this.#random;
    const isEmbattled = random.chance(0.3);
    const lease: ClusterParts['lease'] = !isEmbattled && random.chance(0.55) ? 'kept' : 'ignored';
    const restores = random.chance(RESTORES);
    this.#restore = !restores ? 'none' : lease === 'kept' && random.chance(0.6) ? 'agentsLive' : 'agentsStopped';
    this.#maxAgents = random.chance(0.3) ? 1 : random.chance(0.85) ? 2 : 3;
    this.#hasMigrations = !isEmbattled && random.chance(0.6);
    const isAlone = this.#hasMigrations ? 0.15 : 0.75;
    this.#cluster = new Cluster({
      nodeNames: NODE_NAMES.slice(0, isEmbattled || random.chance(isAlone) ? 1 : 2 + random.below(2)),
      lease,
      knowsTheDead: random.chance(0.5),
      maxBatch: 1 + random.below(6),
      protocol,
    });
    this.#temper = isEmbattled ? EMBATTLED : random.pick(this.#hasMigrations ? CALM : TEMPERS);
    this.#people = new People(this.#cluster, random);
    this.#movers = new Movers(this.#cluster, random);
    this.#rules = new Rules(this.#cluster);
    this.#scene = {
      cluster: this.#cluster,
      random,
      people: this.#people,
      maxAgents: this.#maxAgents,
      perform: (step) => this.#do(step),
      start: (nodeName) => this.#start(nodeName),
      staff: () => this.#staff(),
      backups: () => this.#backup(),
    };
    this.#mischief = new Mischief(this.#scene);
    this.#assaults = new Assaults(this.#scene);
  }

  /** Throws BrokenRule. */
  run(): LifeResult {
    try {
      this.#live();
      this.#rest();
    } catch (error) {
      throw new BrokenRule(this.#report(error), { cause: error });
    }
    return {
      steps: this.#steps,
      agents: this.#cluster.processesStarted,
      faults: this.#faults,
      ...this.#outcomes(),
      ...this.#migrations(),
    };
  }

  #migrations(): Pick<LifeResult, 'migrations' | 'confirmed' | 'reverted' | 'failed'> {
    const { claims, migrations } = this.#cluster.api;
    const locks = claims.log.filter(
      ({ before, after }) => after?.status?.migration !== undefined && before?.status?.migration === undefined,
    );
    const became = (phase: string): number =>
      migrations.log.filter(({ before, after }) => after?.status?.phase === phase && before?.status?.phase !== phase)
        .length;
    return {
      migrations: locks.length,
      confirmed: became('Confirmed'),
      reverted: became('Reverted'),
      failed: became('Failed'),
    };
  }

  #outcomes(): Pick<LifeResult, 'granted' | 'refused' | 'expired'> {
    const { log } = this.#cluster.api.claims;
    const became = (phase: string): number =>
      log.filter((change) => change.after?.status?.phase === phase && change.before?.status?.phase !== phase).length;
    const attempts = log.filter(
      ({ by, before, after }) =>
        by !== undefined && (after?.status?.attempts?.length ?? 0) > (before?.status?.attempts?.length ?? 0),
    ).length;
    return { granted: became('Claimed'), refused: became('Rejected') + attempts, expired: became('Expired') };
  }

  #live(): void {
    for (let count = 0; count < this.#temper.steps; count += 1) {
      this.#staff();
      const { people, faults, strokes, mischief, assaults } = this.#temper;
      if (this.#random.chance(mischief)) this.#mischief.hurt();
      if (this.#random.chance(assaults)) this.#assaults.run();
      const chance = this.#random.fraction();
      if (chance < people) this.#do(this.#pick(this.#deeds()));
      else if (chance < people + faults) this.#do(this.#pick(this.#cluster.faults()));
      else if (chance < people + faults + strokes) this.#do(this.#pick(this.#strokes()));
      else this.#do(this.#pick(this.#cluster.steps()) ?? this.#passTime());
    }
  }

  #deeds(): Step[] {
    if (!this.#hasMigrations) return this.#people.deeds();
    const moves = this.#random.chance(0.75) ? this.#movers.deeds() : [];
    return moves.length > 0 ? moves : this.#people.calmDeeds();
  }

  /** Faults stop: what is on its way arrives, each node has an agent, and time passes until all is as it should be. */
  #rest(): void {
    this.#do({ what: 'faults stop', run: () => this.#endFaults() });
    this.#keepSome();
    this.#staff();
    new End(this.#cluster, this.#movers, (step) => this.#do(step)).check();
  }

  #endFaults(): void {
    const { network, parts, processes } = this.#cluster;
    for (const name of parts.nodeNames) this.#cluster.host(name).connect();
    network.isOut = false;
    for (const process of processes) {
      process.resume();
      process.tenure?.unstall();
    }
    network.hurry();
    this.#people.uncordon();
  }

  /** Half of the time new ones have to make do with what the others left. Without a Lease, two would fight for ever. */
  #keepSome(): void {
    const { processes, parts } = this.#cluster;
    if (this.#random.chance(0.5)) for (const process of processes) process.kill();
    if (parts.lease === 'kept') return;
    for (const nodeName of parts.nodeNames)
      for (const process of agentsOf(this.#scene, nodeName).slice(1)) process.kill();
  }

  #do(step: Step | undefined): void {
    if (step === undefined) return;
    this.#steps += 1;
    this.#trace.push(step.what);
    if (this.#trace.length > TRACED_STEPS) this.#trace.shift();
    if (step.fault !== undefined) this.#count(step.fault);
    step.run();
    this.#rules.check();
  }

  #count(fault: string): void {
    this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1);
  }

  #pick(steps: readonly Step[]): Step | undefined {
    return steps.length === 0 ? undefined : this.#random.pick(steps);
  }

  // --- agents ---------------------------------------------------------------------------------------------------------

  /** A node without an agent that goes on gets one. */
  #staff(): void {
    for (const nodeName of this.#cluster.parts.nodeNames)
      if (agentsOf(this.#scene, nodeName).every(({ isStopping }) => isStopping)) this.#do(this.#start(nodeName));
  }

  #start(nodeName: string): Step {
    const random = this.#random;
    const clocks = {
      skewMs: Math.round(MAX_SKEW_MS * (random.fraction() - 0.5)),
      rate: 1 + (random.fraction() - 0.5) / 50,
    };
    return { what: `an agent starts on ${nodeName}`, run: () => void this.#cluster.startProcess(nodeName, clocks) };
  }

  /** What befalls agents, their Leases, the API server and time. */
  #strokes(): Step[] {
    const nodeName = this.#random.pick(this.#cluster.parts.nodeNames);
    const strokes = [this.#passTime(), this.#passTime(), this.#outage(), ...this.#backup()];
    if (agentsOf(this.#scene, nodeName).length < this.#maxAgents)
      strokes.push(this.#start(nodeName), this.#start(nodeName));
    if (this.#cluster.parts.lease === 'kept' && this.#random.chance(0.1)) strokes.push(this.#breakLease(nodeName));
    return [...strokes, ...this.#harm(nodeName)];
  }

  #harm(nodeName: string): Step[] {
    const agents = agentsOf(this.#scene, nodeName);
    if (agents.length === 0) return [];
    const one = this.#random.pick(agents);
    const pause: Step = one.isPaused
      ? { what: `${one.name} goes on`, run: () => one.resume() }
      : { what: `${one.name} is paused`, fault: 'pause', run: () => one.pause() };
    const kill: Step = { what: `${one.name} is killed`, fault: 'crash', run: () => one.kill() };
    if (one.isPaused || one.isStopping) return [pause, kill];
    return [pause, kill, { what: `${one.name} is told to stop`, fault: 'graceful stop', run: () => one.stop() }];
  }

  #passTime(): Step {
    const { clock } = this.#cluster;
    const isLeap = this.#random.chance(0.15);
    const ms = isLeap ? 10_000 + this.#random.below(80_000) : 100 + this.#random.below(9_000);
    const step = { what: `${ms} ms pass`, run: () => clock.advance(ms) };
    return isLeap ? { ...step, fault: 'nothing happens for long' } : step;
  }

  #outage(): Step {
    const { network } = this.#cluster;
    const end = (): void => {
      network.isOut = false;
    };
    const begin = (): void => {
      network.isOut = true;
    };
    if (network.isOut || this.#random.chance(0.6)) return { what: 'the API server answers', run: end };
    return { what: 'the API server answers nobody', fault: 'API server outage', run: begin };
  }

  #breakLease(nodeName: string): Step {
    const { leases } = this.#cluster.api;
    const run = (): void => void leases.delete(nodeName, 'resource-tracker');
    return { what: `somebody deletes the Lease of ${nodeName}`, fault: 'Lease deleted', run };
  }

  // --- backups of etcd ------------------------------------------------------------------------------------------------

  #backup(): Step[] {
    if (this.#restore === 'none') return [];
    const snapshot = this.#snapshot;
    const backup: Step = {
      what: 'etcd is backed up',
      run: () => {
        this.#snapshot = this.#cluster.api.snapshot();
      },
    };
    if (snapshot === undefined) return [backup, backup];
    return [backup, this.#restoreFrom(snapshot)];
  }

  /** Who stands still is known to be gone, or a restore takes longer than its Lease lasts: docs/safety.md says so. */
  #restoreFrom(snapshot: Snapshot): Step {
    const { network, clock, processes } = this.#cluster;
    const isLong = this.#random.chance(0.5);
    const ms = isLong ? LEASE_PERIOD_MS + this.#random.below(60_000) : this.#random.below(5_000);
    const ends = ({ isPaused }: ModelProcess): boolean => this.#restore === 'agentsStopped' || (isPaused && !isLong);
    const run = (): void => {
      for (const process of processes.filter(ends)) process.kill();
      network.cut();
      clock.advance(ms);
      snapshot.restore();
    };
    return { what: `etcd is restored, which takes ${ms} ms`, fault: 'etcd restored', run };
  }

  #report(error: unknown): string {
    const { message } = error instanceof Error ? error : new Error(String(error));
    const { lease, nodeNames } = this.#cluster.parts;
    const steps = this.#trace.map((what, index) => `  ${this.#steps - this.#trace.length + index + 1}. ${what}`);
    return [
      `${message} (replay with SEED=${this.#seed})`,
      `${nodeNames.length} nodes, Leases ${lease}; the last of ${this.#steps} steps:`,
      ...steps,
    ].join('\n');
  }
}
