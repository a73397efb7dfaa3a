/**
 * What is asked of the API server about each claim, and what its answers prove: whether a write has landed, or cannot any more, and
 * whether a claim is gone. There is one write and one read per claim at a time, so that an answer belongs to the last request.
 */
import type { InstanceClaim } from '../api/generated/v1alpha1.ts';
import type { Decision } from './batch.ts';
import { type ClaimCache, type Entry, isBusy, type PendingWrite } from './claim-cache.ts';
import { concerns } from './claim-facts.ts';
import { noticesOf } from './claim-notices.ts';
import { isUnreadable } from './held.ts';
import type { Answer, Effect, ObjectRef, Observation } from './messages.ts';
import { isNewer, listWentBack } from './resource-version.ts';
import { type ClaimSource, selects } from './sources.ts';

export class ClaimRequests {
  readonly #nodeName: string;
  readonly #cache: ClaimCache;
  /** Claims whose state may have to be told anew. */
  readonly #toSight: Set<string>;

  constructor(nodeName: string, cache: ClaimCache, toSight: Set<string>) {
    this.#nodeName = nodeName;
    this.#cache = cache;
    this.#toSight = toSight;
  }

  /** Everything whose decision is to be written, or was sent and may still land. */
  deciding(): ObjectRef[] {
    return [...this.#cache.busy()].filter(({ write }) => write?.purpose === 'decision').map(({ ref }) => ref);
  }

  /** Decisions without an answer that may be sent again, which takes another step 2. */
  retries(): Decision[] {
    return [...this.#cache.busy()].flatMap((entry) => {
      const { write, reading } = entry;
      return write?.due === true && !reading ? [{ entry, write }] : [];
    });
  }

  /** How many decisions are under way, but for those that are tried again. */
  decisions(): number {
    return this.#count(({ write, isFailing }) => write?.purpose === 'decision' && !isFailing);
  }

  /** How many states are being told: writes that decide nothing. But for those that are tried again. */
  telling(): number {
    return this.#count(({ write, isFailing }) => write?.purpose === 'refresh' && !isFailing);
  }

  /** How many writes of claims whose last one was refused are under way. */
  retrying(): number {
    return this.#count(({ write, isFailing }) => write !== undefined && isFailing);
  }

  #count(matches: (entry: Entry) => boolean): number {
    return [...this.#cache.busy()].filter(matches).length;
  }

  /** Whether a list shows a claim as it was before something that the list should show, too. */
  wentBack({ claims, resourceVersion }: Observation & { kind: 'claimsRelisted' }): boolean {
    if (resourceVersion === undefined) return false;
    return claims.some(({ metadata }) => {
      const known = this.#cache.get(metadata.uid ?? '')?.claim.metadata.resourceVersion;
      return listWentBack(known, metadata.resourceVersion, resourceVersion);
    });
  }

  /** A consistent list: what it lacks has left the watch. */
  listed(claims: readonly InstanceClaim[], nowMs: number): readonly Effect[] {
    const effects: Effect[] = [];
    const listed = new Set<string>();
    for (const claim of claims) {
      listed.add(claim.metadata.uid ?? '');
      effects.push(...this.seen(claim, nowMs));
    }
    const absent = [...this.#cache.entries()].filter(({ ref }) => !listed.has(ref.uid));
    for (const entry of absent) effects.push(...this.unmatched(entry.claim));
    return effects;
  }

  /** A consistent list of one source: what matched it and is not in it has left that source. */
  relisted(source: ClaimSource, claims: readonly InstanceClaim[], nowMs: number): readonly Effect[] {
    const listed = new Set(claims.map(({ metadata }) => metadata.uid ?? ''));
    const effects = claims.flatMap((claim) => this.seen(claim, nowMs));
    const absent = [...this.#cache.entries()].filter(
      ({ ref, claim }) => !listed.has(ref.uid) && selects(source, claim, this.#nodeName),
    );
    return [...effects, ...absent.flatMap((entry) => this.unmatched(entry.claim))];
  }

  /** Forgets a claim that was only looked up, and has come to nothing here. */
  release(entry: Entry): void {
    if (!isBusy(entry) && !concerns(entry.claim, this.#nodeName)) this.#forget(entry.ref.uid);
  }

  /** A claim as an event, a read or an answer shows it. */
  seen(claim: InstanceClaim, nowMs: number): readonly Effect[] {
    const before = this.#cache.get(claim.metadata.uid ?? '')?.claim;
    const entry = this.#cache.see(claim, nowMs);
    if (entry === undefined) return [];
    this.#toSight.add(entry.ref.uid);
    const overtaken = [...this.#overtaken(entry, nowMs), ...this.#noticed(before, entry)];
    return isUnreadable(entry.claim) ? [...overtaken, unreadable(entry.ref)] : overtaken;
  }

  #noticed(before: InstanceClaim | undefined, { claim }: Entry): readonly Effect[] {
    return noticesOf(before, claim, this.#nodeName).map((notice) => ({ kind: 'noticed', notice }));
  }

  /** A newer object than the one that our write was based on: the write has landed, or cannot any more. */
  #overtaken(entry: Entry, nowMs: number): readonly Effect[] {
    const { write } = entry;
    if (write === undefined || !isNewer(entry.claim.metadata.resourceVersion, write.claim.metadata.resourceVersion))
      return [];
    return this.#writeIsOver(entry, landed(write, entry.claim), nowMs);
  }

  /** DELETED may only mean that the object no longer matches: what holds something is read before it is given back. */
  unmatched(claim: InstanceClaim): readonly Effect[] {
    const entry = this.#cache.get(claim.metadata.uid ?? '');
    const leftAt = claim.metadata.resourceVersion;
    // A watch that tells old events again: it has come back since.
    if (entry === undefined || isNewer(entry.claim.metadata.resourceVersion, leftAt)) return [];
    if (!isBusy(entry) && entry.claim.status?.phase !== 'Claimed') {
      this.#forget(entry.ref.uid);
      return [];
    }
    if (leftAt !== undefined) entry.leftAt = leftAt;
    return this.#read(entry);
  }

  /** One read at a time; one that has begun already may have missed what this one is for. */
  #read(entry: Entry): readonly Effect[] {
    entry.readAgain = entry.reading;
    if (entry.reading) return [];
    entry.reading = true;
    this.#cache.becameBusy(entry);
    return [{ kind: 'readClaim', ref: entry.ref }];
  }

  readAnswered(ref: ObjectRef, answer: Answer<InstanceClaim>, nowMs: number): readonly Effect[] {
    const entry = this.#cache.get(ref.uid);
    if (entry === undefined) return [];
    const found = answer.kind === 'ok' ? answer.object : undefined;
    if (answer.kind === 'missing' || (found !== undefined && found.metadata.uid !== ref.uid))
      return this.#gone(entry, nowMs);
    entry.reading = false;
    const effects = found === undefined ? [] : this.seen(found, nowMs);
    const proves = found !== undefined && !entry.readAgain;
    return [...effects, ...(proves ? this.#stillThere(entry, nowMs) : this.#read(entry))];
  }

  /** A read that began after what made it necessary shows the object. */
  #stillThere(entry: Entry, nowMs: number): readonly Effect[] {
    delete entry.leftAt;
    const { write } = entry;
    // The object still stands where our write started. One without an answer is sent again: only an answer is the end of it.
    if (write?.unanswered === true) return this.#again(entry, write);
    if (write?.conflicted === true) return this.#writeIsOver(entry, false, nowMs);
    this.release(entry);
    return [];
  }

  /**
   * A decision passes step 2 again: no answer is also what a server gives that is ended and restored from a backup, and there the decision
   * would rest on what has never happened.
   */
  #again(entry: Entry, write: PendingWrite): readonly Effect[] {
    if (entry.writing) return [];
    if (write.purpose === 'refresh') return [this.send(entry, write)];
    write.due = true;
    return [];
  }

  #gone(entry: Entry, nowMs: number): readonly Effect[] {
    const effects = this.#writeIsOver(entry, false, nowMs);
    this.#forget(entry.ref.uid);
    return effects;
  }

  #forget(uid: string): void {
    this.#cache.drop(uid);
    this.#toSight.delete(uid);
  }

  writeAnswered(ref: ObjectRef, answer: Answer<InstanceClaim>, nowMs: number): readonly Effect[] {
    const entry = this.#cache.get(ref.uid);
    if (entry === undefined) return [];
    entry.writing = false;
    entry.isFailing = answer.kind === 'refused';
    if (answer.kind === 'missing') return this.#gone(entry, nowMs);
    const effects = answer.kind === 'ok' ? this.seen(answer.object, nowMs) : [];
    // An event has shown already what became of the write.
    if (entry.write === undefined) return effects;
    switch (answer.kind) {
      case 'ok':
        return [...effects, ...this.#writeIsOver(entry, true, nowMs)];
      case 'unanswered':
        entry.write.unanswered = true;
        return this.#read(entry);
      case 'refused':
        // An earlier try of the same write may still land: only a refusal of the first one is the end of it.
        if (entry.write.unanswered) return this.#read(entry);
        return [...this.#refused(entry, answer.message), ...this.#writeIsOver(entry, false, nowMs)];
      case 'conflict':
        entry.write.conflicted = true;
        return this.#read(entry);
    }
  }

  #refused(entry: Entry, message: string): readonly Effect[] {
    const { namespace, name } = entry.ref;
    return [
      {
        kind: 'log',
        level: 'error',
        message: 'the API server refuses the status of a claim',
        fields: { namespace, claim: name, error: message },
      },
    ];
  }

  #writeIsOver(entry: Entry, hasLanded: boolean, nowMs: number): readonly Effect[] {
    const { write } = entry;
    if (write === undefined) return [];
    delete entry.write;
    this.#cache.dirty.add(entry.ref.uid);
    this.#toSight.add(entry.ref.uid);
    if (!hasLanded || write.outcome === undefined) return [];
    const outcome = { ...write.outcome, latencyMs: nowMs - entry.firstSeenAtMs };
    return [{ kind: 'decided', outcome }];
  }

  /** Sends what its entry has under way. */
  send(entry: Entry, write: PendingWrite): Effect {
    entry.writing = true;
    write.due = false;
    this.#cache.becameBusy(entry);
    return { kind: 'writeClaim', ref: entry.ref, claim: write.claim };
  }

  /** Undoes a decision whose step 2 was not accepted, unless it was sent before and may still land. */
  takeBack({ entry, write }: Decision): void {
    if (write.unanswered) return;
    this.#cache.dirty.add(entry.ref.uid);
    if (entry.write === write) delete entry.write;
  }
}

function unreadable({ namespace, name }: ObjectRef): Effect {
  return {
    kind: 'log',
    level: 'error',
    message: 'the status of a claim cannot be read: what its spec asks for is held instead',
    fields: { namespace, claim: name },
  };
}

/** Whether an object shows what a write was to bring about. */
function landed(write: PendingWrite, seen: InstanceClaim): boolean {
  const [wanted, shown] = [write.claim.status, seen.status];
  if (write.purpose === 'refresh' || wanted?.phase !== shown?.phase) return write.purpose === 'refresh';
  return wanted?.phase !== 'Pending' || wanted.attempts?.at(-1)?.nodeName === shown?.attempts?.at(-1)?.nodeName;
}
