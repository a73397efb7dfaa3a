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
  /** Claims are listed as a cache that is behind has them, or as they were before the barrier was put. */
  readonly lists?: 'cached' | 'beforeBarrier';
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
  /** Another Tracker than the real one: to show that what it lacks is noticed. */
  readonly Tracker?: typeof Tracker;
  /** The process's own clock on the wall. */
  readonly wallMs?: () => number;
  /** Whether the Lease is ours for certain. */
  readonly mayDecide?: () => boolean;
  /** The tenure before this one has seen that an older state was restored. */
  readonly restored?: boolean;
}

/** When to look again whether the Lease has been renewed after all. */
const RECHECK_MS = 1_000;

/** How far a cache is behind, where a test has one. */
const STALE_CHANGES = 8;

type NodeAnswer = 'nodeRead' | 'nodeCreated' | 'nodeWritten';
type ClaimAnswer = 'claimRead' | 'claimWritten';

export class ModelAgent {
  readonly name: string;
  readonly tracker: Tracker;
  /** What was told to people, oldest first. */
  readonly outcomes: Outcome[] = [];
  readonly logged: (Effect & { kind: 'log' })[] = [];
  readonly #parts: ModelAgentParts;
  #end: { readonly fatal: boolean; readonly reason: string; readonly restored?: boolean } | undefined;
  readonly #requests = new Set<Request>();
  #isAlive = true;
  #isRetired = false;
  #turnIsDue = false;
  #dueMs: number | undefined;
  #commitIsOpen = false;
  #commits = 0;
  #listing: Request | undefined;
  #claimWatch: Watch<InstanceClaim> | undefined;
  #nodeWatch: Watch<ComputeNode> | undefined;
  #nodeUid: string | undefined;
  /** When the token was written. */
  #tokenRevision = 0;
  #areWatchesStalled = false;
  #driverPosition = 0;
  #auditIsDue = false;
  /** The driver is connected and was audited since, as far as the tracker was told. */
  #hasSeenHost = false;
  #named: ReadonlySet<string> = new Set();

  constructor(parts: ModelAgentParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.tracker = new (parts.Tracker ?? Tracker)({ ...parts.settings, identity: parts.name });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Why it acts for the node no longer; undefined while it does. */
  get end(): { readonly fatal: boolean; readonly reason: string; readonly restored?: boolean } | undefined {
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
    const { host, token } = this.#parts;
    this.#driverPosition = host.events.length;
    if (host.fault === undefined) this.observe({ kind: 'driverConnected' });
    this.#listNode();
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
    this.#auditIsDue = false;
    const report = this.#parts.host.audit();
    if (report !== undefined) this.observe({ kind: 'hostReported', report });
  }

  observe(observation: Observation): void {
    if (!this.#isAlive) return;
    const { tampering } = this.#parts;
    const told = tampering?.observation?.(observation) ?? observation;
    if (told.kind === 'hostReported') this.#hasSeenHost = true;
    if (told.kind === 'driverDisconnected') this.#hasSeenHost = false;
    this.#turnIsDue = true;
    this.#perform(this.tracker.observe(told, this.#wallMs));
  }

  get #wallMs(): number {
    return this.#parts.wallMs?.() ?? this.#parts.clock.nowMs;
  }

  /** Decides nothing more and sees nothing more; what it has asked is still answered, and may lead to more requests. */
  retire(): void {
    this.#isRetired = true;
  }

  /** Whether something that it has asked is not answered yet. */
  get isWaiting(): boolean {
    for (const request of this.#requests) if (!request.isAwaited) this.#requests.delete(request);
    return this.#requests.size > 0;
  }

  /** What it would do next by itself. */
  steps(): Step[] {
    if (!this.#isAlive || this.#isRetired) return [];
    const steps: Step[] = [];
    if (this.#driverPosition < this.#parts.host.events.length)
      steps.push(this.#step('driver event', () => this.#driverEvent()));
    if (!this.#parts.network.isOut) steps.push(...this.#watchSteps());
    if (this.#auditIsDue) steps.push(this.#step('audit', () => this.audit()));
    if (this.#isTurnDue) steps.push(this.#step('turn', () => this.turn()));
    return steps;
  }

  #watchSteps(): Step[] {
    const steps: Step[] = [];
    if (this.#nodeWatch?.isExpired === true) steps.push(this.#step('list node', () => this.#listNode()));
    else if (this.#nodeWatch?.hasNext === true && !this.#areWatchesStalled)
      steps.push(this.#step('node watch', () => this.#nodeEvent()));
    if (this.#claimWatch?.isExpired === true) steps.push(this.#step('claim watch is gone', () => this.listClaims()));
    else if (this.#claimWatch?.hasNext === true && !this.#areWatchesStalled)
      steps.push(this.#step('claim watch', () => this.#claimEvent()));
    return steps;
  }

  /** What may happen to it. */
  faults(): Step[] {
    if (!this.#isAlive || this.#isRetired) return [];
    const steps = [
      this.#step('audit', () => this.audit()),
      this.#step('rewind node watch', () => this.#nodeWatch?.rewind(2), 'repeated events'),
      this.#areWatchesStalled
        ? this.#step('watches go on', () => this.unstall())
        : this.#step('watches stall', () => this.#stall(), 'delayed events'),
    ];
    if (this.#claimWatch !== undefined) {
      steps.push(this.#step('rewind claim watch', () => this.#claimWatch?.rewind(3), 'repeated events'));
      steps.push(this.#step('claim watch broke', () => this.listClaims(), 'lost events and relist (410)'));
      steps.push(this.#step('node watch broke', () => this.#listNode(), 'lost events and relist (410)'));
    }
    return steps;
  }

  #stall(): void {
    this.#areWatchesStalled = true;
  }

  unstall(): void {
    this.#areWatchesStalled = false;
  }

  /** Lists the node and watches from there. */
  #listNode(): void {
    const { api, settings } = this.#parts;
    const matches = ({ metadata }: ComputeNode): boolean => metadata.name === settings.nodeName;
    const { items, revision } = api.computeNodes.list(matches);
    this.#nodeWatch = api.computeNodes.watch(matches, revision);
    const [node] = items;
    if (node !== undefined) {
      this.#nodeUid = node.metadata.uid;
      this.observe({ kind: 'nodeSeen', node });
    } else if (this.#nodeUid !== undefined) this.observe({ kind: 'nodeDeleted', uid: this.#nodeUid });
  }

  /** Decides, and asks for step 2 if there is something to write. */
  turn(): void {
    const { api, tampering, mayDecide } = this.#parts;
    if (this.#commitIsOpen) throw new Error(`${this.name}: a turn while a commit is open`);
    this.#turnIsDue = false;
    if (mayDecide?.() === false) {
      this.#dueMs = this.#wallMs + RECHECK_MS;
      return;
    }
    const { effects, commit, dueMs } = this.tracker.decide(this.#wallMs);
    this.#dueMs = dueMs;
    this.#perform(effects);
    if (commit === undefined) return;
    this.#checkEyes(commit);
    this.#commitIsOpen = true;
    this.#commits += 1;
    const carryOut = (): Answer<ComputeNode> =>
      tampering?.commit?.(commit, api) ?? api.computeNodes.replaceStatus(commit);
    this.#send(
      this.#call('commit', carryOut, (answer) => this.#committed(tampering?.commitAnswer?.(answer, commit) ?? answer)),
    );
  }

  /** Nothing is decided by who does not see the host. */
  #checkEyes(commit: ComputeNode): void {
    const named = new Set((commit.status?.agent?.deciding ?? []).map(({ uid }) => uid));
    const isNew = [...named].some((uid) => !this.#named.has(uid));
    this.#named = named;
    if (isNew && !this.#hasSeenHost) throw new Error(`${this.name} decides although it does not see the host`);
  }

  /** Lists consistently, and watches from there. An earlier list or watch is dropped. */
  listClaims(): void {
    const { api, settings, tampering } = this.#parts;
    const matches = ({ spec }: InstanceClaim): boolean => spec.nodeName === settings.nodeName;
    this.#listing?.abandon();
    this.#listing?.lose();
    this.#claimWatch = undefined;
    this.#listing = this.#send({
      sender: this.name,
      what: 'list claims',
      carryOut: () => {
        const { items, revision } =
          tampering?.lists === undefined
            ? api.claims.list(matches)
            : api.claims.listAsOf(this.#staleRevision(tampering.lists), matches);
        return () => {
          if (!this.#isAlive || this.#isRetired) return;
          this.#claimWatch = api.claims.watch(matches, revision);
          this.observe({ kind: 'claimsListed', claims: items });
        };
      },
    });
  }

  #staleRevision(how: 'cached' | 'beforeBarrier'): number {
    const { revision } = this.#parts.api.claims.list(() => false);
    return how === 'cached' ? Math.max(revision - STALE_CHANGES, 0) : Math.min(this.#tokenRevision, revision);
  }

  get #isTurnDue(): boolean {
    if (this.#commitIsOpen) return false;
    return this.#turnIsDue || (this.#dueMs !== undefined && this.#wallMs >= this.#dueMs);
  }

  #step(what: string, run: () => void, fault?: string): Step {
    return { what: `${this.name}: ${what}`, run, ...(fault !== undefined && { fault }) };
  }

  #send(call: Call): Request {
    const request = this.#parts.network.send(call);
    this.#requests.add(request);
    return request;
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
        this.#auditIsDue = true;
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
    this.#nodeUid = object.metadata.uid;
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
      this.#send(this.#call(what, carryOut, (answer) => this.observe({ kind, answer })));
    if (effect.kind === 'readNode')
      ask('read node', 'nodeRead', () => computeNodes.read(this.#parts.settings.nodeName));
    else if (effect.kind === 'createNode') ask('create node', 'nodeCreated', () => computeNodes.create(effect.node));
    else
      ask('write node', 'nodeWritten', () => {
        const answer = computeNodes.replaceStatus(effect.node);
        this.#tokenRevision = computeNodes.list(() => false).revision;
        return answer;
      });
  }

  #askForClaim(effect: Effect & { kind: 'readClaim' | 'writeClaim' }): void {
    const { api, tampering } = this.#parts;
    const { claims } = api;
    const { ref } = effect;
    const { namespace, name } = ref;
    const ask = (verb: string, kind: ClaimAnswer, carryOut: () => Answer<InstanceClaim>): Request =>
      this.#send(
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
        const answer = this.#parts.api.as(this.name, carryOut);
        return () => tell(answer);
      },
      unanswered: () => tell({ kind: 'unanswered', message: 'no answer within 30 s' }),
      refused: () => tell({ kind: 'refused', message: 'HTTP 500' }),
    };
  }
}
