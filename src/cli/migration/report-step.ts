/** What an executor's report does to a Migration. Pure. */
import { findCondition, setCondition } from '../../api/conditions.ts';
import type { Migration } from '../../api/generated/v1alpha1.ts';
import { isOver, phaseOf } from '../../protocol/migration-facts.ts';
import type { Change } from './change.ts';
import { hasReached, nextPhases } from './phases.ts';

/** The phases that an executor may report. */
export const REPORTS = ['Migrating', 'PostMigrating', 'Finished', 'Failed'] as const;
export type Report = (typeof REPORTS)[number];

/** The executor's own condition: True once it has done its part. */
const EXECUTED = 'Executed';

/** `post-migrating` or `PostMigrating`. Throws an Error that says what to write. */
export function reportOf(word: string): Report {
  const folded = word.toLowerCase().replaceAll('-', '');
  const report = REPORTS.find((phase) => phase.toLowerCase() === folded);
  if (report !== undefined) return report;
  throw new Error(`the phase must be one of migrating, post-migrating, finished, failed (given: ${word.slice(0, 80)})`);
}

/**
 * The next status. A Migration that is in the phase, or beyond it, needs nothing: an executor may repeat its reports from the start, and an agent
 * that has seen the instance move may be ahead of it. A message goes into the condition, also while the phase stays.
 */
export function reportStep(migration: Migration, report: Report, message: string | undefined, now: Date): Change {
  const phase = phaseOf(migration);
  if (phase === report) return isTold(migration, message) ? { kind: 'already' } : told(migration, report, message, now);
  if (report !== 'Failed' && hasReached(phase, report)) return { kind: 'already' };
  if (nextPhases(phase).includes(report)) return told(migration, report, message, now);
  return { kind: 'refused', words: whyNot(migration, report) };
}

/** Whether there is nothing new in the message; one that is absent never is. */
function isTold({ status }: Migration, message: string | undefined): boolean {
  return message === undefined || findCondition(status?.conditions, EXECUTED)?.message === message;
}

function told(migration: Migration, phase: Report, message: string | undefined, now: Date): Change {
  const { metadata, status } = migration;
  const condition = {
    type: EXECUTED,
    status: phase === 'Finished' ? 'True' : 'False',
    reason: phase,
    message: message ?? '',
    observedGeneration: metadata.generation ?? 0,
  } as const;
  const conditions = setCondition(status?.conditions, condition, now);
  return { kind: 'status', migration: { ...migration, status: { ...status, phase, conditions } } };
}

function whyNot(migration: Migration, report: Report): string {
  const phase = phaseOf(migration);
  if (isOver(migration)) return `that is its end, it cannot become ${report} any more`;
  if (phase === 'Pending')
    return 'the agent of its target has not taken it up yet, so nothing is held there; wait for that with --wait=PreMigrating';
  const [next = ''] = nextPhases(phase);
  return `it can become ${nextPhases(phase).join(' or ')} only; report ${next} first`;
}
