/** What the phases of a Migration mean for whoever reports, decides or waits. Pure. */
import type { Migration, MigrationPhase } from '../../api/generated/v1alpha1.ts';
import { confirmsItself, phaseOf } from '../../protocol/migration-facts.ts';

/** In order, as long as all goes well. */
const WAY: readonly MigrationPhase[] = [
  'Pending',
  'PreMigrating',
  'Migrating',
  'PostMigrating',
  'Finished',
  'Confirmed',
];
export const PHASES: readonly MigrationPhase[] = [...WAY, 'Reverted', 'Rejected', 'Failed'];

/** What can come next; the API server refuses any other step (crds/migrations.yaml). */
const NEXT: Readonly<Record<MigrationPhase, readonly MigrationPhase[]>> = {
  Pending: ['PreMigrating', 'Rejected', 'Failed'],
  PreMigrating: ['Migrating', 'Failed'],
  Migrating: ['PostMigrating', 'Failed'],
  PostMigrating: ['Finished', 'Failed'],
  Finished: ['Confirmed', 'Reverted', 'Failed'],
  Confirmed: [],
  Reverted: [],
  Rejected: [],
  Failed: [],
};

export function nextPhases(phase: MigrationPhase): readonly MigrationPhase[] {
  return NEXT[phase];
}

/** Whether it is in the phase, or was. One that was Reverted had Finished before. */
export function hasReached(phase: MigrationPhase, wanted: MigrationPhase): boolean {
  if (phase === wanted) return true;
  const at = WAY.indexOf(phase === 'Reverted' ? 'Finished' : phase);
  return WAY.includes(wanted) && at >= WAY.indexOf(wanted);
}

/** Whether it waits for somebody to confirm or revert it. (A live migration or an evacuation confirms itself.) */
export function waitsForDecision(migration: Migration): boolean {
  return phaseOf(migration) === 'Finished' && migration.spec.decision === undefined && !confirmsItself(migration);
}

/** Why it is where it is, as its conditions say; the one that changed last first. Empty where they say nothing. */
export function wordsOf({ status }: Migration): string {
  const told = (status?.conditions ?? []).filter(({ message }) => message !== '');
  const [last] = told.toSorted((one, other) => (one.lastTransitionTime > other.lastTransitionTime ? -1 : 1));
  return last === undefined ? '' : `${last.reason}: ${last.message}`;
}
