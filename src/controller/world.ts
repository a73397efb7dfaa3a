/**
 * Everything that the controller knows, and what follows from it: which conditions and objects are not as they should be. Pure:
 * what is seen comes in, work goes out, time is an argument. Level-based: what was missed or failed is found again by looking.
 */

import { findCondition } from '../api/conditions.ts';
import type { ComputeNode, InstanceClaim, Migration } from '../api/generated/v1alpha1.ts';
import type { Lease } from '../api/lease.ts';
import { type ObjectMeta, qualifiedName } from '../api/object-meta.ts';
import type { Now } from '../protocol/lease-keeper.ts';
import type { Answer } from '../protocol/messages.ts';
import { sameJson } from '../protocol/same-json.ts';
import { Agenda } from './agenda.ts';
import { Cache } from './cache.ts';
import { Dependents } from './dependents.ts';
import { Heartbeats } from './heartbeats.ts';
import { holdsOn, isFinished, nodesOf, planClaim } from './plan-claim.ts';
import { awaitedBy, planMigration } from './plan-migration.ts';
import { planNode } from './plan-node.ts';
import { type Standing, standingOf } from './standing.ts';
import { objectOf, type Step, type Work } from './work.ts';

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
  readonly migrations: Cache<Migration>;
  readonly hostNodes: Cache<HostNode>;
  readonly #settings: WorldSettings;
  readonly #heartbeats = new Heartbeats();
  readonly #nodeAgenda = new Agenda();
  readonly #claimAgenda = new Agenda();
  readonly #migrationAgenda = new Agenda();
  readonly #claimsOf = new Dependents();
  readonly #migrationsOf = new Dependents();
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
    this.migrations = new Cache((key, before, after) => this.#migrationChanged(key, before, after));
  }

  /** Whether everything was listed: nothing is done before. */
  get complete(): boolean {
    const caches = [this.computeNodes, this.claims, this.migrations, this.hostNodes];
    return this.#leasesListed && caches.every(({ listed }) => listed);
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
    for (const key of this.migrations.keys()) this.#migrationAgenda.add(key);
  }

  /** Up to `room` pieces of work, each of which has to be answered by `settled`. */
  plan(now: Now, room: number): readonly Work[] {
    this.#seenAt = now;
    const work: Work[] = [];
    if (!this.complete) return work;
    for (const [agenda, lookAt] of this.#agendas()) {
      for (const key of room > work.length ? agenda.take(now.ms) : []) {
        const { work: wanted, dueMs } = lookAt(key, now);
        if (dueMs !== undefined) agenda.addAt(key, dueMs);
        if (wanted === undefined) continue;
        agenda.begun(key);
        if (work.push(wanted) >= room) return work;
      }
    }
    return work;
  }

  /** Nodes first: how they stand is what is told of the others. */
  #agendas(): readonly (readonly [Agenda, (key: string, now: Now) => Step])[] {
    return [
      [this.#nodeAgenda, (name, now) => this.#lookAtNode(name, now)],
      [this.#claimAgenda, (key, now) => this.#lookAtClaim(key, now)],
      [this.#migrationAgenda, (key, now) => this.#lookAtMigration(key, now)],
    ];
  }

  /** ComputeNodes whose agent is known not to live. */
  get deadAgents(): number {
    const nodes = [...this.computeNodes.values()];
    return nodes.filter(({ status }) => findCondition(status?.conditions, 'AgentAlive')?.status === 'False').length;
  }

  /** When time alone may ask for work. */
  get dueMs(): number {
    if (!this.complete) return Number.POSITIVE_INFINITY;
    return Math.min(...this.#agendas().map(([{ dueMs }]) => dueMs));
  }

  /** What became of a piece of work. What failed is looked at again. */
  settled(work: Work, answer: Answer<ComputeNode | InstanceClaim | Migration>, now: Now): void {
    this.#seenAt = now;
    const agenda = this.#agendaOf(work);
    const key = qualifiedName(objectOf(work).metadata);
    agenda.ended(key);
    if (answer.kind === 'ok') {
      this.#failures.delete(key);
      agenda.add(key);
      this.#done(work, answer.object);
    } else if (answer.kind === 'unanswered' || answer.kind === 'refused')
      agenda.addAt(key, now.ms + this.#pauseMs(key));
    else agenda.addAt(key, now.ms + AFTER_CONFLICT_MS);
  }

  #agendaOf(work: Work): Agenda {
    if ('node' in work) return this.#nodeAgenda;
    return 'claim' in work ? this.#claimAgenda : this.#migrationAgenda;
  }

  /** Twice as long from failure to failure, and nobody else waits for it. */
  #pauseMs(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    return Math.min(FIRST_PAUSE_MS * 2 ** failures, MAX_PAUSE_MS);
  }

  #done(work: Work, object: ComputeNode | InstanceClaim | Migration): void {
    switch (work.kind) {
      case 'writeNode':
        if (object.kind === 'ComputeNode') this.computeNodes.put(object);
        break;
      case 'writeClaim':
        if (object.kind === 'InstanceClaim') this.claims.put(object);
        break;
      case 'writeMigration':
        if (object.kind === 'Migration') this.migrations.put(object);
        break;
      case 'deleteNode':
        this.computeNodes.remove(work.node);
        break;
      case 'deleteClaim':
        this.claims.remove(work.claim);
        break;
    }
  }

  #lookAtNode(name: string, now: Now): Step {
    const node = this.computeNodes.get(name);
    if (node === undefined && !this.#isAskedFor(name)) {
      this.#forget(name);
      return {};
    }
    this.#updateStanding(name, now.ms);
    if (node === undefined) return {};
    const lease = this.#heartbeats.lease(name);
    return planNode({
      node,
      exists: this.hostNodes.has(name),
      heartbeat: this.#heartbeats.judge(name, this.#knownSince(name), now.ms),
      ...(lease !== undefined && { lease }),
      isHeld: () => this.#isHeld(name),
      ...this.#settings,
      now,
    });
  }

  #isAskedFor(name: string): boolean {
    return this.#claimsOf.has(name) || this.#migrationsOf.has(name);
  }

  #lookAtClaim(key: string, now: Now): Step {
    const claim = this.claims.get(key);
    if (claim === undefined) return {};
    const finishedAt = this.#finishedAt.get(key);
    const standingOf = (name: string): Standing => this.#knownStanding(name, now.ms);
    return planClaim({ claim, ...(finishedAt !== undefined && { finishedAt }), standingOf, now });
  }

  #lookAtMigration(key: string, now: Now): Step {
    const migration = this.migrations.get(key);
    if (migration === undefined) return {};
    return planMigration({ migration, standingOf: (name) => this.#knownStanding(name, now.ms), now });
  }

  #knownStanding(name: string, nowMs: number): Standing {
    return this.#standings.get(name) ?? this.#updateStanding(name, nowMs);
  }

  #updateStanding(name: string, nowMs: number): Standing {
    const standing = this.#standing(name, nowMs);
    if (sameJson(standing, this.#standings.get(name))) return standing;
    this.#standings.set(name, standing);
    for (const key of this.#claimsOf.of(name)) this.#claimAgenda.add(key);
    for (const key of this.#migrationsOf.of(name)) this.#migrationAgenda.add(key);
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
    for (const key of this.#claimsOf.of(name)) {
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
    this.#asked(this.#claimsOf, key, before && nodesOf(before), after && nodesOf(after));
    if (after === undefined) {
      this.#claimAgenda.drop(key);
      this.#finishedAt.delete(key);
      this.#failures.delete(key);
      return;
    }
    const isSame = before?.metadata.uid === after.metadata.uid;
    if (!isSame || !isFinished(after)) this.#finishedAt.delete(key);
    if (isSame && before !== undefined && !isFinished(before) && isFinished(after))
      this.#finishedAt.set(key, this.#seenAt.date);
    this.#claimAgenda.add(key);
  }

  #migrationChanged(key: string, before: Migration | undefined, after: Migration | undefined): void {
    this.#asked(this.#migrationsOf, key, before && awaitedBy(before), after && awaitedBy(after));
    if (after !== undefined) this.#migrationAgenda.add(key);
    else {
      this.#migrationAgenda.drop(key);
      this.#failures.delete(key);
    }
  }

  /** An object asks for other nodes: what held something there may have been the last, so that its ComputeNode may go now. */
  #asked(kind: Dependents, key: string, before: Iterable<string> = [], after: Iterable<string> = []): void {
    for (const name of kind.move(key, before, after)) {
      if (!this.#knownSinceMs.has(name)) this.#knownSinceMs.set(name, this.#seenAt.ms);
      this.#nodeAgenda.add(name);
    }
  }

  /** Nobody asks for this name any more. */
  #forget(name: string): void {
    this.#standings.delete(name);
    this.#failures.delete(name);
    this.#knownSinceMs.delete(name);
    this.#heartbeats.forget(name);
  }
}
