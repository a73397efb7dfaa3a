/**
 * Everything that the controller knows, and what follows from it: which conditions and objects are not as they should be. Pure:
 * what is seen comes in, work goes out, time is an argument. Level-based: what was missed or failed is found again by looking.
 */
import { findCondition } from '../api/conditions.ts';
import type { ComputeNode, InstanceClaim } from '../api/generated/v1alpha1.ts';
import type { Lease } from '../api/lease.ts';
import type { ObjectMeta } from '../api/object-meta.ts';
import type { Now } from '../protocol/lease-keeper.ts';
import type { Answer } from '../protocol/messages.ts';
import { sameJson } from '../protocol/same-json.ts';
import { Agenda } from './agenda.ts';
import { Cache, keyOf } from './cache.ts';
import { Heartbeats } from './heartbeats.ts';
import { holdsOn, isFinished, nodesOf, planClaim } from './plan-claim.ts';
import { planNode } from './plan-node.ts';
import { type Standing, standingOf } from './standing.ts';
import type { Work } from './work.ts';

export interface WorldSettings {
  /** Where the agents' Leases are. */
  readonly leaseNamespace: string;
  /** How long a Node has to be gone before its ComputeNode goes, too. */
  readonly nodeGoneMs: number;
}

/** A Node of Kubernetes: all that counts is that it is there. */
export interface HostNode {
  readonly metadata: ObjectMeta;
}

/** Two watches need not be at the same point: a ComputeNode is not missed before this. */
const SETTLING_MS = 3_000;
/** A conflict means that a newer object is on its way; this is for the case that it does not come. */
const AFTER_CONFLICT_MS = 5_000;
/** Between tries of a write that fails. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 60_000;

export class World {
  readonly computeNodes: Cache<ComputeNode>;
  readonly claims: Cache<InstanceClaim>;
  readonly hostNodes: Cache<HostNode>;
  readonly #settings: WorldSettings;
  readonly #heartbeats = new Heartbeats();
  readonly #nodeAgenda = new Agenda();
  readonly #claimAgenda = new Agenda();
  readonly #claimsOf = new Map<string, Set<string>>();
  readonly #standings = new Map<string, Standing>();
  /** Since when a name is asked for, or lacks its ComputeNode. */
  readonly #knownSinceMs = new Map<string, number>();
  readonly #finishedAt = new Map<string, Date>();
  /** Failed writes in a row, by the object's key. */
  readonly #failures = new Map<string, number>();
  #leasesListed = false;
  #seenAt: Now = { ms: 0, date: new Date(0) };

  constructor(settings: WorldSettings) {
    this.#settings = settings;
    this.computeNodes = new Cache((name, before, after) => this.#nodeChanged(name, before, after));
    this.hostNodes = new Cache((name) => this.#nodeAgenda.add(name));
    this.claims = new Cache((key, before, after) => this.#claimChanged(key, before, after));
  }

  /** Whether everything was listed: nothing is done before. */
  get complete(): boolean {
    return this.#leasesListed && this.computeNodes.listed && this.claims.listed && this.hostNodes.listed;
  }

  /** Takes in what is seen at this time, by one of the caches or the heartbeats. */
  at(now: Now): this {
    this.#seenAt = now;
    return this;
  }

  /** All Leases of the namespace, those of others among them. */
  leasesListed(leases: readonly Lease[]): void {
    this.#leasesListed = true;
    this.#heartbeats.listed(leases, this.#seenAt.ms);
    for (const name of this.computeNodes.keys()) this.#nodeAgenda.add(name);
  }

  leaseSeen(lease: Lease): void {
    this.#heartbeats.seen(lease, this.#seenAt.ms);
    this.#nodeAgenda.add(lease.metadata.name);
  }

  leaseDeleted(lease: Lease): void {
    this.#heartbeats.deleted(lease.metadata.name, this.#seenAt.ms);
    this.#nodeAgenda.add(lease.metadata.name);
  }

  /** The watch of the Leases failed: until its next word no agent is called silent. */
  leasesUnseen(): void {
    this.#heartbeats.blinded();
  }

  /** The watch of the Leases goes on. */
  leasesInSight(): void {
    this.#heartbeats.contact(this.#seenAt.ms);
  }

  /** Looks at everything anew. */
  review(): void {
    for (const name of this.computeNodes.keys()) this.#nodeAgenda.add(name);
    for (const key of this.claims.keys()) this.#claimAgenda.add(key);
  }

  /** Up to `room` pieces of work, each of which has to be answered by `settled`. */
  plan(now: Now, room: number): readonly Work[] {
    this.#seenAt = now;
    const work: Work[] = [];
    if (!this.complete) return work;
    for (const name of room > 0 ? this.#nodeAgenda.take(now.ms) : []) {
      const wanted = this.#lookAtNode(name, now);
      if (wanted !== undefined && work.push(wanted) >= room) return work;
    }
    for (const key of room > 0 ? this.#claimAgenda.take(now.ms) : []) {
      const wanted = this.#lookAtClaim(key, now);
      if (wanted !== undefined && work.push(wanted) >= room) return work;
    }
    return work;
  }

  /** ComputeNodes whose agent is known not to live. */
  get deadAgents(): number {
    const nodes = [...this.computeNodes.values()];
    return nodes.filter(({ status }) => findCondition(status?.conditions, 'AgentAlive')?.status === 'False').length;
  }

  /** When time alone may ask for work. */
  get dueMs(): number {
    return this.complete ? Math.min(this.#nodeAgenda.dueMs, this.#claimAgenda.dueMs) : Number.POSITIVE_INFINITY;
  }

  /** What became of a piece of work. What failed is looked at again. */
  settled(work: Work, answer: Answer<ComputeNode | InstanceClaim>, now: Now): void {
    this.#seenAt = now;
    const agenda = 'node' in work ? this.#nodeAgenda : this.#claimAgenda;
    const key = keyOf('node' in work ? work.node : work.claim);
    agenda.ended(key);
    if (answer.kind === 'ok') {
      this.#failures.delete(key);
      agenda.add(key);
      this.#done(work, answer.object);
    } else if (answer.kind === 'unanswered' || answer.kind === 'refused')
      agenda.addAt(key, now.ms + this.#pauseMs(key));
    else agenda.addAt(key, now.ms + AFTER_CONFLICT_MS);
  }

  /** Twice as long from failure to failure, and nobody else waits for it. */
  #pauseMs(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    return Math.min(FIRST_PAUSE_MS * 2 ** failures, MAX_PAUSE_MS);
  }

  #done(work: Work, object: ComputeNode | InstanceClaim): void {
    switch (work.kind) {
      case 'writeNode':
        if (object.kind === 'ComputeNode') this.computeNodes.put(object);
        break;
      case 'writeClaim':
        if (object.kind === 'InstanceClaim') this.claims.put(object);
        break;
      case 'deleteNode':
        this.computeNodes.remove(work.node);
        break;
      case 'deleteClaim':
        this.claims.remove(work.claim);
        break;
    }
  }

  #lookAtNode(name: string, now: Now): Work | undefined {
    const node = this.computeNodes.get(name);
    if (node === undefined && !this.#claimsOf.has(name)) {
      this.#forget(name);
      return undefined;
    }
    this.#updateStanding(name, now.ms);
    if (node === undefined) return undefined;
    const lease = this.#heartbeats.lease(name);
    const { work, dueMs } = planNode({
      node,
      exists: this.hostNodes.has(name),
      heartbeat: this.#heartbeats.judge(name, this.#knownSince(name), now.ms),
      ...(lease !== undefined && { lease }),
      isHeld: () => this.#isHeld(name),
      ...this.#settings,
      now,
    });
    return begin(this.#nodeAgenda, name, work, dueMs);
  }

  #lookAtClaim(key: string, now: Now): Work | undefined {
    const claim = this.claims.get(key);
    if (claim === undefined) return undefined;
    const finishedAt = this.#finishedAt.get(key);
    const { work, dueMs } = planClaim({
      claim,
      ...(finishedAt !== undefined && { finishedAt }),
      standingOf: (name) => this.#standings.get(name) ?? this.#updateStanding(name, now.ms),
      now,
    });
    return begin(this.#claimAgenda, key, work, dueMs);
  }

  #updateStanding(name: string, nowMs: number): Standing {
    const standing = this.#standing(name, nowMs);
    if (sameJson(standing, this.#standings.get(name))) return standing;
    this.#standings.set(name, standing);
    for (const key of this.#claimsOf.get(name) ?? []) this.#claimAgenda.add(key);
    return standing;
  }

  #standing(name: string, nowMs: number): Standing {
    const computeNode = this.computeNodes.get(name);
    const knownSinceMs = this.#knownSince(name);
    const settledAtMs = knownSinceMs + SETTLING_MS;
    if (computeNode === undefined && nowMs < settledAtMs) this.#nodeAgenda.addAt(name, settledAtMs);
    return standingOf({
      name,
      exists: this.hostNodes.has(name),
      ...(computeNode !== undefined && { computeNode }),
      settled: nowMs >= settledAtMs,
      heartbeat: this.#heartbeats.judge(name, knownSinceMs, nowMs),
      ...this.#settings,
    });
  }

  #knownSince(name: string): number {
    return this.#knownSinceMs.get(name) ?? this.#seenAt.ms;
  }

  #isHeld(name: string): boolean {
    for (const key of this.#claimsOf.get(name) ?? []) {
      const claim = this.claims.get(key);
      if (claim !== undefined && holdsOn(claim, name)) return true;
    }
    return false;
  }

  #nodeChanged(name: string, before: ComputeNode | undefined, after: ComputeNode | undefined): void {
    if (before === undefined || after === undefined) this.#knownSinceMs.set(name, this.#seenAt.ms);
    this.#nodeAgenda.add(name);
  }

  #claimChanged(key: string, before: InstanceClaim | undefined, after: InstanceClaim | undefined): void {
    if (before !== undefined) for (const name of nodesOf(before)) this.#claimLeft(name, key);
    if (after === undefined) {
      this.#claimAgenda.drop(key);
      this.#finishedAt.delete(key);
      this.#failures.delete(key);
      return;
    }
    for (const name of nodesOf(after)) this.#claimCame(name, key);
    const isSame = before?.metadata.uid === after.metadata.uid;
    if (!isSame || !isFinished(after)) this.#finishedAt.delete(key);
    if (isSame && before !== undefined && !isFinished(before) && isFinished(after))
      this.#finishedAt.set(key, this.#seenAt.date);
    this.#claimAgenda.add(key);
  }

  #claimCame(name: string, key: string): void {
    const claims = this.#claimsOf.get(name);
    if (claims !== undefined) {
      claims.add(key);
      return;
    }
    this.#claimsOf.set(name, new Set([key]));
    if (!this.#knownSinceMs.has(name)) this.#knownSinceMs.set(name, this.#seenAt.ms);
    this.#nodeAgenda.add(name);
  }

  /** What held something there may have been the last: its ComputeNode may go now. */
  #claimLeft(name: string, key: string): void {
    const claims = this.#claimsOf.get(name);
    claims?.delete(key);
    if (claims?.size === 0) this.#claimsOf.delete(name);
    this.#nodeAgenda.add(name);
  }

  /** Nobody asks for this name any more. */
  #forget(name: string): void {
    this.#standings.delete(name);
    this.#failures.delete(name);
    this.#knownSinceMs.delete(name);
    this.#heartbeats.forget(name);
  }
}

function begin(agenda: Agenda, key: string, work: Work | undefined, dueMs: number | undefined): Work | undefined {
  if (dueMs !== undefined) agenda.addAt(key, dueMs);
  if (work !== undefined) agenda.begun(key);
  return work;
}
