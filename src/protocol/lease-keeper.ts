/**
 * Holds a Lease: waits until it is free, takes it, renews it, and knows until when it may be relied on. Pure: answers and what a
 * watch shows come in, requests go out, time is an argument (monotonic; wall times only go into the object).
 *
 * Safety does not rest on it (the token and the barrier see to that): it keeps two live agents from fighting, and is the heartbeat.
 * Other holders' clocks are never read: a Lease has run out when it has not changed for its own duration before our eyes.
 */
import type { Lease } from '../api/lease.ts';
import { microTime } from '../api/micro-time.ts';
import type { Answer } from './messages.ts';
import { isNewer, listWentBack, wentBack } from './resource-version.ts';

export interface LeaseSettings {
  readonly name: string;
  readonly namespace: string;
  readonly identity: string;
  readonly durationMs: number;
  readonly renewMs: number;
  /** Between tries after a failure. */
  readonly retryMs: number;
  /** Between looks at whether another holder still lives. */
  readonly probeMs: number;
}

type LeaseTimes = Pick<LeaseSettings, 'durationMs' | 'renewMs' | 'retryMs' | 'probeMs'>;

/** Renewed four times within its duration, as kubelet does it with a node's 40 s. */
export function leaseTimes(durationSeconds: number): LeaseTimes {
  const durationMs = durationSeconds * 1000;
  const renewMs = durationMs / 4;
  return { durationMs, renewMs, retryMs: durationMs / 20, probeMs: renewMs };
}

/** The Lease is not relied on for the last part of its time: clocks drift. */
const DRIFT_DIVISOR = 10;

export type LeaseObservation =
  | { readonly kind: 'leaseRead' | 'leaseWritten'; readonly answer: Answer<Lease> }
  /** By a watch; `listedAt`: by a consistent list as of that resourceVersion. */
  | { readonly kind: 'leaseSeen'; readonly lease: Lease; readonly listedAt?: string }
  | { readonly kind: 'leaseDeleted' }
  /** It is known that this holder does not live any more. */
  | { readonly kind: 'holderDied'; readonly identity: string };

export type LeaseEffect =
  | { readonly kind: 'readLease' }
  | { readonly kind: 'createLease'; readonly lease: Lease }
  /** Compare-and-swap. */
  | { readonly kind: 'writeLease'; readonly lease: Lease }
  /** Find out whether this holder still lives; tell `holderDied` if not. */
  | { readonly kind: 'probeHolder'; readonly identity: string }
  | { readonly kind: 'gained' }
  /** `restored`: whatever else is known of the API server is of a history that is not there any more. */
  | { readonly kind: 'lost'; readonly reason: string; readonly restored: boolean };

/** Monotonic milliseconds, and the same moment on the wall. */
export interface Now {
  readonly ms: number;
  readonly date: Date;
}

export class LeaseKeeper {
  readonly #settings: LeaseSettings;
  #lease: Lease | undefined;
  /** The newest resourceVersion that was ever shown, and what it was when the last read was sent. */
  #newest: string | undefined;
  #newestAtRead: string | undefined;
  /** When the Lease was first seen as it is. */
  #seenAtMs = 0;
  #seenVersion: string | undefined;
  #deadHolder: string | undefined;
  #holding = false;
  #validUntilMs = 0;
  /** When the request under way was sent; a renewal counts from there. */
  #sentAtMs: number | undefined;
  #nextTryMs = 0;
  #released = false;

  constructor(settings: LeaseSettings) {
    this.#settings = settings;
  }

  /** Whether this process may act as the holder. */
  isValid(nowMs: number): boolean {
    return this.#holding && nowMs < this.#validUntilMs;
  }

  /** Who holds the Lease as far as is known; empty: nobody. */
  get holder(): string {
    return this.#lease?.spec?.holderIdentity ?? '';
  }

  /** When `tick` has something to do; never before a request under way is answered, unless the Lease runs out first. */
  get dueMs(): number {
    if (this.#released) return Number.POSITIVE_INFINITY;
    const nextMs = this.#sentAtMs === undefined ? this.#nextTryMs : Number.POSITIVE_INFINITY;
    return this.#holding ? Math.min(nextMs, this.#validUntilMs) : nextMs;
  }

  /** Does what is due. */
  tick(now: Now): readonly LeaseEffect[] {
    if (this.#released) return [];
    if (this.#holding && now.ms >= this.#validUntilMs) return this.#lose('it could not be renewed in time', now);
    if (this.#sentAtMs !== undefined || now.ms < this.#nextTryMs) return [];
    return this.#try(now);
  }

  observe(observation: LeaseObservation, now: Now): readonly LeaseEffect[] {
    if (this.#released) return [];
    switch (observation.kind) {
      case 'leaseRead':
        return this.#read(observation.answer, now);
      case 'leaseWritten':
        return this.#written(observation.answer, now);
      case 'leaseSeen':
        return this.#seen(observation, now);
      case 'leaseDeleted':
        this.#lease = undefined;
        return this.#sentAtMs === undefined ? this.#tryNow(now) : [];
      case 'holderDied':
        this.#deadHolder = observation.identity;
        return this.#holding || this.#sentAtMs !== undefined ? [] : this.#tryNow(now);
    }
  }

  /** Gives the Lease back, for a successor to take at once, and does nothing more. Absent: there is nothing to give back. */
  release(now: Now): Lease | undefined {
    const held = this.#holding ? this.#lease : undefined;
    this.#released = true;
    this.#holding = false;
    if (held === undefined) return undefined;
    return { ...held, spec: { ...held.spec, holderIdentity: '', renewTime: microTime(now.date) } };
  }

  #tryNow(now: Now): readonly LeaseEffect[] {
    this.#nextTryMs = now.ms;
    return this.#try(now);
  }

  #try(now: Now): readonly LeaseEffect[] {
    const lease = this.#lease;
    this.#sentAtMs = now.ms;
    if (lease === undefined) {
      this.#newestAtRead = this.#newest;
      return [{ kind: 'readLease' }];
    }
    if (this.#holding) return [{ kind: 'writeLease', lease: this.#renewed(lease, now) }];
    if (this.#isFree(lease, now.ms)) return [{ kind: 'writeLease', lease: this.#taken(lease, now) }];
    this.#sentAtMs = undefined;
    this.#nextTryMs = Math.min(this.#seenAtMs + durationOf(lease, this.#settings), now.ms + this.#settings.probeMs);
    // It lived when it was last looked at, which may be long ago.
    return [{ kind: 'probeHolder', identity: this.holder }];
  }

  #isFree(lease: Lease, nowMs: number): boolean {
    const holder = lease.spec?.holderIdentity ?? '';
    if (holder === '' || holder === this.#settings.identity || holder === this.#deadHolder) return true;
    return nowMs >= this.#seenAtMs + durationOf(lease, this.#settings);
  }

  #read(answer: Answer<Lease>, now: Now): readonly LeaseEffect[] {
    this.#sentAtMs = undefined;
    if (answer.kind === 'missing') return this.#missing(now);
    if (answer.kind !== 'ok') return this.#later(now);
    const isOlder = isNewer(this.#newestAtRead, answer.object.metadata.resourceVersion);
    if (isOlder) this.#forget();
    const restored = this.#keep(answer.object, now) || isOlder;
    if (restored && this.#holding) return this.#loseAll(now);
    return [...this.#takenAway(now), ...this.#tryNow(now)];
  }

  #missing(now: Now): readonly LeaseEffect[] {
    this.#forget();
    // Deleted by somebody, or by a restored etcd, with whatever else: it is not the same Lease any more.
    const lost = this.#holding ? this.#lose('it was deleted', now) : [];
    this.#sentAtMs = now.ms;
    return [...lost, { kind: 'createLease', lease: this.#taken(undefined, now) }];
  }

  #forget(): void {
    this.#lease = undefined;
    this.#newest = undefined;
  }

  #written(answer: Answer<Lease>, now: Now): readonly LeaseEffect[] {
    const sentAtMs = this.#sentAtMs ?? now.ms;
    this.#sentAtMs = undefined;
    switch (answer.kind) {
      case 'ok':
        if (this.#keep(answer.object, now) && this.#holding) return this.#loseAll(now);
        return this.#holds(sentAtMs);
      case 'unanswered':
      case 'refused':
        // Whether it landed is for a read to say; what is held stays held until it runs out.
        this.#lease = undefined;
        return this.#later(now);
      default:
        this.#lease = undefined;
        return this.#tryNow(now);
    }
  }

  #holds(sentAtMs: number): readonly LeaseEffect[] {
    const { durationMs, renewMs } = this.#settings;
    const gained = !this.#holding;
    this.#holding = true;
    this.#validUntilMs = sentAtMs + durationMs - durationMs / DRIFT_DIVISOR;
    this.#nextTryMs = sentAtMs + renewMs;
    return gained ? [{ kind: 'gained' }] : [];
  }

  #seen({ lease, listedAt }: LeaseObservation & { kind: 'leaseSeen' }, now: Now): readonly LeaseEffect[] {
    if (this.#keep(lease, now, listedAt) && this.#holding) return this.#loseAll(now);
    // A request under way tells by its answer what follows from this.
    if (this.#sentAtMs !== undefined) return [];
    return this.#holding ? this.#takenAway(now) : this.#tryNow(now);
  }

  /**
   * An answer and a watch may overtake each other: what is older than what is known is no news, and starts no time anew. True: the
   * history of the API server went back.
   */
  #keep(lease: Lease, now: Now, listedAt?: string): boolean {
    const { resourceVersion } = lease.metadata;
    const restored = this.#wentBack(resourceVersion, listedAt);
    if (restored) this.#forget();
    if (this.#lease !== undefined && isNewer(this.#lease.metadata.resourceVersion, resourceVersion)) return false;
    if (resourceVersion !== this.#seenVersion) this.#seenAtMs = now.ms;
    this.#seenVersion = resourceVersion;
    if (isNewer(resourceVersion, this.#newest)) this.#newest = resourceVersion;
    this.#lease = lease;
    return restored;
  }

  #wentBack(shown: string | undefined, listedAt: string | undefined): boolean {
    const hasLeapt = isNewer(shown, this.#newest) && wentBack(this.#newest, shown);
    return hasLeapt || (listedAt !== undefined && listWentBack(this.#newest, shown, listedAt));
  }

  #takenAway(now: Now): readonly LeaseEffect[] {
    const holder = this.#lease?.spec?.holderIdentity;
    if (!this.#holding || holder === this.#settings.identity) return [];
    return this.#lose(`${holder || 'nobody'} holds it now`, now);
  }

  #lose(reason: string, now: Now, restored = false): readonly LeaseEffect[] {
    this.#holding = false;
    this.#nextTryMs = now.ms + this.#settings.retryMs;
    return [{ kind: 'lost', reason, restored }];
  }

  /** Whatever else we know is of the history that is gone, too: who holds the Lease drops it, and takes over anew. */
  #loseAll(now: Now): readonly LeaseEffect[] {
    return this.#lose('the history of the API server went back: it was restored', now, true);
  }

  #later(now: Now): readonly LeaseEffect[] {
    this.#nextTryMs = now.ms + this.#settings.retryMs;
    return [];
  }

  #taken(lease: Lease | undefined, now: Now): Lease {
    const { name, namespace, identity, durationMs } = this.#settings;
    const time = microTime(now.date);
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...lease?.metadata, name, namespace },
      spec: {
        ...lease?.spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.round(durationMs / 1000),
        acquireTime: time,
        renewTime: time,
        leaseTransitions: (lease?.spec?.leaseTransitions ?? 0) + (lease === undefined ? 0 : 1),
      },
    };
  }

  #renewed(lease: Lease, now: Now): Lease {
    return { ...lease, spec: { ...lease.spec, renewTime: microTime(now.date) } };
  }
}

function durationOf(lease: Lease, { durationMs }: LeaseSettings): number {
  const seconds = lease.spec?.leaseDurationSeconds;
  return seconds === undefined ? durationMs : seconds * 1000;
}
