/**
 * Runs one Tracker: hands it what is seen, performs what it asks for, and lets one turn at a time decide. One mutex (Nova:
 * "compute_resources") covers deciding and the write of ComputeNode, so that the ledger has one writer; the claims' own writes
 * go on beside it.
 */
import { Mutex } from 'async-mutex';
import type { ComputeNode } from '../api/generated/v1alpha1.ts';
import type { Answer, Effect, MigrationOutcome, Notice, Observation, Outcome } from '../protocol/messages.ts';
import type { Tracker } from '../protocol/tracker.ts';
import type { Performer } from './performer.ts';

/** Why a tracker is of no use any more. */
export interface TenureEnd {
  /** The process cannot go on. */
  readonly fatal: boolean;
  readonly reason: string;
  /** It has seen that the history of the API server went back. */
  readonly restored?: boolean;
}

export interface TrackerLoopParts {
  readonly tracker: Tracker;
  readonly performer: Performer;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  /** Whether the Lease is ours for certain. */
  readonly mayDecide: () => boolean;
  /** (Re)starts list-and-watch of claims and migrations with consistent lists. */
  readonly listClaims: () => void;
  readonly onDecided: (outcome: Outcome) => void;
  readonly onNoticed: (notice: Notice) => void;
  readonly onMigrated: (outcome: MigrationOutcome) => void;
  /** ComputeNode.status was written. */
  readonly onCommitted: (before: ComputeNode | undefined, after: ComputeNode) => void;
  readonly onLog: (effect: Effect & { kind: 'log' }) => void;
  /** The tracker is of no use any more. */
  readonly onEnd: (end: TenureEnd) => void;
}

/** When to look again whether the Lease has been renewed after all. */
const RECHECK_MS = 1_000;

/** This process may have stood still since the commit was sent, while etcd was restored without it: step 3 is not to begin. */
const TOO_LATE: Answer<ComputeNode> = { kind: 'unanswered', message: 'the Lease ran out meanwhile' };

/** setTimeout fires at once for more than this. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class TrackerLoop {
  readonly #parts: TrackerLoopParts;
  readonly #mutex = new Mutex();
  readonly #underWay = new Set<Promise<void>>();
  #turnIsDue = false;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;
  #lastCommit: ComputeNode | undefined;

  constructor(parts: TrackerLoopParts) {
    this.#parts = parts;
  }

  /** Tells the tracker, and lets it decide once what came together with this is told, too. */
  observe(observation: Observation): void {
    const { tracker, wallClock } = this.#parts;
    this.#perform(tracker.observe(observation, wallClock()));
    this.#requestTurn();
  }

  /** Decides nothing more, waits for what is under way, at most until the signal is aborted, and begins nothing after that. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await Promise.race([this.#settled(), aborted(signal)]);
    // What fails would be tried again, and no try is paced any more: the process would never come to its end.
    const { tracker, wallClock } = this.#parts;
    tracker.observe({ kind: 'yield' }, wallClock());
  }

  async #settled(): Promise<void> {
    await this.#mutex.runExclusive(() => undefined);
    await Promise.allSettled(this.#underWay);
  }

  #requestTurn(): void {
    if (this.#turnIsDue || this.#stopping) return;
    this.#turnIsDue = true;
    // After the events that arrived in the same piece, so that they are decided as one batch.
    setImmediate(() => this.#track(this.#mutex.runExclusive(() => this.#turn())));
  }

  async #turn(): Promise<void> {
    const { tracker, performer, wallClock } = this.#parts;
    for (;;) {
      this.#turnIsDue = false;
      if (this.#stopping) return;
      if (!this.#parts.mayDecide()) {
        this.#wakeAt(wallClock() + RECHECK_MS);
        return;
      }
      const { effects, commit, dueMs } = tracker.decide(wallClock());
      this.#perform(effects);
      this.#wakeAt(dueMs);
      if (commit === undefined) return;
      const answer = await performer.commit(commit);
      if (answer.kind === 'ok') this.#committed(answer.object);
      this.#perform(tracker.committed(this.#parts.mayDecide() ? answer : TOO_LATE));
    }
  }

  #committed(node: ComputeNode): void {
    const before = this.#lastCommit;
    this.#lastCommit = node;
    this.#parts.onCommitted(before, node);
  }

  #wakeAt(dueMs: number | undefined): void {
    clearTimeout(this.#timer);
    if (dueMs === undefined) return;
    const inMs = Math.min(Math.max(dueMs - this.#parts.wallClock(), 0) + 1, MAX_TIMER_MS);
    this.#timer = setTimeout(() => this.#requestTurn(), inMs);
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) this.#start(effect);
  }

  #start(effect: Effect): void {
    const { performer, listClaims, onDecided, onNoticed, onMigrated, onLog, onEnd } = this.#parts;
    switch (effect.kind) {
      case 'listClaims':
        listClaims();
        break;
      case 'decided':
        onDecided(effect.outcome);
        break;
      case 'noticed':
        onNoticed(effect.notice);
        break;
      case 'migrated':
        onMigrated(effect.outcome);
        break;
      case 'log':
        onLog(effect);
        break;
      case 'steppedDown':
        onEnd({ fatal: false, reason: effect.reason, restored: effect.restored });
        break;
      case 'fatal':
        onEnd({ fatal: true, reason: effect.message });
        break;
      default:
        this.#track(performer.perform(effect).then((observation) => this.observe(observation)));
    }
  }

  /** A failure here is a programmer's error: the process ends with it, and its successor rebuilds everything. */
  #track(work: Promise<void>): void {
    const tracked = work.catch((error: unknown) => {
      this.#stopping = true;
      this.#parts.onEnd({
        fatal: true,
        reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    });
    this.#underWay.add(tracked);
    void tracked.finally(() => this.#underWay.delete(tracked));
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
