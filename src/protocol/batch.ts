/** Step 1 of a group commit: decides what is undecided, oldest first, and words what step 3 is to write. */

import { findCondition } from '../api/conditions.ts';
import type { InstanceClaim, InstanceClaimStatus } from '../api/generated/v1alpha1.ts';
import type { PciDevice } from '../ledger/types.ts';
import type { Books } from './books.ts';
import { candidates, inShares } from './candidates.ts';
import { type ClaimCache, type Entry, isBusy, type PendingWrite } from './claim-cache.ts';
import { CLAIM_KIND, endOfMs, instanceIdOf, timeOf, waitDeadlineMs } from './claim-facts.ts';
import { attempted, claimed, claimedWords, ended, grantedDevices, type Place, waiting } from './claim-status.ts';
import { orphanKey } from './held.ts';
import type { Instances } from './instances.ts';
import type { Outcome } from './messages.ts';
import { isNewer } from './resource-version.ts';
import { otherHolder } from './rivals.ts';
import type { TrackerSettings } from './settings.ts';
import { MAX_REF_BYTES, sizeOf } from './status-size.ts';
import { type Circumstances, type Grounds, judge, type Verdict } from './verdict.ts';

/** What deciding needs to know, of whatever kind. */
export interface DecidingContext {
  readonly settings: TrackerSettings;
  readonly cache: ClaimCache;
  readonly books: Books;
  readonly instances: Instances;
  readonly place: Place;
  readonly devices: ReadonlyMap<string, PciDevice>;
  readonly unschedulable: boolean;
  /** Of this tenure: what is granted carries it, so that the next barrier only exchanges it. */
  readonly token: string;
  /** Why nothing is counted: the hypervisor cannot tell what the host has. */
  readonly untracked?: string;
  readonly nowMs: number;
  /** How many decisions there is room for in `deciding`. */
  readonly room: number;
  /**
   * How many writes may be under way of claims whose last one was refused. They are tried beside all others, so that what the API server never
   * accepts takes nobody's place.
   */
  readonly retryRoom: number;
  /** How many bytes of names there is room for in `deciding`. */
  readonly roomBytes: number;
}

export interface BatchContext extends DecidingContext {
  /** How many claims may be told why they wait: those are writes, too, and must not crowd out the others. */
  readonly noteRoom: number;
}

/** A decision, or a note that a claim waits: a write that its entry has under way from now on. */
export interface Decision {
  readonly entry: Entry;
  readonly write: PendingWrite;
}

export interface Batch {
  /** To be named in `deciding` and written once ComputeNode is. */
  readonly decisions: readonly Decision[];
  /** Why claims wait: changes nothing that is held. */
  readonly notes: readonly Decision[];
  /** When time alone may change a decision; absent: never. */
  readonly dueMs?: number;
}

/** Decides what can be decided now, as far as there is room, oldest first. Grants are in the ledger when it returns. */
export function decideBatch(context: BatchContext): Batch {
  const { cache, room, noteRoom, nowMs } = context;
  const due: number[] = [];
  const expirations = expire(context, due);
  const left = room - expirations.length;
  const retryRoom = context.retryRoom - expirations.filter(({ entry }) => entry.isFailing).length;
  const { entries, behind, isMore } = candidates(cache, { room: left, noteRoom, retryRoom, nowMs });
  const round = new Round({ ...context, retryRoom }, behind, context.roomBytes - sizeOfAll(expirations));
  inShares(entries, left, (entry) => round.consider(entry));
  const decisions = [...expirations, ...round.decisions];
  for (const { entry } of decisions) cache.becameBusy(entry);
  const deadlineMs = cache.undecided.nextDeadlineMs(nowMs);
  if (deadlineMs !== undefined) due.push(deadlineMs);
  // The next look need not wait for anything, as long as this one has led somewhere.
  if (isMore && round.looked > 0) due.push(nowMs);
  return { decisions, notes: round.notes, ...(due.length > 0 && { dueMs: Math.min(...due) }) };
}

/** One pass over the candidates. */
class Round {
  readonly decisions: Decision[] = [];
  readonly notes: Decision[] = [];
  /** How many of those behind the front are done with. */
  looked = 0;
  readonly #context: BatchContext;
  readonly #behind: ReadonlySet<Entry>;
  readonly #releases: readonly string[];
  #roomBytes: number;
  #retryRoom: number;
  /** An earlier claim waits. */
  #queued = false;

  constructor(context: BatchContext, behind: ReadonlySet<Entry>, roomBytes: number) {
    this.#context = context;
    this.#behind = behind;
    this.#roomBytes = roomBytes;
    this.#retryRoom = context.retryRoom;
    this.#releases = releasesToCome(context);
  }

  /** Whether it was decided. */
  consider(entry: Entry): boolean {
    if (this.#roomBytes < MAX_REF_BYTES) return false;
    const isBehind = this.#behind.has(entry);
    const waits = entry.claim.spec.whenInsufficient === 'Wait';
    if (isBusy(entry)) {
      this.#queued ||= waits && entry.write?.purpose !== 'decision';
      return false;
    }
    if (entry.isFailing && this.#retryRoom <= 0) return false;
    this.#queued ||= isBehind;
    const verdict = this.#judge(entry);
    if (verdict.kind === 'refuse' && this.#mayFitSoon(entry)) return false;
    if (verdict.kind === 'wait') this.#queued = true;
    if (verdict.kind === 'wait' && !this.#tell(entry, verdict)) return false;
    if (verdict.kind !== 'wait') {
      this.decisions.push(decide(entry, verdict, this.#context));
      this.#roomBytes -= sizeOf(entry.ref);
    }
    if (entry.isFailing) this.#retryRoom -= 1;
    this.#context.cache.undecided.looked(entry.ref.uid);
    if (isBehind) this.looked += 1;
    return verdict.kind !== 'wait';
  }

  #judge(entry: Entry): Verdict {
    const { books } = this.#context;
    return judge(entry.claim, entry.asked, books.ledger, circumstances(entry, this.#context, this.#queued));
  }

  #mayFitSoon({ claim }: Entry): boolean {
    return this.#releases.some((leftAt) => isNewer(claim.metadata.resourceVersion, leftAt));
  }

  /** False: it is to be told why it waits, and there is no room for that. */
  #tell(entry: Entry, grounds: Grounds): boolean {
    if (isTold(entry, grounds)) return true;
    if (this.notes.length >= this.#context.noteRoom) return false;
    this.notes.push(noteOf(entry, grounds, this.#context));
    return true;
  }
}

/**
 * When claims left our watch that still hold until a read proves that they are gone. Who deletes a claim and then creates another one
 * must not be refused for want of what the first one held: a refusal of what came after waits for that read.
 */
export function releasesToCome({ cache, books }: Pick<DecidingContext, 'cache' | 'books'>): string[] {
  const entries = [...cache.busy()].filter(({ ref, reading }) => reading && books.holds(ref.uid));
  return entries.flatMap(({ leftAt }) => leftAt ?? []);
}

function circumstances(entry: Entry, context: BatchContext, queued: boolean): Circumstances {
  const { settings, books, unschedulable, untracked, nowMs } = context;
  const claimedBy = otherHolder(entry, context);
  const instance = context.instances.of(entry);
  const deadlineMs = waitDeadlineMs(entry.claim, entry.createdAtMs);
  const isOrphan = instance !== undefined && books.isOrphan(instance);
  return {
    nodeName: settings.nodeName,
    unschedulable,
    isTracked: untracked === undefined,
    ...(claimedBy !== undefined && { claimedBy }),
    ...(isOrphan && { orphanKey: orphanKey(instance.uuid) }),
    orphanDevices: isOrphan ? instance.devices : [],
    queued,
    overdue: deadlineMs !== undefined && nowMs >= deadlineMs,
  };
}

function decide(entry: Entry, verdict: Exclude<Verdict, { kind: 'wait' }>, context: BatchContext): Decision {
  return verdict.kind === 'grant' ? grant(entry, verdict, context) : refuse(entry, verdict, context);
}

function grant(entry: Entry, { devices }: Verdict & { kind: 'grant' }, context: BatchContext): Decision {
  const { cache, books, place } = context;
  const overhead = entry.asked.kind === 'readable' ? entry.asked.overheadMemoryBytes : 0n;
  const given = grantedDevices(devices, context.devices);
  const status = claimed(entry.claim, context, overhead, given, new Date(context.nowMs));
  const { message } = claimedWords(place.nodeName, context.untracked);
  const outcome = { phase: 'Claimed', reasons: [], message } as const;
  const decision = decisionOf(entry, status, outcome, true);
  books.hold(entry);
  // Who waits for the same instance is to be refused, wherever it stands.
  for (const rival of cache.byInstance(instanceIdOf(entry.claim))) cache.undecided.refresh(rival);
  return decision;
}

function refuse(entry: Entry, { reasons, message }: Grounds, { settings, nowMs }: BatchContext): Decision {
  const now = new Date(nowMs);
  const grounds = { reasons, message };
  if (entry.claim.spec.schedulerName === undefined) {
    return decisionOf(entry, ended(entry.claim, 'Rejected', grounds, now), { phase: 'Rejected', ...grounds });
  }
  return decisionOf(entry, attempted(entry.claim, settings.nodeName, grounds, now), { phase: 'Attempted', ...grounds });
}

function expiration(entry: Entry, { nowMs }: BatchContext): Decision {
  const grounds: Grounds = {
    reasons: ['Expired'],
    message: `the instance did not appear within ${entry.claim.spec.expirationSeconds ?? 0} s of the grant`,
  };
  return decisionOf(entry, ended(entry.claim, 'Expired', grounds, new Date(nowMs)), { phase: 'Expired', ...grounds });
}

function decisionOf(
  entry: Entry,
  status: InstanceClaimStatus,
  outcome: Pick<Outcome, 'phase' | 'reasons' | 'message'>,
  takes = false,
): Decision {
  const write = writeOf(entry, status, 'decision', { takes, outcome: { ref: entry.ref, ...outcome } });
  return { entry, write };
}

/** Puts a write under way: until it is answered, its entry is left alone. */
export function writeOf(
  entry: Entry,
  status: InstanceClaimStatus,
  purpose: PendingWrite['purpose'],
  more: Partial<Pick<PendingWrite, 'takes' | 'outcome'>> = {},
): PendingWrite {
  const { apiVersion, metadata, spec } = entry.claim;
  const claim: InstanceClaim = { apiVersion, kind: CLAIM_KIND, metadata, spec, status };
  const write: PendingWrite = {
    purpose,
    claim,
    takes: false,
    unanswered: false,
    conflicted: false,
    due: false,
    ...more,
  };
  entry.write = write;
  return write;
}

/** The figures in the message move with every claim; only other reasons, or a changed claim, are news. */
function isTold({ claim }: Entry, { reasons }: Grounds): boolean {
  const told = findCondition(claim.status?.conditions, 'Claimed');
  return told?.reason === reasons.join(',') && told.observedGeneration === claim.metadata.generation;
}

function noteOf(entry: Entry, grounds: Grounds, { nowMs }: BatchContext): Decision {
  return { entry, write: writeOf(entry, waiting(entry.claim, grounds, new Date(nowMs)), 'refresh') };
}

/** Ends claims that were granted and whose instance did not come in time. Collects when the next ones are due. */
function expire(context: BatchContext, due: number[]): Decision[] {
  // No instance is seen then, so none can be said not to have come.
  if (context.untracked !== undefined) return [];
  const { cache, instances, nowMs, room, roomBytes } = context;
  const decisions: Decision[] = [];
  let { retryRoom } = context;
  for (const uid of cache.expiring) {
    if (decisions.length >= room || sizeOfAll(decisions) + MAX_REF_BYTES > roomBytes) break;
    const entry = cache.get(uid);
    if (entry === undefined || isBusy(entry) || instances.of(entry) !== undefined) continue;
    const atMs = expiryOf(entry.claim);
    if (atMs === undefined) continue;
    const isRetry = entry.isFailing && nowMs >= atMs;
    if (isRetry && retryRoom <= 0) continue;
    if (isRetry) retryRoom -= 1;
    if (nowMs >= atMs) decisions.push(expiration(entry, context));
    else due.push(atMs);
  }
  return decisions;
}

/** In `deciding`. */
function sizeOfAll(decisions: readonly Decision[]): number {
  return decisions.reduce((sum, { entry }) => sum + sizeOf(entry.ref), 0);
}

function expiryOf({ spec, status }: InstanceClaim): number | undefined {
  const grantedAtMs = timeOf(findCondition(status?.conditions, 'Claimed')?.lastTransitionTime);
  return spec.expirationSeconds === undefined || grantedAtMs === undefined
    ? undefined
    : endOfMs(grantedAtMs, spec.expirationSeconds);
}
