/**
 * A cluster in which what happens next is chosen by its words: for scripts that lead straight to the one moment at which a safeguard
 * counts. The rules are checked after every step; what breaks one is a BrokenRule, and a script that does not fit is another error.
 */
import type { InstanceClaim, Migration, MigrationPhase } from '../../../src/api/generated/v1alpha1.ts';
import { BrokenRule } from '../broken-rule.ts';
import { End } from '../end.ts';
import { Movers } from '../movers.ts';
import { Rules } from '../rules.ts';
import { Cluster, type ClusterParts } from '../world/cluster.ts';
import type { ModelProcess, Protocol } from '../world/model-process.ts';
import type { Request } from '../world/network.ts';
import { type ClaimParts, claim } from '../world/objects.ts';
import { Random } from '../world/random.ts';
import type { Step } from '../world/step.ts';

const MAX_STEPS = 2_000;
/** Where no agent is. */
const NOWHERE = 'node-z';
const CLOCKS = { skewMs: 0, rate: 1 };

export class Stage {
  readonly cluster: Cluster;
  readonly #rules: Rules;

  /** One node, one agent at a time and no Lease, so that token and barrier are all that there is; but for what is given. */
  constructor(protocol: Protocol, parts: Partial<ClusterParts> = {}) {
    this.cluster = new Cluster({
      nodeNames: ['node-a'],
      lease: 'ignored',
      knowsTheDead: false,
      maxBatch: 16,
      protocol,
      ...parts,
    });
    this.#rules = new Rules(this.cluster);
  }

  // --- agents ---------------------------------------------------------------------------------------------------------

  /** Starts an agent: the first one is called a1, the next one on node-b b2. */
  agent(nodeName = 'node-a'): ModelProcess {
    const process = this.cluster.startProcess(nodeName, CLOCKS);
    this.#rules.check();
    return process;
  }

  /** It is gone, and what it has sent is stuck until it is landed by hand. */
  kill(process: ModelProcess): void {
    for (const request of this.cluster.network.requests) if (request.sender === process.name) request.delay();
    process.kill();
  }

  // --- people ---------------------------------------------------------------------------------------------------------

  /** Creates a claim of 1 GiB for node-a, but for what is given. */
  create(parts: ClaimParts): InstanceClaim {
    const answer = this.cluster.api.claims.create(claim(parts));
    if (answer.kind !== 'ok') throw new Error(`create ${parts.name}: ${answer.kind}`);
    this.pass(1_000);
    return answer.object;
  }

  /** Creates a claim that is bound to the node later, and comes before all that was created since then. */
  createUnbound(parts: ClaimParts): void {
    this.create({ ...parts, nodeName: NOWHERE });
  }

  bind(name: string, nodeName = 'node-a'): void {
    this.cluster.api.claims.change(name, 'default', ({ spec }) => ({ spec: { ...spec, nodeName } }));
  }

  unbind(name: string): void {
    this.bind(name, NOWHERE);
  }

  label(name: string): void {
    const labels = { revision: String(this.cluster.api.claims.list().revision) };
    this.cluster.api.claims.change(name, 'default', ({ metadata }) => ({ metadata: { ...metadata, labels } }));
  }

  delete(name: string): void {
    this.cluster.api.claims.delete(name, 'default');
  }

  /** Wants a claim on another node, or with another flavor. */
  migrate(name: string, spec: Migration['spec']): void {
    const apiVersion = 'resourcetracker.dev/v1alpha1';
    this.cluster.api.migrations.create({
      apiVersion,
      kind: 'Migration',
      metadata: { name, namespace: 'default' },
      spec,
    });
    this.pass(1_000);
  }

  decide(name: string, decision: NonNullable<Migration['spec']['decision']>): void {
    this.cluster.api.migrations.change(name, 'default', ({ spec }) => ({ spec: { ...spec, decision } }));
  }

  /** As its executor does. */
  report(name: string, phase: MigrationPhase): void {
    this.cluster.api.migrations.change(name, 'default', ({ status }) => ({ status: { ...status, phase } }));
  }

  pass(ms: number): void {
    this.cluster.clock.advance(ms);
  }

  // --- what happens next ----------------------------------------------------------------------------------------------

  /** Lets everything happen but the steps whose words match, until nothing else is left. */
  settle(heldBack?: RegExp): void {
    for (let count = 0; count < MAX_STEPS; count += 1) {
      const step = this.cluster.steps().find(({ what }) => heldBack?.test(what) !== true);
      if (step === undefined) return;
      this.#perform(step);
    }
    throw new Error(`it does not come to rest: ${this.#words(this.cluster.steps())}`);
  }

  /** Lets the first step whose words match happen, so many times. */
  happens(words: RegExp, times = 1): void {
    for (let count = 0; count < times; count += 1) this.#perform(this.#find(this.cluster.steps(), words));
  }

  /** The same with what may go wrong. */
  goesWrong(words: RegExp): void {
    this.#perform(this.#find(this.cluster.faults(), words));
  }

  /** A request that is under way. */
  request(words: RegExp): Request {
    const { requests } = this.cluster.network;
    const found = requests.find(({ what, isUnderWay }) => isUnderWay && words.test(what));
    if (found === undefined) throw new Error(`no request matches ${words}: ${this.#words(requests)}`);
    return found;
  }

  /** A request whose sender has given up waiting, and that may still land. */
  stuck(words: RegExp): Request {
    const request = this.request(words);
    request.delay();
    this.#perform({ what: 'give up', run: () => request.giveUp() });
    return request;
  }

  lands(request: Request): void {
    this.#perform({ what: `land ${request.what}`, run: () => request.land() });
  }

  refuse(words: RegExp): void {
    const request = this.request(words);
    this.#perform({ what: `refuse ${request.what}`, run: () => request.refuse() });
  }

  /** Nothing goes wrong any more: all must come to rest and be right. Without Leases only the last agent stays, as two would fight. */
  end(): void {
    const { network, parts, processes } = this.cluster;
    for (const nodeName of parts.nodeNames) this.cluster.host(nodeName).connect();
    for (const process of processes) process.resume();
    for (const nodeName of parts.lease === 'ignored' ? parts.nodeNames : [])
      for (const process of processes.filter((one) => one.nodeName === nodeName).slice(0, -1)) process.kill();
    network.hurry();
    const movers = new Movers(this.cluster, new Random(1));
    guarded(() => new End(this.cluster, movers, (step) => this.#perform(step)).check());
  }

  #perform({ run }: Step): void {
    guarded(() => {
      run();
      this.#rules.check();
    });
  }

  #find(steps: readonly Step[], words: RegExp): Step {
    const step = steps.find(({ what }) => words.test(what));
    if (step === undefined) throw new Error(`nothing that matches ${words} can happen: ${this.#words(steps)}`);
    return step;
  }

  #words(steps: readonly { readonly what: string }[]): string {
    return steps.map(({ what }) => what).join(', ');
  }
}

function guarded(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (error instanceof BrokenRule) throw error;
    throw new BrokenRule(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
