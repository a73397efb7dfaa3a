/**
 * One process of an agent: performs a Tracker's effects against the model. Each effect, each answer, each watch event and each turn is
 * a step of its own. Step 2's mutex is kept: nothing is decided while a write of ComputeNode waits for its answer.
 */

import { observationOfNode } from '../../../src/agent/core-node.ts';
import type { ComputeNode, InstanceClaim, Migration } from '../../../src/api/generated/v1alpha1.ts';
import type { Answer, Effect, MigrationOutcome, Notice, Observation, Outcome } from '../../../src/protocol/messages.ts';
import type { TrackerSettings } from '../../../src/protocol/settings.ts';
import { Tracker } from '../../../src/protocol/tracker.ts';
import type { List, ModelApi, StoredLease, Watch, WatchEvent } from './model-api.ts';
import type { ModelClock } from './model-clock.ts';
import type { ModelHost } from './model-host.ts';
import { ModelSources } from './model-sources.ts';
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
  /** Claims are listed as a cache that is behind has them, as they were before the barrier was put, or in whatever order of the sources. */
  readonly lists?: 'cached' | 'beforeBarrier' | 'atOnce';
  /** Step 3 begins without a look at the Lease. */
  readonly ignoresLease?: true;
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
  /** Its process has seen that the history of the API server went back. */
  readonly restored?: boolean;
}

/** When to look again whether the Lease has been renewed after all. */
const RECHECK_MS = 1_000;

/** As in the shell: who does not hold the Lease any more does not begin step 3. */
const TOO_LATE: Answer<ComputeNode> = { kind: 'unanswered', message: 'the Lease ran out meanwhile' };

/** How far a cache is behind, where a test has one. */
const STALE_CHANGES = 8;

type NodeAnswer = 'nodeRead' | 'nodeCreated' | 'nodeWritten';
type ClaimAnswer = 'claimRead' | 'claimWritten';
type MigrationAnswer = 'migrationRead' | 'migrationWritten';

export class ModelAgent {
  readonly name: string;
  readonly tracker: Tracker;
  /** What was told to people, oldest first. */
  readonly outcomes: Outcome[] = [];
  readonly migrated: MigrationOutcome[] = [];
  readonly notices: Notice[] = [];
  /** But for what every audit says. */
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
  readonly #sources: ModelSources;
  #nodeWatch: Watch<ComputeNode> | undefined;
  #nodeUid: string | undefined;
  #coreNodeWatch: ReturnType<ModelApi['nodes']['watch']> | undefined;
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
    this.#sources = new ModelSources({
      nodeName: parts.settings.nodeName,
      api: parts.api,
      send: (what, carryOut, again) => this.#sendList(what, carryOut, again),
      observe: (observation) => this.observe(observation),
      listClaims: (matches) => this.#listOf(matches),
      listsAtOnce: parts.tampering?.lists === 'atOnce',
    });
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
    const { host, token, restored = false } = this.#parts;
    this.#driverPosition = host.events.length;
    if (host.fault === undefined) this.observe({ kind: 'driverConnected' });
    this.#listNode();
    this.#listCoreNode();
    this.observe({ kind: 'lead', token, restored });
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
    const { fault, cannotReport } = this.#parts.host;
    if (fault === undefined && cannotReport !== undefined) {
      this.observe({ kind: 'hostUntracked', reason: cannotReport });
      return;
    }
    const report = this.#parts.host.audit();
    if (report !== undefined) this.observe({ kind: 'hostReported', report });
  }

  observe(observation: Observation): void {
    if (!this.#isAlive) return;
    const { tampering } = this.#parts;
    const told = tampering?.observation?.(observation) ?? observation;
    if (told.kind === 'hostReported' || told.kind === 'hostUntracked') this.#hasSeenHost = true;
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
    if (this.#coreNodeWatch?.isExpired === true) steps.push(this.#step('list core node', () => this.#listCoreNode()));
    else if (this.#coreNodeWatch?.hasNext === true && !this.#areWatchesStalled)
      steps.push(this.#step('core node watch', () => this.#coreNodeEvent()));
    for (const [source, flow] of this.#sources.flows) {
      if (flow.isExpired) steps.push(this.#step(`watch of ${source} is gone`, () => this.#sources.list(source)));
      else if (flow.hasNext && !this.#areWatchesStalled) {
        const kind = /target|source/.test(source) ? 'migration' : 'claim';
        steps.push(this.#step(`${kind} watch of ${source}`, () => flow.next()));
      }
    }
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
    const broke = 'lost events and relist (410)';
    for (const [source, flow] of this.#sources.flows) {
      steps.push(this.#step(`rewind watch of ${source}`, () => flow.rewind(3), 'repeated events'));
      steps.push(this.#step(`watch of ${source} broke`, () => this.#sources.list(source), broke));
    }
    if (this.#sources.flows.size > 0) steps.push(this.#step('node watch broke', () => this.#listNode(), broke));
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

  /** Lists all sources consistently, and watches from there. Earlier lists and watches are dropped. */
  listClaims(): void {
    this.#sources.begin();
  }

  #sendList(what: string, carryOut: () => () => void, again: () => void): Request {
    const unlessOver = (act: () => void) => () => {
      if (this.#isAlive && !this.#isRetired) act();
    };
    const guarded = (): (() => void) => unlessOver(carryOut());
    return this.#send({ sender: this.name, what, carryOut: guarded, unanswered: unlessOver(again) });
  }

  #listOf(matches: (claim: InstanceClaim) => boolean): List<InstanceClaim> {
    const { api, tampering } = this.#parts;
    const lists = tampering?.lists;
    if (lists === undefined || lists === 'atOnce') return api.claims.list(matches);
    return api.claims.listAsOf(this.#staleRevision(lists), matches);
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
    const { mayDecide, tampering } = this.#parts;
    const isTooLate = mayDecide?.() === false && tampering?.ignoresLease !== true;
    this.#perform(this.tracker.committed(isTooLate ? TOO_LATE : answer));
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

  /** Lists the Kubernetes Node and watches from there. */
  #listCoreNode(): void {
    const { api, settings } = this.#parts;
    const { items, revision } = api.nodes.list(({ metadata }) => metadata.name === settings.nodeName);
    this.#coreNodeWatch = api.nodes.watch(({ metadata }) => metadata.name === settings.nodeName, revision);
    this.observe(observationOfNode(items[0]));
  }

  #coreNodeEvent(): void {
    const event = this.#coreNodeWatch?.next();
    if (event !== undefined) this.observe(observationOfNode(event.type === 'DELETED' ? undefined : event.object));
  }

  #nodeEvent(): void {
    const event: WatchEvent<ComputeNode> | undefined = this.#nodeWatch?.next();
    if (event === undefined) return;
    const { type, object } = event;
    this.#nodeUid = object.metadata.uid;
    if (type === 'DELETED') this.observe({ kind: 'nodeDeleted', uid: object.metadata.uid ?? '' });
    else this.observe({ kind: 'nodeSeen', node: object });
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
      case 'migrated':
        this.migrated.push(effect.outcome);
        break;
      case 'noticed':
        this.notices.push(effect.notice);
        break;
      case 'log':
        if (!effect.message.startsWith('audit: ')) this.logged.push(effect);
        break;
      case 'steppedDown':
        this.#end = { fatal: false, reason: effect.reason, restored: effect.restored };
        break;
      case 'fatal':
        this.#end = { fatal: true, reason: effect.message };
        break;
      case 'readClaim':
      case 'writeClaim':
        this.#askForClaim(effect);
        break;
      case 'readMigration':
      case 'writeMigration':
      case 'ownMigration':
        this.#askForMigration(effect);
        break;
      case 'lookUpClaim':
        this.#lookUp(effect);
        break;
      case 'readPeer':
        this.#readPeer(effect);
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

  #lookUp({ name }: Effect & { kind: 'lookUpClaim' }): void {
    const { claims } = this.#parts.api;
    const carryOut = (): Answer<InstanceClaim> => claims.read(name.name, name.namespace);
    const told = (answer: Answer<InstanceClaim>): void => this.observe({ kind: 'claimLookedUp', name, answer });
    this.#send(this.#call(`look up claim ${name.namespace}/${name.name}`, carryOut, told));
  }

  #readPeer({ nodeName }: Effect & { kind: 'readPeer' }): void {
    const { api, settings } = this.#parts;
    const carryOut = (): Answer<StoredLease> => api.leases.read(nodeName, settings.leaseNamespace);
    const told = (answer: Answer<StoredLease>): void => this.observe({ kind: 'peerRead', nodeName, answer });
    this.#send(this.#call(`read Lease of ${nodeName}`, carryOut, told));
  }

  #askForMigration(effect: Effect & { kind: 'readMigration' | 'writeMigration' | 'ownMigration' }): void {
    const { migrations } = this.#parts.api;
    const { ref } = effect;
    const ask = (verb: string, kind: MigrationAnswer, carryOut: () => Answer<Migration>): Request =>
      this.#send(
        this.#call(`${verb} migration ${ref.name}`, carryOut, (answer) => this.observe({ kind, ref, answer })),
      );
    if (effect.kind === 'readMigration') ask('read', 'migrationRead', () => migrations.read(ref.name, ref.namespace));
    else if (effect.kind === 'ownMigration')
      ask('own', 'migrationWritten', () => migrations.replaceOwners(effect.migration));
    else ask('write', 'migrationWritten', () => migrations.replaceStatus(effect.migration));
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
