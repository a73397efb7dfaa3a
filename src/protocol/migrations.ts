/**
 * Carries out the migrations that concern this node. As their target it takes them up, moves the claim and ends them; as their source it undoes
 * them when the target's agent is dead. Locks, moves and ends are decisions on claims, written like grants.
 */
import { findCondition } from '../api/conditions.ts';
import type {
  Flavor,
  InstanceClaim,
  InstanceClaimStatus,
  Migration,
  MigrationLock,
  MigrationStatus,
} from '../api/generated/v1alpha1.ts';
import { NOTHING } from '../ledger/amounts.ts';
import { type DecidingContext, type Decision, releasesToCome, writeOf } from './batch.ts';
import { type Entry, isBusy } from './claim-cache.ts';
import { concerns } from './claim-facts.ts';
import type { ClaimRequests } from './claim-requests.ts';
import type { Effect, MigrationOutcome } from './messages.ts';
import type { MigrationCache, MigrationEntry } from './migration-cache.ts';
import { isOver, phaseOf, sightOf } from './migration-facts.ts';
import { type MigrationStep, sourceStep, targetStep, unlockedStep } from './migration-plan.ts';
import { concluded, locked, moved, noted, preMigrating, progressed, rejected, unlocked } from './migration-status.ts';
import { judgeMigration, type MigrationVerdict, tellsDeadTarget } from './migration-verdict.ts';
import type { Peers, Pulse } from './peers.ts';
import { readableAmounts } from './readable.ts';
import { isNewer } from './resource-version.ts';
import { otherHolder } from './rivals.ts';
import { mostRetrying, mostTelling } from './settings.ts';
import { MIGRATION_SOURCES, selectsMigration } from './sources.ts';
import { MAX_REF_BYTES, sizeOf } from './status-size.ts';
import { byAge } from './turns.ts';
import type { Grounds } from './verdict.ts';

export interface MigrationContext extends DecidingContext {
  readonly requests: ClaimRequests;
  readonly migrations: MigrationCache;
  readonly peers: Peers;
}

export interface MigrationRound {
  /** Of claims, to be named in `deciding` and written once ComputeNode is. What is locked is in the ledger already. */
  readonly decisions: readonly Decision[];
  /** To be performed at once: they change nothing that is held. */
  readonly effects: readonly Effect[];
  readonly dueMs?: number;
}

/** What the source cannot watch is read so often. */
const REREAD_MS = 5_000;

/** Takes every migration as far as it can go now: those that have begun first, then new ones, the oldest first. */
export function migrate(context: MigrationContext): MigrationRound {
  const round = new Round(context);
  round.run();
  const looks = context.peers.looks(context.nowMs);
  const lookMs = context.peers.dueMs(context.nowMs);
  const due = lookMs === undefined ? round.due : [...round.due, lookMs];
  return {
    decisions: round.decisions,
    effects: [...round.effects, ...looks],
    ...(due.length > 0 && { dueMs: Math.min(...due) }),
  };
}

/** Forgets all that is over, but for what a claim is locked for. To be done also while nothing is decided: they come and go then, too. */
export function forgetEnded({
  cache,
  migrations,
  settings,
}: Pick<MigrationContext, 'cache' | 'migrations' | 'settings'>): void {
  const locks = new Set([...cache.locked].map((uid) => cache.get(uid)?.claim.status?.migration?.uid));
  migrations.keep(
    ({ migration }) =>
      !isOver(migration) && MIGRATION_SOURCES.some((source) => selectsMigration(source, migration, settings.nodeName)),
    (uid) => locks.has(uid),
  );
}

class Round {
  readonly decisions: Decision[] = [];
  readonly effects: Effect[] = [];
  readonly due: number[] = [];
  readonly #context: MigrationContext;
  readonly #now: Date;
  /** Claims by the migration that they are locked for. */
  readonly #locked = new Map<string, { readonly entry: Entry; readonly lock: MigrationLock }>();
  readonly #releases: readonly string[];
  #roomBytes: number;
  #tellingRoom: number;
  /** What the API server does not accept is tried again beside all others, so that it takes nobody's place. */
  #retryRoom: number;

  constructor(context: MigrationContext) {
    this.#context = context;
    this.#now = new Date(context.nowMs);
    this.#roomBytes = context.roomBytes;
    this.#releases = releasesToCome(context);
    this.#tellingRoom = mostTelling(context.settings) - context.migrations.busy();
    this.#retryRoom = mostRetrying(context.settings) - context.migrations.retrying();
    for (const uid of context.cache.locked) {
      const entry = context.cache.get(uid);
      const lock = entry?.claim.status?.migration;
      if (entry !== undefined && lock !== undefined) this.#locked.set(lock.uid, { entry, lock });
    }
  }

  run(): void {
    const { migrations } = this.#context;
    for (const { entry, lock } of this.#locked.values()) if (!isBusy(entry)) this.#goOn(entry, lock);
    const others = [...migrations.entries()].filter(({ ref, isBusy: busy }) => !busy && !this.#locked.has(ref.uid));
    for (const entry of others.filter(({ migration }) => phaseOf(migration) !== 'Pending')) this.#conclude(entry);
    this.#takeUpSome();
    migrations.lookUpsSent();
    forgetEnded(this.#context);
  }

  // --- those that a claim is locked for -------------------------------------------------------------------------------

  #goOn(claim: Entry, lock: MigrationLock): void {
    const { migrations, settings } = this.#context;
    const entry = migrations.get(lock.uid);
    if (entry === undefined && !migrations.isGone(lock.uid)) {
      this.effects.push(...migrations.seek(lock, claim.ref.namespace));
      return;
    }
    if (entry?.isBusy === true) return;
    if (lock.targetNodeName === settings.nodeName) this.#asTarget(claim, lock, entry);
    else this.#asSource(claim, lock, entry);
  }

  #asTarget(claim: Entry, lock: MigrationLock, entry: MigrationEntry | undefined): void {
    const { untracked, instances } = this.#context;
    const sight = untracked === undefined ? sightOf(claim.claim, instances.of(claim)) : 'Unknown';
    const migration = entry && { migration: entry.migration };
    this.#perform(targetStep({ ...migration, lock, sight }), claim, lock, entry);
  }

  #asSource(claim: Entry, lock: MigrationLock, entry: MigrationEntry | undefined): void {
    const { peers, instances, nowMs } = this.#context;
    const pulse = peers.pulseOf(lock.targetNodeName, nowMs);
    if (entry !== undefined) this.#tellOfTarget(entry, lock.targetNodeName, pulse);
    if (pulse !== 'Dead' || entry?.isBusy === true) return;
    const isHere = instances.of(claim) !== undefined;
    const migration = entry && { migration: entry.migration };
    this.#perform(sourceStep({ ...migration, lock, isHere }), claim, lock, entry);
    if (entry !== undefined && phaseOf(entry.migration) === 'Pending') this.#reread(entry);
  }

  /** Before it is PreMigrating no watch of the source shows a migration. */
  #reread(entry: MigrationEntry): void {
    const atMs = entry.seenAtMs + REREAD_MS;
    if (this.#context.nowMs >= atMs) this.effects.push(...this.#context.migrations.read(entry));
    else this.due.push(atMs);
  }

  #tellOfTarget(entry: MigrationEntry, nodeName: string, pulse: Pulse): void {
    const { migration } = entry;
    if (migration.status?.sourceNodeName === undefined || isOver(migration)) return;
    const isToldDead = tellsDeadTarget(migration);
    if (pulse === 'Dead' && !isToldDead) this.#note(entry, 'TargetAlive', false, targetDead(nodeName));
    if (pulse === 'Alive' && isToldDead) this.#note(entry, 'TargetAlive', true, targetAlive(nodeName));
  }

  // --- those that no claim is locked for ------------------------------------------------------------------------------

  /** It has begun, and the lock is gone: only its end is to be told. */
  #conclude(entry: MigrationEntry): void {
    const { settings, peers, nowMs } = this.#context;
    const { migration } = entry;
    if (isOver(migration)) return;
    const { targetNodeName } = migration.spec;
    if (targetNodeName !== settings.nodeName && peers.pulseOf(targetNodeName, nowMs) !== 'Dead') return;
    const claim = this.#claimOf(entry);
    if (claim === 'asking') return;
    delete entry.lookup;
    const isGone = claim?.metadata.uid !== migration.status?.claimUID;
    if (!isGone && claim !== undefined && this.#isLockToCome(claim, entry)) return;
    this.#perform(unlockedStep(migration, isGone), undefined, undefined, entry);
  }

  /** Our watch is behind, and this claim was looked up: it is gone on with as if the watch had told. */
  #isLockToCome(claim: InstanceClaim, { ref }: MigrationEntry): boolean {
    const { settings, requests, nowMs } = this.#context;
    const { phase, migration: lock } = claim.status ?? {};
    if (phase !== 'Claimed' || lock?.uid !== ref.uid || !concerns(claim, settings.nodeName)) return false;
    this.effects.push(...requests.seen(claim, nowMs));
    this.due.push(nowMs);
    return true;
  }

  /** The claim of its name as it is now: a watched one, or one that is read for it. Undefined: there is none. Asking: it is not known yet. */
  #claimOf(entry: MigrationEntry): InstanceClaim | undefined | 'asking' {
    const { cache, settings } = this.#context;
    const known = cache.byName(entry.ref.namespace, entry.migration.spec.claimName);
    if (entry.lookup === undefined && known !== undefined && concerns(known.claim, settings.nodeName))
      return known.claim;
    if (entry.lookup === 'asking' || (known !== undefined && isBusy(known))) return 'asking';
    if (entry.lookup?.kind === 'ok') return entry.lookup.object;
    if (entry.lookup?.kind === 'missing') return undefined;
    this.#lookUp(entry);
    return 'asking';
  }

  #lookUp(entry: MigrationEntry): void {
    if (this.#tellingRoom <= 0) return;
    const asked = this.#context.migrations.lookUp(entry);
    this.#tellingRoom -= asked.length;
    this.effects.push(...asked);
  }

  /**
   * Takes up as many new ones as can be looked up and told, the oldest first. Where there are more, namespaces take turns, so that nobody's
   * flood comes before everybody else's (ADR 0007). One that has to wait takes nobody's place.
   */
  #takeUpSome(): void {
    const { pending } = this.#context.migrations;
    let hasWaiting: boolean;
    do {
      const some = pending.take(Math.max(this.#tellingRoom, 0), (entry) => this.#isFree(entry));
      for (const entry of some.sort(byAge)) this.#takeUp(entry);
      hasWaiting = some.some(({ waitsForPulseOf }) => waitsForPulseOf !== undefined);
    } while (hasWaiting);
  }

  #isFree({ isBusy: busy, isFailing, lookup, ref, waitsForPulseOf: nodeName }: MigrationEntry): boolean {
    const { peers, nowMs } = this.#context;
    if (busy || lookup === 'asking' || this.#locked.has(ref.uid)) return false;
    if (isFailing && this.#retryRoom <= 0) return false;
    return nodeName === undefined || peers.pulseOf(nodeName, nowMs) !== 'Unknown';
  }

  #takeUp(entry: MigrationEntry): void {
    const { migration } = entry;
    delete entry.waitsForPulseOf;
    if (migration.spec.decision === 'Abort') {
      const aborted = { reasons: ['Aborted'], message: 'spec.decision is Abort' };
      this.#perform({ kind: 'conclude', phase: 'Failed', grounds: aborted }, undefined, undefined, entry);
      return;
    }
    const claim = this.#claimOf(entry);
    if (claim === 'asking') return;
    const known = claim && this.#entryOf(claim);
    if (known !== undefined && isBusy(known)) return;
    const verdict = judgeMigration(migration, known?.claim, this.#circumstances(known));
    if (verdict.kind === 'wait') {
      entry.waitsForPulseOf = verdict.forPulseOf;
      return;
    }
    if (verdict.kind === 'refuse' && this.#isTooSoon(entry, verdict)) return;
    delete entry.lookup;
    if (verdict.kind === 'refuse') this.#reject(entry, verdict, known);
    else if (known !== undefined && this.decisions.length < Math.ceil(this.#context.room / 2))
      this.#decide(known, locked(known.claim, migration, verdict.berth), true);
  }

  /**
   * A refusal is final, and watches of claims may be behind those of migrations: what speaks against the claim is looked up first, and what is
   * being given back is waited for.
   */
  #isTooSoon(entry: MigrationEntry, { isOfClaim }: MigrationVerdict & { kind: 'refuse' }): boolean {
    if (isOfClaim !== true) {
      const { resourceVersion } = entry.migration.metadata;
      return this.#releases.some((leftAt) => isNewer(resourceVersion, leftAt));
    }
    if (entry.lookup !== undefined) return false;
    this.#lookUp(entry);
    return true;
  }

  /** Also of a claim that does not concern this node yet. */
  #entryOf(claim: InstanceClaim): Entry | undefined {
    const { cache, requests, nowMs } = this.#context;
    this.effects.push(...requests.seen(claim, nowMs));
    return cache.get(claim.metadata.uid ?? '');
  }

  #circumstances(entry: Entry | undefined) {
    const { settings, books, devices, unschedulable, untracked, peers, nowMs, instances } = this.#context;
    const instance = entry && instances.of(entry);
    const claimedBy = entry && otherHolder(entry, this.#context);
    return {
      settings,
      ledger: books.ledger,
      devices,
      unschedulable,
      isTracked: untracked === undefined,
      pulseOf: (nodeName: string) => peers.pulseOf(nodeName, nowMs),
      ...(instance !== undefined && { instance }),
      ...(claimedBy !== undefined && { claimedBy }),
      isOrphan: instance !== undefined && books.isOrphan(instance),
    };
  }

  #reject(entry: MigrationEntry, grounds: Grounds, claim: Entry | undefined): void {
    this.#tell(entry, rejected(entry.migration, grounds, this.#now), grounds);
    if (claim !== undefined) this.#context.requests.release(claim);
  }

  // --- steps ----------------------------------------------------------------------------------------------------------

  #perform(
    step: MigrationStep,
    claim: Entry | undefined,
    lock: MigrationLock | undefined,
    entry: MigrationEntry | undefined,
  ): void {
    if (entry !== undefined) this.#performOnMigration(step, claim, lock, entry);
    if (claim === undefined || lock === undefined) return;
    const { place } = this.#context;
    const overheadBytes = this.#overheadOf(lock.newFlavor);
    if (step.kind === 'move') this.#decide(claim, moved(claim.claim, lock, place, overheadBytes));
    if (step.kind === 'end') this.#decide(claim, unlocked(claim.claim, lock, step.at, place, overheadBytes));
  }

  #performOnMigration(
    step: MigrationStep,
    claim: Entry | undefined,
    lock: MigrationLock | undefined,
    entry: MigrationEntry,
  ): void {
    const { migration } = entry;
    switch (step.kind) {
      case 'own':
        if (claim !== undefined) this.#own(entry, claim);
        break;
      case 'open':
        if (claim !== undefined && lock !== undefined) this.#open(entry, claim, lock);
        break;
      case 'progress':
        this.#tell(entry, progressed(migration, step.phase));
        break;
      case 'conclude':
        this.#tell(entry, concluded(migration, step.phase, step.grounds, this.#now), step.grounds);
        break;
      case 'wait':
        this.#note(entry, 'Succeeded', undefined, step.grounds);
        break;
      default:
        break;
    }
  }

  #open(entry: MigrationEntry, claim: Entry, lock: MigrationLock): void {
    const overheadBytes = this.#overheadOf(lock.newFlavor);
    this.#tell(entry, preMigrating(entry.migration, claim.claim, lock, this.#context, overheadBytes, this.#now));
  }

  #own(entry: MigrationEntry, claim: Entry): void {
    if (!this.#mayTell(entry)) return;
    const { migration } = entry;
    const { apiVersion, kind } = claim.claim;
    const owner = { apiVersion, kind, name: claim.ref.name, uid: claim.ref.uid };
    const ownerReferences = [...(migration.metadata.ownerReferences ?? []), owner];
    entry.isBusy = true;
    this.effects.push({
      kind: 'ownMigration',
      ref: entry.ref,
      migration: { ...migration, metadata: { ...migration.metadata, ownerReferences } },
    });
  }

  /** True, false or, as long as it waits for somebody, unknown. */
  #note(entry: MigrationEntry, type: string, isTrue: boolean | undefined, { reasons, message }: Grounds): void {
    const status = isTrue === undefined ? 'Unknown' : isTrue ? 'True' : 'False';
    const reason = reasons.join(',');
    const told = findCondition(entry.migration.status?.conditions, type);
    if (told?.status === status && told.message === message) return;
    this.#tell(entry, noted(entry.migration, { type, status, reason, message }, this.#now));
  }

  #mayTell(entry: MigrationEntry): boolean {
    if (entry.isBusy || (entry.isFailing ? this.#retryRoom : this.#tellingRoom) <= 0) return false;
    if (entry.isFailing) this.#retryRoom -= 1;
    else this.#tellingRoom -= 1;
    return true;
  }

  #tell(entry: MigrationEntry, status: MigrationStatus, grounds?: Grounds): void {
    if (!this.#mayTell(entry)) return;
    const { migration, ref } = entry;
    const { phase = 'Pending' } = status;
    if (phase !== phaseOf(migration)) entry.outcome = outcomeOf(migration, ref, phase, grounds);
    entry.isBusy = true;
    this.effects.push({ kind: 'writeMigration', ref, migration: { ...migration, status } });
  }

  #decide(entry: Entry, status: InstanceClaimStatus, takes = false): void {
    const { books, room, cache, requests, settings } = this.#context;
    if (entry.isFailing && requests.retrying() >= mostRetrying(settings)) return;
    if (this.decisions.length >= room || this.#roomBytes < MAX_REF_BYTES) return;
    this.#roomBytes -= sizeOf(entry.ref);
    const write = writeOf(entry, status, 'decision', { takes });
    cache.becameBusy(entry);
    if (takes) books.hold(entry);
    this.decisions.push({ entry, write });
  }

  #overheadOf(flavor: Flavor | undefined): bigint {
    return this.#context.settings.overheadMemoryBytes(readableAmounts(flavor) ?? NOTHING);
  }
}

function outcomeOf(
  { spec }: Migration,
  ref: MigrationOutcome['ref'],
  phase: MigrationOutcome['phase'],
  grounds: Grounds | undefined,
): MigrationOutcome {
  const message = grounds?.message ?? `${spec.type} of ${spec.claimName} to ${spec.targetNodeName}: ${phase}`;
  return { ref, phase, reasons: grounds?.reasons ?? [], message };
}

function targetDead(nodeName: string): Grounds {
  return {
    reasons: ['LeaseExpired'],
    message: `the agent of ${nodeName} does not renew its Lease: nothing goes on there; Revert, Abort and deletion are carried out by the source's agent`,
  };
}

function targetAlive(nodeName: string): Grounds {
  return { reasons: ['LeaseRenewed'], message: `the agent of ${nodeName} renews its Lease` };
}
