/**
 * The next step of a migration, from what is known of it now. Level-based: whoever comes to a migration midway, after a crash or a
 * take-over, finds the same step. What is held follows from the lock on the claim alone; the steps on the claim (`move`, `end`) are
 * decisions, and what the Migration tells follows them. Pure.
 */
import type { Migration, MigrationLock, MigrationPhase } from '../api/generated/v1alpha1.ts';
import { confirmsItself, isOver, phaseOf, type Sight } from './migration-facts.ts';
import type { EndsAt } from './migration-status.ts';
import type { Grounds } from './verdict.ts';

/** Why a migration's end is told. */
export type Conclusion = 'Confirmed' | 'Reverted' | 'Failed';

export type MigrationStep =
  | { readonly kind: 'none' }
  /** The claim is to become its owner, so that its deletion ends the migration, too. */
  | { readonly kind: 'own' }
  /** Both sides are held: tell executors so. */
  | { readonly kind: 'open' }
  | { readonly kind: 'progress'; readonly phase: MigrationPhase }
  | { readonly kind: 'conclude'; readonly phase: Conclusion; readonly grounds: Grounds }
  /** It waits for somebody else: who that is. */
  | { readonly kind: 'wait'; readonly grounds: Grounds }
  /** Node, flavor and devices of the claim change sides. */
  | { readonly kind: 'move' }
  /** The lock is taken away. */
  | { readonly kind: 'end'; readonly at: EndsAt };

const NONE: MigrationStep = { kind: 'none' };

/** A claim that is locked for a migration, seen from one of its nodes. */
export interface Locked {
  /** Absent: it was deleted. */
  readonly migration?: Migration;
  readonly lock: MigrationLock;
  /** Of the instance, on this node. */
  readonly sight: Sight;
}

/** On the target, which is in charge of it. */
export function targetStep({ migration, lock, sight }: Locked): MigrationStep {
  // Deleted midway: the claim stays where it says, unless the instance runs here by now.
  if (migration === undefined) return { kind: 'end', at: sight === 'Arrived' ? 'Target' : 'AsIs' };
  const hasArrived = lock.arrived === true;
  switch (phaseOf(migration)) {
    case 'Pending':
      return isAborted(migration) ? conclude('Failed', ABORTED) : { kind: isOwned(migration) ? 'open' : 'own' };
    case 'PreMigrating':
      if (sight === 'Arriving' || sight === 'Arrived') return { kind: 'progress', phase: 'Migrating' };
      return isAborted(migration) ? conclude('Failed', ABORTED) : NONE;
    case 'Migrating':
      if (sight === 'Arrived') return { kind: 'progress', phase: 'PostMigrating' };
      return isAborted(migration) ? { kind: 'wait', grounds: ABORTING } : NONE;
    case 'PostMigrating':
      return hasArrived ? { kind: 'progress', phase: 'Finished' } : { kind: 'move' };
    case 'Finished':
      return hasArrived ? decidedStep(migration, sight) : { kind: 'move' };
    case 'Confirmed':
      return { kind: 'end', at: 'Target' };
    case 'Reverted':
      return { kind: 'end', at: 'Source' };
    case 'Rejected':
    case 'Failed':
      return { kind: 'end', at: sight === 'Arrived' ? 'Target' : 'Source' };
  }
}

/** Finished, and the claim has moved: what was decided is done. The way back is the executor's, too; it is over when nothing of it runs here. */
function decidedStep(migration: Migration, sight: Sight): MigrationStep {
  const { decision } = migration.spec;
  if (confirmsItself(migration) || decision === 'Confirm') return { kind: 'end', at: 'Target' };
  if (decision === undefined) return NONE;
  if (sight === 'Unknown') return { kind: 'wait', grounds: BLIND };
  return sight === 'Arrived' ? { kind: 'wait', grounds: REVERTING } : { kind: 'end', at: 'Source' };
}

/**
 * On the source, and only while the target's agent is dead: what undoes a migration. `isHere`: the hypervisor of the source
 * has the instance. What would leave the instance on the target waits for that agent.
 */
export function sourceStep({
  migration,
  lock,
  isHere,
}: Omit<Locked, 'sight'> & { readonly isHere: boolean }): MigrationStep {
  if (migration === undefined) return { kind: 'end', at: 'AsIs' };
  const undone: MigrationStep = { kind: 'end', at: lock.arrived === true && !isHere ? 'AsIs' : 'Source' };
  switch (phaseOf(migration)) {
    case 'Rejected':
    case 'Failed':
      return undone;
    case 'Reverted':
      return { kind: 'end', at: 'Source' };
    case 'Pending':
      return isAborted(migration) ? undone : NONE;
    case 'PreMigrating':
      return isAborted(migration) ? conclude('Failed', ABORTED) : NONE;
    case 'Finished':
      return wantsBack(migration) && isHere ? { kind: 'end', at: 'Source' } : NONE;
    default:
      return NONE;
  }
}

/** No claim is locked for it any more, and it has begun: how it ended follows from how far it was, and what was decided. */
export function unlockedStep(migration: Migration, isClaimGone: boolean): MigrationStep {
  if (isOver(migration) || phaseOf(migration) === 'Pending') return NONE;
  const { decision } = migration.spec;
  if (phaseOf(migration) !== 'Finished') return conclude('Failed', isClaimGone ? CLAIM_GONE : UNLOCKED);
  if (decision === 'Revert') return conclude('Reverted', REVERTED);
  if (decision === 'Abort' && !confirmsItself(migration)) return conclude('Failed', ABORTED);
  if (confirmsItself(migration) || decision === 'Confirm') return conclude('Confirmed', CONFIRMED);
  return conclude('Failed', isClaimGone ? CLAIM_GONE : UNLOCKED);
}

function conclude(phase: Conclusion, grounds: Grounds): MigrationStep {
  return { kind: 'conclude', phase, grounds };
}

function isAborted({ spec }: Migration): boolean {
  return spec.decision === 'Abort';
}

function wantsBack(migration: Migration): boolean {
  const { decision } = migration.spec;
  return !confirmsItself(migration) && (decision === 'Revert' || decision === 'Abort');
}

/** By whichever claim: there is one lock, and who has it put the owner in. */
function isOwned({ metadata }: Migration): boolean {
  return metadata.ownerReferences?.some(({ kind }) => kind === 'InstanceClaim') === true;
}

const grounds = (reason: string, message: string): Grounds => ({ reasons: [reason], message });

const ABORTED = grounds('Aborted', 'spec.decision is Abort');
const ABORTING = grounds(
  'WaitsForExecutor',
  'spec.decision is Abort: both nodes hold until the executor has stopped the move and reports Failed',
);
const REVERTING = grounds(
  'WaitsForExecutor',
  'both nodes hold until the instance runs on the target (or with the new flavor) no more',
);
const BLIND = grounds(
  'WaitsForExecutor',
  "the target's hypervisor cannot tell whether the instance runs there: both nodes hold until the executor reports Failed",
);
const REVERTED = grounds('Reverted', 'the claim is as it was before');
const CONFIRMED = grounds('Confirmed', 'the claim keeps the target and the new flavor');
const CLAIM_GONE = grounds('ClaimDeleted', 'the InstanceClaim was deleted');
const UNLOCKED = grounds('LockLost', 'the InstanceClaim is not held for this migration any more');
