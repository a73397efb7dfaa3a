/**
 * The tracker of one node: what it knows, what it holds, what it decides. Pure: observations come in, effects go out, and time
 * is an argument.
 *
 * `observe` only learns. `decide` settles the ledger and decides (step 1), and may ask for one write of ComputeNode (step 2);
 * `committed` takes that write's answer and lets the decisions go out (step 3). The caller runs `decide`, the write and
 * `committed` under one mutex (Nova: "compute_resources"), so that the ledger has one writer.
 */

import type { ComputeNode, ComputeNodeStatus, InstanceClaim, Migration } from '../api/generated/v1alpha1.ts';
import { qualifiedName } from '../api/object-meta.ts';
import type { ReportedInstance } from '../drivers/driver.ts';
import { NOTHING as NOTHING_HELD } from '../ledger/amounts.ts';
import { AuditLog } from './audit-log.ts';
import { type Batch, type Decision, decideBatch, writeOf } from './batch.ts';
import { Books } from './books.ts';
import { ClaimCache, type Entry, isBusy } from './claim-cache.ts';
import { ClaimRequests } from './claim-requests.ts';
import { sighted } from './claim-status.ts';
import { claimOfKey } from './held.ts';
import { HostView } from './host-view.ts';
import { Instances } from './instances.ts';
import type { Answer, Effect, Observation } from './messages.ts';
import { MigrationCache } from './migration-cache.ts';
import { filledIn, resizedOrNot } from './migration-status.ts';
import { forgetEnded, type MigrationRound, migrate } from './migrations.ts';
import { nodeStatus } from './node-status.ts';
import { Peers } from './peers.ts';
import { readableAmounts } from './readable.ts';
import { isNewer, wentBack } from './resource-version.ts';
import { sameJson } from './same-json.ts';
import { effectivePolicy, mostRetrying, mostTelling, type TrackerSettings } from './settings.ts';
import { MAX_DECIDING_BYTES, sizeOf } from './status-size.ts';
import { TakeOver } from './take-over.ts';
import { type Troubles, troublesOf } from './troubles.ts';

/** What `decide` wants done. */
export interface Turn {
  /** To be performed at once; they do not depend on the commit. */
  readonly effects: readonly Effect[];
  /** Step 2: write this, then call `committed` with the answer. Absent: nothing to write. */
  readonly commit?: ComputeNode;
  /** When time alone may change something, in milliseconds since the epoch. */
  readonly dueMs?: number;
}

const NOTHING: Turn = { effects: [] };

export class Tracker {
  readonly #settings: TrackerSettings;
  readonly #cache: ClaimCache;
  readonly #requests: ClaimRequests;
  readonly #instances: Instances;
  readonly #migrations: MigrationCache;
  readonly #peers = new Peers();
  #takeOver: TakeOver | undefined;
  /** What a watch said of it last, before we owned it. */
  #newsOfNode: Observation | undefined;
  /** Absent until we own the node. */
  #node: ComputeNode | undefined;
  /** The resourceVersion whose write was not accepted: nothing is decided until a read shows the present one. */
  #staleAt: string | undefined;
  #stopped = false;
  readonly #host: HostView;
  #recountDue = false;
  #tidyDue = false;
  #hostChanged = false;
  #books: Books | undefined;
  readonly #auditLog = new AuditLog();
  /** Claims whose state may have to be told anew. */
  readonly #toSight = new Set<string>();
  /** The commit that is not answered: where it started, and with what step 3 begins. */
  #open: { readonly at: string; readonly decisions: readonly Decision[] } | undefined;

  constructor(settings: TrackerSettings) {
    this.#settings = settings;
    this.#cache = new ClaimCache(settings);
    this.#requests = new ClaimRequests(settings.nodeName, this.#cache, this.#toSight);
    this.#instances = new Instances(this.#cache);
    this.#migrations = new MigrationCache(settings.nodeName);
    this.#host = new HostView(settings);
  }

  /** Whether claims are decided. */
  get ready(): boolean {
    return this.obstacle === undefined;
  }

  /** Why claims are not decided: not the owner, not everything listed, driver disconnected, host not audited. */
  get obstacle(): string | undefined {
    if (this.#stopped) return 'stepped down';
    return this.#owns ? this.#host.obstacle : 'does not own the node yet';
  }

  /** The figures of the last settling; absent before the first audit, and while the host has none. */
  get books(): Books | undefined {
    return this.#host.untracked === undefined ? this.#books : undefined;
  }

  /** What is wrong with claimed instances here. Looks at every claim: not for each turn. */
  get troubles(): Troubles {
    return troublesOf(this.#claims(), this.#settings.nodeName);
  }

  *#claims(): Generator<InstanceClaim> {
    for (const { claim } of this.#cache.entries()) yield claim;
  }

  get #owns(): boolean {
    return this.#takeOver?.stage === 'done' && !this.#stopped;
  }

  /** Learns. What it returns is to be performed at once. */
  observe(observation: Observation, nowMs: number): readonly Effect[] {
    if (this.#stopped) return [];
    if (observation.kind === 'lead') return this.#lead(observation.token, observation.restored);
    if (observation.kind === 'yield') return this.#stepDown('asked to yield');
    if (this.#takeOver === undefined || this.#owns) return this.#learn(observation, nowMs);
    if (isOfNode(observation)) this.#newsOfNode = observation;
    if (!isOfTakeOver(observation)) return this.#learn(observation, nowMs);
    const effects = this.#takeOver.on(observation);
    return this.#owns ? this.#begin(this.#takeOver, observation, nowMs) : effects;
  }

  /** The list that ends the take-over is the first one to learn from, but for what became of the ComputeNode meanwhile. */
  #begin({ node }: TakeOver, list: Observation, nowMs: number): readonly Effect[] {
    if (node !== undefined) this.#adoptNode(node);
    const news = this.#newsOfNode;
    const effects = news === undefined ? [] : this.#learn(news, nowMs);
    return this.#stopped ? effects : [...effects, ...this.#learn(list, nowMs)];
  }

  #lead(token: string, restored: boolean | undefined): readonly Effect[] {
    this.#takeOver = new TakeOver(token, this.#settings, restored);
    return this.#takeOver.begin();
  }

  #learn(observation: Observation, nowMs: number): readonly Effect[] {
    switch (observation.kind) {
      case 'claimsListed':
        this.#migrations.listed(observation.migrations ?? [], nowMs);
        return this.#requests.listed(observation.claims, nowMs);
      case 'claimsRelisted':
        if (this.#requests.wentBack(observation)) return this.#restored();
        return this.#requests.relisted(observation.source, observation.claims, nowMs);
      case 'claimSeen':
        return this.#requests.seen(observation.claim, nowMs);
      case 'claimUnmatched':
        return this.#requests.unmatched(observation.claim);
      case 'claimRead':
        return this.#requests.readAnswered(observation.ref, observation.answer, nowMs);
      case 'claimWritten':
        return this.#requests.writeAnswered(observation.ref, observation.answer, nowMs);
      case 'nodeRead':
        return this.#nodeRead(observation.answer);
      case 'nodeSeen':
        return this.#nodeSeen(observation.node);
      case 'nodeDeleted':
        return observation.uid === this.#node?.metadata.uid ? this.#stepDown('ComputeNode was deleted') : [];
      default:
        return this.#learnOfMigration(observation, nowMs) ?? this.#learnOfHost(observation, nowMs);
    }
  }

  /** Undefined: it is about something else. */
  #learnOfMigration(observation: Observation, nowMs: number): readonly Effect[] | undefined {
    switch (observation.kind) {
      case 'migrationsRelisted':
        return this.#migrations.relisted(observation.source, observation.migrations, nowMs);
      case 'migrationSeen':
        return this.#migrations.seen(observation.migration, nowMs);
      case 'migrationGone':
        this.#migrations.deleted(observation.migration);
        return [];
      case 'migrationRead':
        return this.#migrations.readAnswered(observation.ref, observation.answer, nowMs);
      case 'migrationWritten':
        return this.#migrations.writeAnswered(observation.ref, observation.answer, nowMs);
      case 'claimLookedUp':
        this.#migrations.lookedUp(observation.name, observation.answer);
        return [];
      case 'peerRead':
        this.#peers.read(observation.nodeName, observation.answer, nowMs);
        return [];
      default:
        return undefined;
    }
  }

  #learnOfHost(observation: Observation, nowMs: number): readonly Effect[] {
    const instances = this.#host.learn(observation, nowMs);
    if (instances !== undefined) this.#audited(instances);
    switch (observation.kind) {
      case 'instanceSeen':
        this.#instanceMoved(this.#instances.get(observation.instance.uuid), observation.instance);
        break;
      case 'instanceGone':
        this.#instanceMoved(this.#instances.get(observation.uuid), undefined);
        break;
      default:
        break;
    }
    return [];
  }

  // --- the node and its host ------------------------------------------------------------------------------------------

  #nodeRead(answer: Answer<ComputeNode>): readonly Effect[] {
    if (answer.kind === 'missing') return this.#stepDown('ComputeNode is gone');
    if (answer.kind !== 'ok') return [{ kind: 'readNode' }];
    // Before the token: a restored ComputeNode may have somebody else's again.
    if (wentBack(this.#staleAt, answer.object.metadata.resourceVersion)) return this.#restored();
    const lost = this.#lost(answer.object);
    if (lost !== undefined) return this.#stepDown(lost);
    this.#adoptNode(answer.object);
    this.#staleAt = undefined;
    return [];
  }

  #nodeSeen(node: ComputeNode): readonly Effect[] {
    if (this.#node === undefined || !isNewer(node.metadata.resourceVersion, this.#node.metadata.resourceVersion))
      return [];
    if (wentBack(this.#node.metadata.resourceVersion, node.metadata.resourceVersion)) return this.#restored();
    const lost = this.#lost(node);
    if (lost !== undefined) return this.#stepDown(lost);
    this.#adoptNode(node);
    return [];
  }

  #lost(node: ComputeNode): string | undefined {
    if (node.status?.agent?.token === this.#takeOver?.token) return undefined;
    const isNew = this.#node !== undefined && node.metadata.uid !== this.#node.metadata.uid;
    return isNew ? 'ComputeNode was re-created' : 'another agent has taken over the node';
  }

  #adoptNode(node: ComputeNode): void {
    if (this.#node !== undefined && !isNewer(node.metadata.resourceVersion, this.#node.metadata.resourceVersion))
      return;
    if (node.metadata.generation !== this.#node?.metadata.generation) this.#hostChanged = true;
    this.#node = node;
  }

  #audited(instances: readonly ReportedInstance[]): void {
    this.#instances.replaceAll(instances);
    for (const entry of this.#cache.entries()) {
      this.#touch(entry);
      this.#requests.release(entry);
    }
    this.#hostChanged = true;
    this.#recountDue = true;
    this.#tidyDue = true;
  }

  #instanceMoved(before: ReportedInstance | undefined, now: ReportedInstance | undefined): void {
    if (now !== undefined) this.#instances.see(now);
    else if (before !== undefined) this.#instances.forget(before.uuid);
    for (const instance of [before, now]) {
      if (instance === undefined) continue;
      for (const entry of this.#instances.claimsOf(instance)) this.#touch(entry);
    }
  }

  #touch(entry: Entry): void {
    this.#cache.dirty.add(entry.ref.uid);
    this.#cache.undecided.refresh(entry);
    this.#toSight.add(entry.ref.uid);
  }

  #stepDown(reason: string, restored = false): readonly Effect[] {
    this.#stopped = true;
    return [{ kind: 'steppedDown', reason, restored }];
  }

  /** What is known is of a history that is not there any more, and what was written in it may have been undone. */
  #restored(): readonly Effect[] {
    return this.#stepDown('the history of the API server went back: it was restored', true);
  }

  // --- deciding -------------------------------------------------------------------------------------------------------

  /** Settles the ledger, decides what can be decided, and says what to write. Not while a commit is open. */
  decide(nowMs: number): Turn {
    if (this.#open !== undefined) throw new Error('decide: the last commit is not answered yet');
    if (!this.#owns || this.#node === undefined || this.#staleAt !== undefined) return NOTHING;
    const effects: Effect[] = [...this.#settle()];
    const migrations = this.#migrate(nowMs);
    const batch = this.ready ? this.#decideBatch(nowMs) : NO_BATCH;
    effects.push(...migrations.effects, ...batch.notes.map(({ entry, write }) => this.#requests.send(entry, write)));
    effects.push(...this.#refresh(nowMs));
    const decisions = [...this.#requests.retries(), ...migrations.decisions, ...batch.decisions];
    const commit = this.#statusToWrite(decisions, nowMs);
    if (commit !== undefined) this.#open = { at: commit.metadata.resourceVersion ?? '', decisions };
    const due = [migrations.dueMs, batch.dueMs].filter((atMs) => atMs !== undefined);
    return {
      effects,
      ...(commit !== undefined && { commit }),
      ...(due.length > 0 && { dueMs: Math.min(...due) }),
    };
  }

  /** The answer of the write that `decide` asked for. */
  committed(answer: Answer<ComputeNode>): readonly Effect[] {
    if (this.#open === undefined) throw new Error('committed: no commit is open');
    const { at, decisions } = this.#open;
    this.#open = undefined;
    if (this.#stopped) return [];
    if (answer.kind === 'ok') {
      if (wentBack(at, answer.object.metadata.resourceVersion)) return this.#restored();
      this.#adoptNode(answer.object);
      return decisions.filter(isUnderWay).map(({ entry, write }) => this.#requests.send(entry, write));
    }
    for (const decision of decisions) this.#requests.takeBack(decision);
    if (answer.kind === 'missing') return this.#stepDown('ComputeNode is gone');
    this.#staleAt = at;
    const refused: Effect[] = answer.kind === 'refused' ? [nodeRefused(answer.message)] : [];
    return [...refused, { kind: 'readNode' }];
  }

  #settle(): readonly Effect[] {
    if (!this.#host.isKnown) return [];
    if (this.#books === undefined) {
      const host = this.#host.hostFor(this.#node);
      this.#books = new Books(host, this.#cache, this.#instances, this.#settings);
    } else if (this.#hostChanged) this.#books.setHost(this.#host.hostFor(this.#node));
    this.#hostChanged = false;
    this.#books.settle();
    if (!this.#recountDue) return [];
    this.#recountDue = false;
    const isRight = this.#books.recount();
    const audited = this.#auditLines(this.#books);
    return isRight ? audited : [DRIFTED, ...audited];
  }

  /** Without a report there is nothing that was seen, nor counted. */
  #auditLines({ ledger, orphans }: Books): readonly Effect[] {
    const { report } = this.#host;
    return report === undefined ? [] : this.#auditLog.lines(report, ledger.view(), orphans.length);
  }

  #migrate(nowMs: number): MigrationRound {
    const context = this.ready ? this.#context(nowMs) : undefined;
    if (context === undefined) {
      forgetEnded({ cache: this.#cache, migrations: this.#migrations, settings: this.#settings });
      return NO_ROUND;
    }
    return migrate({ ...context, requests: this.#requests, migrations: this.#migrations, peers: this.#peers });
  }

  #decideBatch(nowMs: number): Batch {
    const context = this.#context(nowMs);
    if (context === undefined || context.room <= 0) return NO_BATCH;
    return decideBatch({ ...context, noteRoom: this.#tellingRoom() });
  }

  /** What deciding needs to know; undefined before the first settling. */
  #context(nowMs: number) {
    const books = this.#books;
    const deciding = this.#requests.deciding();
    return (
      books && {
        settings: this.#settings,
        cache: this.#cache,
        books,
        instances: this.#instances,
        place: this.#host.place,
        token: this.#takeOver?.token ?? '',
        devices: this.#host.assignable,
        unschedulable: this.#host.isCordoned || this.#node?.spec?.unschedulable === true,
        ...(this.#host.untracked !== undefined && { untracked: this.#host.untracked }),
        nowMs,
        room: this.#settings.maxBatch - this.#requests.decisions(),
        retryRoom: this.#retryRoom(),
        roomBytes: MAX_DECIDING_BYTES - sizeOf(deciding),
      }
    );
  }

  /** How many more writes may tell a state without deciding anything. */
  #tellingRoom(): number {
    return mostTelling(this.#settings) - this.#requests.telling();
  }

  /** How many more writes there may be of claims whose last one was refused. */
  #retryRoom(): number {
    return mostRetrying(this.#settings) - this.#requests.retrying();
  }

  /** States that the hypervisor shows and the claims do not tell yet. */
  #refresh(nowMs: number): readonly Effect[] {
    const effects: Effect[] = [];
    // Who cannot tell what the host has cannot tell what it lacks.
    if (this.#host.obstacle !== undefined || this.#host.report === undefined) return effects;
    const now = new Date(nowMs);
    const room = this.#tellingRoom();
    for (const uid of this.#toSight) {
      if (effects.length >= room) break;
      const entry = this.#cache.get(uid);
      if (entry !== undefined && (isBusy(entry) || (entry.isFailing && this.#retryRoom() <= 0))) continue;
      this.#toSight.delete(uid);
      if (entry !== undefined && this.#isHere(entry.claim)) effects.push(...this.#sight(entry, now));
    }
    return effects;
  }

  #isHere({ status, metadata }: InstanceClaim): boolean {
    return (
      status?.phase === 'Claimed' &&
      status.nodeName === this.#settings.nodeName &&
      metadata.deletionTimestamp === undefined
    );
  }

  #sight(entry: Entry, now: Date): readonly Effect[] {
    const instance = this.#instances.of(entry);
    const { devices, place } = this.#host;
    const sighting = { ...(instance !== undefined && { instance }), ...(devices !== undefined && { devices }) };
    const seen = resizedOrNot(sighted(entry.claim, sighting, now), this.#migrationOf(entry.claim), instance);
    const overheadBytes = this.#settings.overheadMemoryBytes(readableAmounts(seen.flavor) ?? NOTHING_HELD);
    const status = filledIn(seen, place, overheadBytes);
    if (sameJson(status, entry.claim.status)) return [];
    return [this.#requests.send(entry, writeOf(entry, status, 'refresh'))];
  }

  #migrationOf({ status }: InstanceClaim): Migration | undefined {
    return this.#migrations.get(status?.migration?.uid ?? '')?.migration;
  }

  /** Step 2. With decisions always, else only when something is to be told. */
  #statusToWrite(decisions: readonly Decision[], nowMs: number): ComputeNode | undefined {
    const node = this.#node;
    if (node === undefined) return undefined;
    const deciding = this.#requests.deciding();
    const status = nodeStatus({
      node,
      settings: this.#settings,
      token: this.#takeOver?.token ?? '',
      policy: effectivePolicy(node.spec, this.#settings.defaults),
      ...this.#host.facts,
      ...(this.#books !== undefined && { view: this.#books.ledger.view() }),
      orphans: this.#books?.orphans ?? [],
      deciding,
      claimOf: claimOfKey,
      nameOf: (uid) => this.#nameOf(uid),
      now: new Date(nowMs),
    });
    const quiet = decisions.length === 0 && sameJson(this.#untidy(status), node.status);
    this.#tidyDue = false;
    return quiet ? undefined : { ...node, status };
  }

  #nameOf(uid: string): string | undefined {
    const ref = this.#cache.get(uid)?.ref;
    return ref && qualifiedName(ref);
  }

  /** Names of what is decided by now stay in `deciding` until a write has a reason of its own, or the next audit. */
  #untidy(status: ComputeNodeStatus): ComputeNodeStatus {
    const deciding = this.#node?.status?.agent?.deciding;
    if (this.#tidyDue || deciding === undefined) return status;
    return { ...status, agent: { ...status.agent, deciding } };
  }
}

const DRIFTED: Effect = { kind: 'log', level: 'error', message: 'the ledger had drifted from the recount', fields: {} };
const NO_BATCH: Batch = { decisions: [], notes: [] };
const NO_ROUND: MigrationRound = { decisions: [], effects: [] };

function isOfNode({ kind }: Observation): boolean {
  return kind === 'nodeSeen' || kind === 'nodeDeleted';
}

/** Reads and writes of the take-over are nobody else's business; what the world shows is. */
function isOfTakeOver({ kind }: Observation): boolean {
  return TAKE_OVER_KINDS.has(kind);
}

const TAKE_OVER_KINDS: ReadonlySet<string> = new Set([
  'nodeRead',
  'nodeCreated',
  'nodeWritten',
  'claimsListed',
  'claimsRelisted',
  'claimRead',
  'claimWritten',
  'claimLookedUp',
  'claimSeen',
  'claimUnmatched',
  'migrationsRelisted',
  'migrationSeen',
  'migrationGone',
  'nodeSeen',
  'nodeDeleted',
]);

function isUnderWay({ entry, write }: Decision): boolean {
  return entry.write === write;
}

function nodeRefused(error: string): Effect {
  return {
    kind: 'log',
    level: 'error',
    message: 'the API server refuses the status of the ComputeNode',
    fields: { error },
  };
}
