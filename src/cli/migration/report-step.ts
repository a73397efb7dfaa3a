/** What an executor's report does to a Migration. Pure. */
import { type ConditionUpdate, findCondition, setCondition } from '../../api/conditions.ts';
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
  if (phase === report && !isTold(migration, message)) return told(migration, report, message, now);
  if (phase === report || (report !== 'Failed' && hasReached(phase, report)))
    return beyond(migration, report, message, now);
  if (nextPhases(phase).includes(report)) return told(migration, report, message, now);
  return { kind: 'refused', words: whyNot(migration, report) };
}

/** An agent that sees the instance arrive goes on by itself: then only that the executor has done its part is news. */
function beyond(migration: Migration, report: Report, message: string | undefined, now: Date): Change {
  const isNews = IS_DONE.has(report) && findCondition(migration.status?.conditions, EXECUTED)?.status === 'False';
  if (!isNews || isOver(migration)) return { kind: 'already' };
  const { status } = migration;
  const conditions = setCondition(status?.conditions, executed(migration, report, message), now);
  return { kind: 'status', migration: { ...migration, status: { ...status, conditions } } };
}

/** Whether there is nothing new in the message; one that is absent never is. */
function isTold({ status }: Migration, message: string | undefined): boolean {
  return message === undefined || findCondition(status?.conditions, EXECUTED)?.message === message;
}

function told(migration: Migration, phase: Report, message: string | undefined, now: Date): Change {
  const { status } = migration;
  const conditions = setCondition(status?.conditions, executed(migration, phase, message), now);
  return { kind: 'status', migration: { ...migration, status: { ...status, phase, conditions } } };
}

/** With the instance on the target, or with its new size, its executor is done, as long as nothing is reverted. */
const IS_DONE: ReadonlySet<Report> = new Set(['PostMigrating', 'Finished']);

function executed({ metadata }: Migration, report: Report, message = ''): ConditionUpdate {
  const status = IS_DONE.has(report) ? 'True' : 'False';
  return { type: EXECUTED, status, reason: report, message, observedGeneration: metadata.generation ?? 0 };
}

function whyNot(migration: Migration, report: Report): string {
  const phase = phaseOf(migration);
  if (isOver(migration)) return `that is its end, it cannot become ${report} any more`;
  if (phase === 'Pending')
    return 'the agent of its target has not taken it up yet, so nothing is held there; wait for that with --wait=PreMigrating';
  const [next = ''] = nextPhases(phase);
  return `it can become ${nextPhases(phase).join(' or ')} only; report ${next} first`;
}
