/** Step 1 of a group commit: decides what is undecided, oldest first, and words what step 3 is to write. */

import { findCondition } from '../api/conditions.ts';
import type { InstanceClaim, InstanceClaimStatus } from '../api/generated/v1alpha1.ts';
import type { PciDevice } from '../ledger/types.ts';
import type { Books } from './books.ts';
import { type ClaimCache, type Entry, isBusy, type PendingWrite } from './claim-cache.ts';
import { CLAIM_KIND, instanceIdOf } from './claim-facts.ts';
import { attempted, claimed, ended, grantedDevices, type Place, waiting } from './claim-status.ts';
import { heldFor, orphanKey } from './held.ts';
import type { Instances } from './instances.ts';
import type { Outcome } from './messages.ts';
import { isNewer } from './resource-version.ts';
import type { TrackerSettings } from './settings.ts';
import { type Circumstances, type Grounds, judge, type Verdict } from './verdict.ts';

/** What deciding needs to know. */
export interface BatchContext {
  readonly settings: TrackerSettings;
  readonly cache: ClaimCache;
  readonly books: Books;
  readonly instances: Instances;
  readonly place: Place;
  readonly devices: ReadonlyMap<string, PciDevice>;
  readonly unschedulable: boolean;
  readonly nowMs: number;
  /** How many decisions there is room for in `deciding`. */
  readonly room: number;
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

/** Decides everything that can be decided now. Grants are in the ledger when it returns. */
export function decideBatch(context: BatchContext): Batch {
  const decisions: Decision[] = [];
  const notes: Decision[] = [];
  const due: number[] = [];
  for (const entry of expirable(context, due)) {
    if (decisions.length >= context.room) break;
    decisions.push(expire(entry, context));
  }
  const releases = releasesToCome(context);
  let queued = false;
  for (const entry of candidates(context)) {
    if (decisions.length >= context.room) break;
    const waits = entry.claim.spec.whenInsufficient === 'Wait';
    if (isBusy(entry)) {
      queued ||= waits && entry.write?.purpose !== 'decision';
      continue;
    }
    const deadlineMs = waitDeadline(entry);
    const verdict = judge(
      entry.claim,
      entry.asked,
      context.books.ledger,
      circumstances(entry, context, queued, deadlineMs),
    );
    if (verdict.kind === 'refuse' && releases.some((leftAt) => isNewer(entry.claim.metadata.resourceVersion, leftAt)))
      continue;
    if (verdict.kind === 'wait') {
      queued = true;
      if (deadlineMs !== undefined) due.push(deadlineMs);
      const note = noteOf(entry, verdict, context);
      if (note !== undefined) notes.push(note);
    } else decisions.push(decide(entry, verdict, context));
  }
  for (const { entry } of decisions) context.cache.becameBusy(entry);
  return { decisions, notes, ...(due.length > 0 && { dueMs: Math.min(...due) }) };
}

/** Undecided claims that this node is to decide, oldest first: creation time, then UID. */
function candidates({ cache, settings }: BatchContext): Entry[] {
  const entries: Entry[] = [];
  for (const uid of cache.undecided) {
    const entry = cache.get(uid);
    if (entry !== undefined && isOurs(entry.claim, settings.nodeName)) entries.push(entry);
  }
  return entries.sort((a, b) => a.createdAtMs - b.createdAtMs || (a.ref.uid < b.ref.uid ? -1 : 1));
}

/**
 * When claims left our watch that still hold until a read proves that they are gone. Who deletes a claim and then creates another one
 * must not be refused for want of what the first one held: a refusal of what came after waits for that read.
 */
function releasesToCome({ cache, books }: BatchContext): string[] {
  const entries = [...cache.busy()].filter(({ ref, reading }) => reading && books.holds(ref.uid));
  return entries.flatMap(({ leftAt }) => leftAt ?? []);
}

function isOurs({ spec, status, metadata }: InstanceClaim, nodeName: string): boolean {
  if (spec.nodeName !== nodeName || metadata.deletionTimestamp !== undefined) return false;
  // An attempt here that is the last one waits for its scheduler.
  return status?.attempts?.at(-1)?.nodeName !== nodeName;
}

function circumstances(
  entry: Entry,
  context: BatchContext,
  queued: boolean,
  deadlineMs: number | undefined,
): Circumstances {
  const { settings, books, unschedulable, nowMs } = context;
  const claimedBy = otherHolder(entry, context);
  const instance = context.instances.of(entry);
  const isOrphan = instance !== undefined && books.orphans.some(({ uuid }) => uuid === instance.uuid);
  return {
    nodeName: settings.nodeName,
    unschedulable,
    ...(claimedBy !== undefined && { claimedBy }),
    ...(isOrphan && { orphanKey: orphanKey(instance.uuid) }),
    orphanDevices: isOrphan ? instance.devices : [],
    queued,
    overdue: deadlineMs !== undefined && nowMs >= deadlineMs,
  };
}

function otherHolder(entry: Entry, context: BatchContext): string | undefined {
  for (const other of rivals(entry, context)) {
    if (other !== entry && context.books.holds(other.ref.uid)) return `${other.ref.namespace}/${other.ref.name}`;
  }
  return undefined;
}

/** Claims for the same instance: by its uuid, which may be known from the hypervisor only, and the one that its metadata names. */
function* rivals(entry: Entry, { cache, instances }: BatchContext): Generator<Entry> {
  const id = instanceIdOf(entry.claim);
  yield* cache.byInstance(id);
  const own = instances.of(entry);
  if (own !== undefined && own.uuid !== id) yield* cache.byInstance(own.uuid);
  const wanted = instances.get(id);
  if (wanted === undefined) return;
  // Not where that claim has another instance: a copied domain carries the metadata of its original.
  for (const other of instances.claimsOf(wanted)) if (instances.of(other) === wanted) yield other;
}

function waitDeadline({ claim, createdAtMs }: Entry): number | undefined {
  const { waitSeconds } = claim.spec;
  return waitSeconds === undefined ? undefined : endOf(createdAtMs, waitSeconds);
}

function decide(entry: Entry, verdict: Exclude<Verdict, { kind: 'wait' }>, context: BatchContext): Decision {
  return verdict.kind === 'grant' ? grant(entry, verdict, context) : refuse(entry, verdict, context);
}

function grant(entry: Entry, { devices }: Verdict & { kind: 'grant' }, context: BatchContext): Decision {
  const { settings, books, instances, place } = context;
  const overhead = entry.asked.kind === 'readable' ? entry.asked.overheadMemoryBytes : 0n;
  const given = grantedDevices(devices, context.devices);
  const status = claimed(entry.claim, place, overhead, given, new Date(context.nowMs));
  const holdings = heldFor({ ...entry.claim, status }, settings, instances.of(entry));
  const decision = decisionOf(
    entry,
    status,
    { phase: 'Claimed', reasons: [], message: `claimed on node ${place.nodeName}` },
    holdings,
  );
  books.hold(entry.ref.uid, holdings);
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

function expire(entry: Entry, { nowMs }: BatchContext): Decision {
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
  holdings: PendingWrite['holdings'] = [],
): Decision {
  const write = writeOf(entry, status, 'decision', { holdings, outcome: { ref: entry.ref, ...outcome } });
  return { entry, write };
}

/** Puts a write under way: until it is answered, its entry is left alone. */
export function writeOf(
  entry: Entry,
  status: InstanceClaimStatus,
  purpose: PendingWrite['purpose'],
  more: Partial<Pick<PendingWrite, 'holdings' | 'outcome'>> = {},
): PendingWrite {
  const { apiVersion, metadata, spec } = entry.claim;
  const claim: InstanceClaim = { apiVersion, kind: CLAIM_KIND, metadata, spec, status };
  const write: PendingWrite = { purpose, claim, holdings: [], unanswered: false, conflicted: false, ...more };
  entry.write = write;
  return write;
}

function noteOf(entry: Entry, grounds: Grounds, { nowMs }: BatchContext): Decision | undefined {
  const told = findCondition(entry.claim.status?.conditions, 'Claimed');
  // The figures in the message move with every claim; only other reasons, or a changed claim, are news.
  const isTold =
    told?.reason === grounds.reasons.join(',') && told.observedGeneration === entry.claim.metadata.generation;
  if (isTold) return undefined;
  return { entry, write: writeOf(entry, waiting(entry.claim, grounds, new Date(nowMs)), 'refresh') };
}

/** Claims that were granted and whose instance did not come in time. Collects when the next ones are due. */
function* expirable({ cache, instances, nowMs }: BatchContext, due: number[]): Generator<Entry> {
  for (const uid of cache.expiring) {
    const entry = cache.get(uid);
    if (entry === undefined || isBusy(entry) || instances.of(entry) !== undefined) continue;
    const atMs = expiryOf(entry.claim);
    if (atMs === undefined) continue;
    if (nowMs >= atMs) yield entry;
    else due.push(atMs);
  }
}

function expiryOf({ spec, status }: InstanceClaim): number | undefined {
  const granted = findCondition(status?.conditions, 'Claimed')?.lastTransitionTime;
  if (spec.expirationSeconds === undefined || granted === undefined) return undefined;
  return endOf(Date.parse(granted), spec.expirationSeconds);
}

/** Times in the API are rounded down to whole seconds: what was promised to last so long never ends earlier. */
function endOf(sinceMs: number, seconds: number): number {
  return sinceMs + (seconds + 1) * 1000;
}
