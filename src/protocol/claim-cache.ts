/** What the tracker knows of the claims that concern its node, with what it has asked of each. */

import { findCondition } from '../api/conditions.ts';
import type { InstanceClaim } from '../api/generated/v1alpha1.ts';
import { qualifiedName } from '../api/object-meta.ts';
import { type Asked, asked, instanceIdOf, isForUs, kept, refOf, timeOf, waitDeadlineMs } from './claim-facts.ts';
import type { ObjectRef, Outcome } from './messages.ts';
import { isNewer } from './resource-version.ts';
import type { TrackerSettings } from './settings.ts';
import { Undecided } from './undecided.ts';

/** A write of a claim's status that has not been answered yet. There is at most one per claim. */
export interface PendingWrite {
  /** A decision was named in `deciding` before it was sent; a refresh changes nothing that is held. */
  readonly purpose: 'decision' | 'refresh';
  /** The object as it is sent, with the resourceVersion that it is based on. */
  readonly claim: InstanceClaim;
  /** What the object will make this node hold is held from the decision on: a grant, or a migration's lock. */
  readonly takes: boolean;
  readonly outcome?: Omit<Outcome, 'latencyMs'>;
  /** Sent at least once without an answer: it may still land. */
  unanswered: boolean;
  /** Answered with a conflict: a read will show what came in between. */
  conflicted: boolean;
  /** To be sent again once step 2 has named it anew. */
  due: boolean;
}

/** One claim. */
export interface Entry {
  readonly ref: ObjectRef;
  readonly createdAtMs: number;
  readonly firstSeenAtMs: number;
  claim: InstanceClaim;
  asked: Asked;
  write?: PendingWrite;
  /** A write was sent and is not answered. This may outlast `write`: an event can show first what became of it. */
  writing: boolean;
  /** A read of the object itself is under way. */
  reading: boolean;
  /** What made a read necessary came after the one under way had begun: its answer proves nothing yet. */
  readAgain: boolean;
  /** The last write of it was refused: the next answer may take as long as the pauses between tries have become. */
  isFailing: boolean;
  /** The resourceVersion at which it left our watch: most likely it is gone, and a read is to prove it. */
  leftAt?: string;
}

/** Whether a request about it is under way: no other one is begun then, so that each answer belongs to the last request. */
export function isBusy({ write, writing, reading }: Entry): boolean {
  return write !== undefined || writing || reading;
}

function include(set: Set<string>, uid: string, wanted: boolean): void {
  if (wanted) set.add(uid);
  else set.delete(uid);
}

/** Claims by UID, by name and by instance; remembers which ones have changed since the ledger was settled. */
export class ClaimCache {
  readonly #settings: TrackerSettings;
  readonly #entries = new Map<string, Entry>();
  readonly #uidByName = new Map<string, string>();
  readonly #uidsByInstance = new Map<string, Set<string>>();
  /** UIDs whose holdings have to be settled anew, those of dropped claims among them. */
  readonly dirty = new Set<string>();
  /** Claims that may have to be decided. */
  readonly undecided = new Undecided();
  /** UIDs of claims that were granted for a time, and whose instance has never been seen. */
  readonly expiring = new Set<string>();
  /** UIDs of claims that are locked for a migration from or to this node. */
  readonly locked = new Set<string>();
  /** UIDs of claims that were busy once, and may be still. */
  readonly #busy = new Set<string>();

  constructor(settings: TrackerSettings) {
    this.#settings = settings;
  }

  get(uid: string): Entry | undefined {
    return this.#entries.get(uid);
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** To be told whenever a request about an entry is decided on or begun. */
  becameBusy(entry: Entry): void {
    this.#busy.add(entry.ref.uid);
  }

  /** Entries that a request is under way about: few, however many there are. */
  *busy(): Generator<Entry> {
    for (const uid of this.#busy) {
      const entry = this.#entries.get(uid);
      if (entry !== undefined && isBusy(entry)) yield entry;
      else this.#busy.delete(uid);
    }
  }

  byName(namespace: string, name: string): Entry | undefined {
    const uid = this.#uidByName.get(qualifiedName({ namespace, name }));
    return uid === undefined ? undefined : this.#entries.get(uid);
  }

  /** All claims for one instance; usually one. */
  *byInstance(instanceId: string): Generator<Entry> {
    for (const uid of this.#uidsByInstance.get(instanceId) ?? []) {
      const entry = this.#entries.get(uid);
      if (entry !== undefined) yield entry;
    }
  }

  /** Takes in an object. Undefined: it is no news, as a newer one is known, or a newer object of its name. */
  see(seen: InstanceClaim, nowMs: number): Entry | undefined {
    const claim = kept(seen);
    const ref = refOf(claim);
    const known = this.#entries.get(ref.uid);
    if (known !== undefined) return this.#update(known, claim) ? known : undefined;
    if (!this.#displace(claim)) return undefined;
    const entry: Entry = {
      ref,
      createdAtMs: timeOf(claim.metadata.creationTimestamp) ?? nowMs,
      firstSeenAtMs: nowMs,
      claim,
      asked: asked(claim.spec, this.#settings),
      writing: false,
      reading: false,
      readAgain: false,
      isFailing: false,
    };
    this.#entries.set(ref.uid, entry);
    this.#uidByName.set(qualifiedName(ref), ref.uid);
    const instance = instanceIdOf(claim);
    this.#uidsByInstance.set(instance, (this.#uidsByInstance.get(instance) ?? new Set()).add(ref.uid));
    this.#classify(entry);
    return entry;
  }

  /** Forgets a claim that is surely gone; what it held is given back when the ledger is settled. */
  drop(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    this.#entries.delete(uid);
    if (this.#uidByName.get(qualifiedName(entry.ref)) === uid) this.#uidByName.delete(qualifiedName(entry.ref));
    const instance = instanceIdOf(entry.claim);
    const uids = this.#uidsByInstance.get(instance);
    uids?.delete(uid);
    if (uids?.size === 0) this.#uidsByInstance.delete(instance);
    this.undecided.delete(entry);
    this.expiring.delete(uid);
    this.locked.delete(uid);
    this.dirty.add(uid);
  }

  #update(entry: Entry, claim: InstanceClaim): boolean {
    if (!isNewer(claim.metadata.resourceVersion, entry.claim.metadata.resourceVersion)) return false;
    const respec = claim.metadata.generation !== entry.claim.metadata.generation;
    entry.claim = claim;
    if (respec) entry.asked = asked(claim.spec, this.#settings);
    this.#classify(entry);
    return true;
  }

  #classify(entry: Entry): void {
    const { uid } = entry.ref;
    this.dirty.add(uid);
    const { spec, status } = entry.claim;
    const phase = status?.phase ?? 'Pending';
    if (phase === 'Pending' && isForUs(entry.claim, this.#settings.nodeName))
      this.undecided.put(entry, waitDeadlineMs(entry.claim, entry.createdAtMs));
    else this.undecided.delete(entry);
    const { nodeName } = this.#settings;
    const isHeldHere = phase === 'Claimed' && status?.nodeName === nodeName;
    const lock = phase === 'Claimed' ? status?.migration : undefined;
    include(this.locked, uid, lock?.sourceNodeName === nodeName || lock?.targetNodeName === nodeName);
    const appeared = findCondition(status?.conditions, 'InstanceRunning') !== undefined;
    // Nobody moves what never came; should somebody do, it is waited for until that has ended. Not for a resize in place: it is the tenant's
    // own, and would keep for good what was granted for a time.
    const isOnTheMove = lock !== undefined && lock.sourceNodeName !== lock.targetNodeName;
    const expires = isHeldHere && !isOnTheMove && spec.expirationSeconds !== undefined && !appeared;
    include(this.expiring, uid, expires);
  }

  /**
   * A newer object of a known one's name proves that the known one is gone, and that no write to it can land any more. False: this
   * one is the older, and gone: a watch that tells old events again shows such.
   */
  #displace(claim: InstanceClaim): boolean {
    const namesake = this.byName(claim.metadata.namespace ?? '', claim.metadata.name);
    if (namesake === undefined) return true;
    if (isNewer(namesake.claim.metadata.resourceVersion, claim.metadata.resourceVersion)) return false;
    this.drop(namesake.ref.uid);
    return true;
  }
}
