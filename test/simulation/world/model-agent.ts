/**
 * One process of an agent: performs a Tracker's effects against the model. Each effect, each answer, each watch event and each turn is
 * a step of its own. Step 2's mutex is kept: nothing is decided while a write of ComputeNode waits for its answer.
 */
import type { ComputeNode, InstanceClaim } from '../../../src/api/generated/v1alpha1.ts';
import type { Answer, Effect, Observation, Outcome } from '../../../src/protocol/messages.ts';
import type { TrackerSettings } from '../../../src/protocol/settings.ts';
import { Tracker } from '../../../src/protocol/tracker.ts';
import type { ModelApi, Watch, WatchEvent } from './model-api.ts';
import type { ModelClock } from './model-clock.ts';
import type { ModelHost } from './model-host.ts';
import type { Call, Network, Request } from './network.ts';
import type { Step } from './step.ts';

/** How a shell can be wrong: to show that a fault of that kind is noticed. */
export interface Tampering {
  /** Answers in the server's stead; undefined: the server is asked. */
  readonly effect?: (effect: Effect, tracker: Tracker) => Observation | undefined;
  /** How step 2 is written instead. */
  readonly commit?: (node: ComputeNode, api: ModelApi) => Answer<ComputeNode>;
  /** How a claim is written instead. */
  readonly claim?: (claim: InstanceClaim, api: ModelApi) => Answer<InstanceClaim>;
  /** What is told of step 2 instead of the server's answer. */
  readonly commitAnswer?: (answer: Answer<ComputeNode>, node: ComputeNode) => Answer<ComputeNode>;
  /** What is told to the tracker instead. */
  readonly observation?: (observation: Observation) => Observation;
}

export interface ModelAgentParts {
  /** Of this process; its identity and the sender of its requests. */
  readonly name: string;
  readonly token: string;
  readonly settings: TrackerSettings;
  readonly api: ModelApi;
  readonly host: ModelHost;
  readonly clock: ModelClock;
  readonly network: Network;
  readonly tampering?: Tampering;
}

type NodeAnswer = 'nodeRead' | 'nodeCreated' | 'nodeWritten';
type ClaimAnswer = 'claimRead' | 'claimWritten';

export class ModelAgent {
  readonly name: string;
  readonly tracker: Tracker;
  /** What was told to people, oldest first. */
  readonly outcomes: Outcome[] = [];
  readonly logged: (Effect & { kind: 'log' })[] = [];
  readonly #parts: ModelAgentParts;
  #end: { readonly fatal: boolean; readonly reason: string } | undefined;
  #isAlive = true;
  #turnIsDue = false;
  #dueMs: number | undefined;
  #commitIsOpen = false;
  #commits = 0;
  #listing: Request | undefined;
  #claimWatch: Watch<InstanceClaim> | undefined;
  #nodeWatch: Watch<ComputeNode> | undefined;
  #driverPosition = 0;

  constructor(parts: ModelAgentParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.tracker = new Tracker({ ...parts.settings, identity: parts.name });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Why it acts for the node no longer; undefined while it does. */
  get end(): { readonly fatal: boolean; readonly reason: string } | undefined {
    return this.#end;
  }

  /** How often it has asked for a write of ComputeNode after its take-over. */
  get commits(): number {
    return this.#commits;
  }

  /** The moment from which on time alone makes a turn due. */
  get dueMs(): number | undefined {
    return this.#dueMs;
  }

  /** Connects to the host, follows the ComputeNode and takes the node over. */
  start(): void {
    const { api, host, token, settings } = this.#parts;
    const matches = ({ metadata }: ComputeNode): boolean => metadata.name === settings.nodeName;
    const { items, revision } = api.computeNodes.list(matches);
    this.#nodeWatch = api.computeNodes.watch(matches, revision);
    this.#driverPosition = host.events.length;
    if (host.fault === undefined) this.observe({ kind: 'driverConnected' });
    for (const node of items) this.observe({ kind: 'nodeSeen', node });
    this.observe({ kind: 'lead', token });
    this.audit();
  }

  /** It is gone from one moment to the next. What it has sent may still land. */
  kill(): void {
    this.#isAlive = false;
    this.#parts.network.abandon(this.name);
  }

  /** Reads the host, and tells. */
  audit(): void {
    const report = this.#parts.host.audit();
    if (report !== undefined) this.observe({ kind: 'hostReported', report });
  }

  observe(observation: Observation): void {
    if (!this.#isAlive) return;
    const { clock, tampering } = this.#parts;
    const told = tampering?.observation?.(observation) ?? observation;
    this.#turnIsDue = true;
    this.#perform(this.tracker.observe(told, clock.nowMs));
  }

  /** What it would do next by itself. */
  steps(): Step[] {
    if (!this.#isAlive) return [];
    const steps: Step[] = [];
    if (this.#driverPosition < this.#parts.host.events.length)
      steps.push(this.#step('driver event', () => this.#driverEvent()));
    if (this.#nodeWatch?.hasNext === true) steps.push(this.#step('node watch', () => this.#nodeEvent()));
    if (this.#claimWatch?.hasNext === true) steps.push(this.#step('claim watch', () => this.#claimEvent()));
    if (this.#isTurnDue) steps.push(this.#step('turn', () => this.turn()));
    return steps;
  }

  /** What may happen to it. */
  faults(): Step[] {
    if (!this.#isAlive) return [];
    const steps = [
      this.#step('audit', () => this.audit()),
      this.#step('rewind node watch', () => this.#nodeWatch?.rewind(2)),
    ];
    if (this.#claimWatch !== undefined) {
      steps.push(this.#step('rewind claim watch', () => this.#claimWatch?.rewind(3)));
      steps.push(this.#step('claim watch broke', () => this.listClaims()));
    }
    return steps;
  }

  /** Decides, and asks for step 2 if there is something to write. */
  turn(): void {
    const { clock, network, api, tampering } = this.#parts;
    if (this.#commitIsOpen) throw new Error(`${this.name}: a turn while a commit is open`);
    this.#turnIsDue = false;
    const { effects, commit, dueMs } = this.tracker.decide(clock.nowMs);
    this.#dueMs = dueMs;
    this.#perform(effects);
    if (commit === undefined) return;
    this.#commitIsOpen = true;
    this.#commits += 1;
    const carryOut = (): Answer<ComputeNode> =>
      tampering?.commit?.(commit, api) ?? api.computeNodes.replaceStatus(commit);
    network.send(
      this.#call('commit', carryOut, (answer) => this.#committed(tampering?.commitAnswer?.(answer, commit) ?? answer)),
    );
  }

  /** Lists consistently, and watches from there. An earlier list or watch is dropped. */
  listClaims(): void {
    const { api, network, settings } = this.#parts;
    const matches = ({ spec }: InstanceClaim): boolean => spec.nodeName === settings.nodeName;
    this.#listing?.abandon();
    this.#listing?.lose();
    this.#claimWatch = undefined;
    this.#listing = network.send({
      sender: this.name,
      what: 'list claims',
      carryOut: () => {
        const { items, revision } = api.claims.list(matches);
        return () => {
          this.#claimWatch = api.claims.watch(matches, revision);
          this.observe({ kind: 'claimsListed', claims: items });
        };
      },
    });
  }

  get #isTurnDue(): boolean {
    if (this.#commitIsOpen) return false;
    return this.#turnIsDue || (this.#dueMs !== undefined && this.#parts.clock.nowMs >= this.#dueMs);
  }

  #step(what: string, run: () => void): Step {
    return { what: `${this.name}: ${what}`, run };
  }

  #committed(answer: Answer<ComputeNode>): void {
    this.#commitIsOpen = false;
    this.#turnIsDue = true;
    this.#perform(this.tracker.committed(answer));
  }

  #driverEvent(): void {
    const event = this.#parts.host.events[this.#driverPosition];
    this.#driverPosition += 1;
    switch (event?.kind) {
      case 'connected':
        this.observe({ kind: 'driverConnected' });
        this.audit();
        break;
      case 'disconnected':
        this.observe({ kind: 'driverDisconnected', message: event.message });
        break;
      case 'instanceChanged':
        this.observe({ kind: 'instanceSeen', instance: event.instance });
        break;
      case 'instanceGone':
        this.observe({ kind: 'instanceGone', uuid: event.uuid });
        break;
      default:
        this.audit();
    }
  }

  #nodeEvent(): void {
    const event: WatchEvent<ComputeNode> | undefined = this.#nodeWatch?.next();
    if (event === undefined) return;
    const { type, object } = event;
    if (type === 'DELETED') this.observe({ kind: 'nodeDeleted', uid: object.metadata.uid ?? '' });
    else this.observe({ kind: 'nodeSeen', node: object });
  }

  #claimEvent(): void {
    const event: WatchEvent<InstanceClaim> | undefined = this.#claimWatch?.next();
    if (event === undefined) return;
    this.observe({ kind: event.type === 'DELETED' ? 'claimUnmatched' : 'claimSeen', claim: event.object });
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      const instead = this.#parts.tampering?.effect?.(effect, this.tracker);
      if (instead === undefined) this.#start(effect);
      else this.observe(instead);
    }
  }

  #start(effect: Effect): void {
    switch (effect.kind) {
      case 'listClaims':
        this.listClaims();
        break;
      case 'decided':
        this.outcomes.push(effect.outcome);
        break;
      case 'log':
        this.logged.push(effect);
        break;
      case 'steppedDown':
        this.#end = { fatal: false, reason: effect.reason };
        break;
      case 'fatal':
        this.#end = { fatal: true, reason: effect.message };
        break;
      case 'readClaim':
      case 'writeClaim':
        this.#askForClaim(effect);
        break;
      default:
        this.#askForNode(effect);
    }
  }

  #askForNode(effect: Effect & { kind: 'readNode' | 'createNode' | 'writeNode' }): void {
    const { computeNodes } = this.#parts.api;
    const ask = (what: string, kind: NodeAnswer, carryOut: () => Answer<ComputeNode>): Request =>
      this.#parts.network.send(this.#call(what, carryOut, (answer) => this.observe({ kind, answer })));
    if (effect.kind === 'readNode')
      ask('read node', 'nodeRead', () => computeNodes.read(this.#parts.settings.nodeName));
    else if (effect.kind === 'createNode') ask('create node', 'nodeCreated', () => computeNodes.create(effect.node));
    else ask('write node', 'nodeWritten', () => computeNodes.replaceStatus(effect.node));
  }

  #askForClaim(effect: Effect & { kind: 'readClaim' | 'writeClaim' }): void {
    const { api, tampering } = this.#parts;
    const { claims } = api;
    const { ref } = effect;
    const { namespace, name } = ref;
    const ask = (verb: string, kind: ClaimAnswer, carryOut: () => Answer<InstanceClaim>): Request =>
      this.#parts.network.send(
        this.#call(`${verb} claim ${namespace}/${name}`, carryOut, (answer) => this.observe({ kind, ref, answer })),
      );
    if (effect.kind === 'readClaim') ask('read', 'claimRead', () => claims.read(name, namespace));
    else
      ask('write', 'claimWritten', () => tampering?.claim?.(effect.claim, api) ?? claims.replaceStatus(effect.claim));
  }

  #call<T>(what: string, carryOut: () => Answer<T>, told: (answer: Answer<T>) => void): Call {
    const tell = (answer: Answer<T>): void => {
      if (this.#isAlive) told(answer);
    };
    return {
      sender: this.name,
      what,
      carryOut: () => {
        const answer = carryOut();
        return () => tell(answer);
      },
      unanswered: () => tell({ kind: 'unanswered', message: 'no answer within 30 s' }),
      refused: () => tell({ kind: 'refused', message: 'HTTP 500' }),
    };
  }
}
