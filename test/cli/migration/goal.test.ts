import { expect, it } from 'vitest';
import type { MigrationPhase, MigrationSpec } from '../../../src/api/generated/v1alpha1.ts';
import { type Goal, goalOf, verdictOn } from '../../../src/cli/migration/goal.ts';
import { PHASES } from '../../../src/cli/migration/phases.ts';
import { migration } from './migrations.ts';

it.each<[string, Goal]>([
  ['', 'Done'],
  ['finished', 'Finished'],
  ['post-migrating', 'PostMigrating'],
  ['PreMigrating', 'PreMigrating'],
])('"%s" is %s.', (word, goal) => {
  expect(goalOf(word)).toBe(goal);
});

it('Another word is refused with all phases.', () => {
  expect(() => goalOf('over')).toThrow('must be a phase: Pending, PreMigrating');
});

const outcomes = (goal: Goal, spec: Partial<MigrationSpec> = {}): readonly string[] => {
  const of = (kind: string): MigrationPhase[] =>
    PHASES.filter((phase) => verdictOn(migration(phase, spec), goal)?.kind === kind);
  return [of('reached').join(' '), of('missed').join(' ')];
};

it.each<[Goal, string, string]>([
  ['PreMigrating', 'PreMigrating Migrating PostMigrating Finished Confirmed Reverted', 'Rejected Failed'],
  ['Finished', 'Finished Confirmed Reverted', 'Rejected Failed'],
  ['Confirmed', 'Confirmed', 'Reverted Rejected Failed'],
  ['Reverted', 'Reverted', 'Confirmed Rejected Failed'],
  ['Failed', 'Failed', 'Confirmed Reverted Rejected'],
  ['Rejected', 'Rejected', 'Confirmed Reverted Failed'],
])('Waiting for %s ends well at: %s; and in vain at: %s.', (goal, reached, missed) => {
  expect(outcomes(goal)).toEqual([reached, missed]);
});

it.each<[string, Partial<MigrationSpec>, string, string]>([
  ['a cold migration', {}, 'Finished Confirmed', 'Reverted Rejected Failed'],
  ['a live migration, which confirms itself', { type: 'LiveMigration' }, 'Confirmed', 'Reverted Rejected Failed'],
  ['an evacuation, which does, too', { type: 'Evacuation' }, 'Confirmed', 'Reverted Rejected Failed'],
  ['one that is to be confirmed', { decision: 'Confirm' }, 'Confirmed', 'Reverted Rejected Failed'],
  ['one that is to be reverted', { decision: 'Revert' }, 'Reverted', 'Confirmed Rejected Failed'],
  ['one that is to be aborted', { decision: 'Abort' }, 'Reverted Rejected Failed', 'Confirmed'],
])('Waiting until %s is done ends well at: %s; and in vain at: %s.', (_what, spec, reached, missed) => {
  expect(outcomes('Done', spec)).toEqual([reached, missed]);
});

it('One that is deleted is waited for in vain.', () => {
  expect(verdictOn(undefined, 'Finished')).toEqual({ kind: 'missed', words: 'it was deleted' });
});

it('An end in vain is told with what its conditions say, the last first.', () => {
  const condition = (type: string, message: string, lastTransitionTime: string) =>
    ({ type, status: 'False', reason: 'Reason', message, lastTransitionTime }) as const;
  const failed = migration(
    'Failed',
    {},
    {
      conditions: [
        condition('A', 'earlier', '2026-01-01T00:00:00Z'),
        condition('B', 'no space left', '2026-01-01T00:00:02Z'),
        condition('C', '', '2026-01-01T00:00:03Z'),
      ],
    },
  );
  expect(verdictOn(failed, 'Done')).toEqual({ kind: 'missed', words: 'it has ended as Failed: Reason: no space left' });
  expect(verdictOn(migration('Failed'), 'Done')).toEqual({ kind: 'missed', words: 'it has ended as Failed' });
});
