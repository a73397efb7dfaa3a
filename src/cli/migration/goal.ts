/** How far a wait goes, and whether it is there. Pure. */
import type { Migration, MigrationPhase } from '../../api/generated/v1alpha1.ts';
import { isOver, phaseOf } from '../../protocol/migration-facts.ts';
import { hasReached, PHASES, waitsForDecision, wordsOf } from './phases.ts';

/** A phase, or `Done`: the end that its decision asks for, or that somebody has to decide. */
export type Goal = MigrationPhase | 'Done';

/** A phase in whatever case, with or without `-`; empty is `Done`. Throws an Error that says what to write. */
export function goalOf(value: unknown): Goal {
  const word = String(value);
  const folded = word.toLowerCase().replaceAll('-', '');
  const phase = PHASES.find((candidate) => candidate.toLowerCase() === folded);
  if (phase !== undefined) return phase;
  if (folded === '') return 'Done';
  throw new Error(`must be a phase: ${PHASES.join(', ')}`);
}

export type Verdict = { readonly kind: 'reached' } | { readonly kind: 'missed'; readonly words: string };

/** Whether the goal is reached, or cannot be reached any more; undefined while it may be. `migration` undefined: it was deleted. */
export function verdictOn(migration: Migration | undefined, goal: Goal): Verdict | undefined {
  if (migration === undefined) return { kind: 'missed', words: 'it was deleted' };
  const phase = phaseOf(migration);
  const isThere = goal === 'Done' ? isDone(migration) : hasReached(phase, goal);
  if (isThere) return { kind: 'reached' };
  return isOver(migration) ? { kind: 'missed', words: endWords(migration) } : undefined;
}

/** An abort is meant to end in a failure, a revert in a return; whoever decided nothing wants it to go well. */
function isDone(migration: Migration): boolean {
  const phase = phaseOf(migration);
  const { decision } = migration.spec;
  if (decision === 'Abort') return phase === 'Failed' || phase === 'Reverted' || phase === 'Rejected';
  if (decision === 'Revert') return phase === 'Reverted';
  return phase === 'Confirmed' || waitsForDecision(migration);
}

function endWords(migration: Migration): string {
  const words = wordsOf(migration);
  return `it has ended as ${phaseOf(migration)}${words === '' ? '' : `: ${words}`}`;
}
