/** Runs a LeaseKeeper: performs its requests, watches the Lease, keeps its time. */
import type { Lease } from '../api/lease.ts';
import { type Clock, type Random, systemClock } from '../kube/clock.ts';
import { KubeError } from '../kube/errors.ts';
import { type Reflector, reflect } from '../kube/reflector.ts';
import type { ResourceClient } from '../kube/resource.ts';
import {
  type LeaseEffect,
  LeaseKeeper,
  type LeaseObservation,
  type LeaseSettings,
  type Now,
} from '../protocol/lease-keeper.ts';
import type { Answer } from '../protocol/messages.ts';
import { answerOf } from './answers.ts';

export interface LeaseLoopParts {
  readonly settings: LeaseSettings;
  readonly leases: ResourceClient<Lease>;
  readonly random: Random;
  readonly clock?: Clock;
  readonly onGained: () => void;
  /** `restored`: the history of the API server went back. */
  readonly onLost: (reason: string, restored: boolean) => void;
  /** Somebody else holds it: told once for each holder. */
  readonly onWaiting?: (holder: string) => void;
  /** A request failed, or a watch: told, and tried again. */
  readonly onFault: (what: string, message: string) => void;
  /** Whether it is certain that a holder does not live any more. */
  readonly isDead: (identity: string) => Promise<boolean>;
}

type Request = Extract<LeaseEffect, { kind: 'readLease' | 'createLease' | 'writeLease' }>;

export class LeaseLoop {
  readonly #parts: LeaseLoopParts;
  readonly #clock: Clock;
  readonly #keeper: LeaseKeeper;
  readonly #lifetime = new AbortController();
  #watch: Reflector | undefined;
  #cancelTimer: (() => void) | undefined;
  /** Whom this process was told to wait for. */
  #holder: string | undefined;
  #probing = false;

  constructor(parts: LeaseLoopParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#keeper = new LeaseKeeper(parts.settings);
  }

  /** Whether this process may act as the holder, now. */
  get isValid(): boolean {
    return this.#keeper.isValid(this.#clock.now());
  }

  /** Who holds the Lease as far as is known; empty: nobody. */
  get holder(): string {
    return this.#keeper.holder;
  }

  get lastContactAtMs(): number | undefined {
    return this.#watch?.lastContactAtMs;
  }

  /** Begins to compete for the Lease. */
  start(): void {
    const { settings, leases, random, onFault } = this.#parts;
    this.#watch = reflect<Lease>({
      client: leases,
      namespace: settings.namespace,
      fieldSelector: `metadata.name=${settings.name}`,
      clock: this.#clock,
      random,
      signal: this.#lifetime.signal,
      onList: ([lease], listedAt) => lease !== undefined && this.#observe({ kind: 'leaseSeen', lease, listedAt }),
      onEvent: ({ type, object }) =>
        this.#observe(type === 'DELETED' ? { kind: 'leaseDeleted' } : { kind: 'leaseSeen', lease: object }),
      onError: (error) => onFault('watch', error.message),
    });
    this.#watch.done.catch((error: unknown) => onFault('watch', String(error)));
    this.#perform(this.#keeper.tick(this.#now()));
  }

  /** Ends, and gives the Lease back so that a successor need not wait. */
  async stop(): Promise<void> {
    this.#cancelTimer?.();
    this.#lifetime.abort();
    await this.#watch?.done;
    const lease = this.#keeper.release(this.#now());
    if (lease === undefined) return;
    const { renewMs: timeoutMs } = this.#parts.settings;
    const answer = await answerOf(this.#parts.leases.replace(lease, { timeoutMs }));
    if (answer.kind !== 'ok') this.#parts.onFault('release', describe(answer));
  }

  #now(): Now {
    return { ms: this.#clock.now(), date: new Date() };
  }

  #observe(observation: LeaseObservation): void {
    this.#perform(this.#keeper.observe(observation, this.#now()));
  }

  #perform(effects: readonly LeaseEffect[]): void {
    for (const effect of effects) this.#start(effect);
    this.#setTimer();
  }

  #start(effect: LeaseEffect): void {
    switch (effect.kind) {
      case 'gained':
        this.#holder = undefined;
        this.#parts.onGained();
        break;
      case 'lost':
        this.#parts.onLost(effect.reason, effect.restored);
        break;
      case 'probeHolder':
        this.#waitsFor(effect.identity);
        this.#background(this.#probe(effect.identity));
        break;
      default:
        this.#background(this.#request(effect));
    }
  }

  #waitsFor(holder: string): void {
    if (holder === this.#holder) return;
    this.#holder = holder;
    this.#parts.onWaiting?.(holder);
  }

  /** One question at a time: the answer may be the API server's. */
  async #probe(identity: string): Promise<void> {
    if (this.#probing) return;
    this.#probing = true;
    try {
      if (await this.#parts.isDead(identity)) this.#observe({ kind: 'holderDied', identity });
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      this.#parts.onFault('probe', error.message);
    } finally {
      this.#probing = false;
    }
  }

  async #request(effect: Request): Promise<void> {
    const { leases, settings, onFault } = this.#parts;
    const answer = await answerOf(this.#call(effect));
    if (this.#lifetime.signal.aborted) return;
    if (effect.kind === 'createLease' && answer.kind === 'missing') {
      onFault(
        'create',
        `namespace ${settings.namespace} does not exist: create it, or give another as --lease-namespace`,
      );
    } else if (answer.kind === 'unanswered' || answer.kind === 'refused') onFault(effect.kind, answer.message);
    const kind = effect.kind === 'readLease' ? 'leaseRead' : 'leaseWritten';
    this.#observe({
      kind,
      answer: effect.kind === 'createLease' ? refusedIfMissing(answer, leases.kind.kind) : answer,
    });
  }

  #call(effect: Request): Promise<Lease | undefined> {
    const { leases, settings } = this.#parts;
    const timeoutMs = settings.renewMs;
    switch (effect.kind) {
      case 'readLease':
        return leases.get(settings.name, settings.namespace, { timeoutMs });
      case 'createLease':
        return leases.create(effect.lease, { timeoutMs });
      case 'writeLease':
        return leases.replace(effect.lease, { timeoutMs });
    }
  }

  #background(work: Promise<void>): void {
    work.catch((error: unknown) => this.#parts.onFault('programming', String(error)));
  }

  #setTimer(): void {
    this.#cancelTimer?.();
    const { dueMs } = this.#keeper;
    if (this.#lifetime.signal.aborted || !Number.isFinite(dueMs)) return;
    const inMs = Math.max(dueMs - this.#clock.now(), 0) + 1;
    this.#cancelTimer = this.#clock.after(inMs, () => this.#perform(this.#keeper.tick(this.#now())));
  }
}

/** A namespace that is not there is not a reason to try again at once. */
function refusedIfMissing<T>(answer: Answer<T>, kind: string): Answer<T> {
  return answer.kind === 'missing' ? { kind: 'refused', message: `no namespace for the ${kind}` } : answer;
}

function describe(answer: Answer<unknown>): string {
  return 'message' in answer ? answer.message : answer.kind;
}
