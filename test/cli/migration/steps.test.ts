import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { MigrationPhase } from '../../../src/api/generated/v1alpha1.ts';
import { decideStep } from '../../../src/cli/migration/decide-step.ts';
import { hasReached, nextPhases, PHASES } from '../../../src/cli/migration/phases.ts';
import { REPORTS, type Report, reportOf, reportStep } from '../../../src/cli/migration/report-step.ts';
import { migration } from './migrations.ts';

const NOW = new Date('2026-01-01T00:00:00Z');

it('What phases follow which is what the API server allows.', () => {
  const crd = parse(readFileSync(new URL('../../../crds/migrations.yaml', import.meta.url), 'utf8'));
  const [{ schema }] = crd.spec.versions;
  const [{ rule }] = schema.openAPIV3Schema['x-kubernetes-validations'];
  const allowed = [...rule.matchAll(/\['(\w+)', '(\w+)'\]/g)].map(([, from, to]) => `${from} -> ${to}`);
  const known = PHASES.flatMap((from) => nextPhases(from).map((to) => `${from} -> ${to}`));
  expect(known).toEqual(allowed);
  expect(PHASES).toEqual(schema.openAPIV3Schema.properties.status.properties.phase.enum);
});

it.each<[MigrationPhase, MigrationPhase, boolean]>([
  ['Pending', 'Pending', true],
  ['Pending', 'PreMigrating', false],
  ['PostMigrating', 'Migrating', true],
  ['Confirmed', 'Finished', true],
  ['Reverted', 'Finished', true],
  ['Reverted', 'Confirmed', false],
  ['Confirmed', 'Reverted', false],
  ['Failed', 'Pending', false],
  ['Failed', 'Failed', true],
  ['Finished', 'Failed', false],
  ['Rejected', 'PreMigrating', false],
])('Whether one that is %s has reached %s: %s.', (phase, wanted, expected) => {
  expect(hasReached(phase, wanted)).toBe(expected);
});

describe('a report', () => {
  it.each([
    ['migrating', 'Migrating'],
    ['post-migrating', 'PostMigrating'],
    ['PostMigrating', 'PostMigrating'],
    ['FINISHED', 'Finished'],
    ['failed', 'Failed'],
  ])('may be written as %s', (word, report) => {
    expect(reportOf(word)).toBe(report);
  });

  it.each(['', 'confirmed', 'pre-migrating', 'done'])('cannot be "%s"', (word) => {
    expect(() => reportOf(word)).toThrow('must be one of migrating, post-migrating, finished, failed');
  });

  /** `write` (or nothing to do, or why not) for each phase that a report can meet. */
  const written = 'write';
  const already = 'already';
  it.each<[Report, Readonly<Record<MigrationPhase, string>>]>([
    [
      'Migrating',
      {
        Pending: 'the agent of its target has not taken it up yet',
        PreMigrating: written,
        Migrating: already,
        PostMigrating: already,
        Finished: already,
        Confirmed: already,
        Reverted: already,
        Rejected: 'that is its end',
        Failed: 'that is its end',
      },
    ],
    [
      'PostMigrating',
      {
        Pending: 'the agent of its target has not taken it up yet',
        PreMigrating: 'it can become Migrating or Failed only; report Migrating first',
        Migrating: written,
        PostMigrating: already,
        Finished: already,
        Confirmed: already,
        Reverted: already,
        Rejected: 'that is its end',
        Failed: 'that is its end',
      },
    ],
    [
      'Finished',
      {
        Pending: 'the agent of its target has not taken it up yet',
        PreMigrating: 'report Migrating first',
        Migrating: 'it can become PostMigrating or Failed only; report PostMigrating first',
        PostMigrating: written,
        Finished: already,
        Confirmed: already,
        Reverted: already,
        Rejected: 'that is its end',
        Failed: 'that is its end',
      },
    ],
    [
      'Failed',
      {
        Pending: written,
        PreMigrating: written,
        Migrating: written,
        PostMigrating: written,
        Finished: written,
        Confirmed: 'that is its end, it cannot become Failed any more',
        Reverted: 'that is its end',
        Rejected: 'that is its end',
        Failed: already,
      },
    ],
  ])('that it is %s is written, is so already, or is refused, depending on the phase', (report, table) => {
    for (const phase of PHASES) {
      const change = reportStep(migration(phase), report, undefined, NOW);
      const outcome = change.kind === 'status' ? written : change.kind === 'refused' ? change.words : change.kind;
      expect(outcome, phase).toContain(table[phase]);
    }
  });

  it('on a Migration without a status counts as on one that is Pending', () => {
    expect(reportStep(migration(), 'Migrating', undefined, NOW)).toMatchObject({ kind: 'refused' });
  });

  it.each<[Report, MigrationPhase, string, string | undefined]>([
    ['Migrating', 'PreMigrating', 'False', 'copies'],
    ['PostMigrating', 'Migrating', 'True', undefined],
    ['Finished', 'PostMigrating', 'True', undefined],
    ['Failed', 'Migrating', 'False', 'no space left'],
  ])('of %s writes the phase and the condition Executed, and leaves all else', (report, phase, status, message) => {
    const other = {
      type: 'Claimed',
      status: 'True',
      reason: 'Claimed',
      message: 'm',
      lastTransitionTime: 'then',
    } as const;
    const before = migration(phase, {}, { sourceNodeName: 'node-a', token: 't', conditions: [other] });
    expect(reportStep(before, report, message, NOW)).toEqual({
      kind: 'status',
      migration: {
        ...before,
        status: {
          phase: report,
          sourceNodeName: 'node-a',
          token: 't',
          conditions: [
            other,
            {
              type: 'Executed',
              status,
              reason: report,
              message: message ?? '',
              observedGeneration: 3,
              lastTransitionTime: '2026-01-01T00:00:00Z',
            },
          ],
        },
      },
    });
  });

  it('of a phase that it is in writes a message that is new, and nothing else', () => {
    const first = reportStep(migration('PreMigrating'), 'Migrating', '10 %', NOW);
    if (first.kind !== 'status') throw new Error('it was to be written');
    expect(reportStep(first.migration, 'Migrating', undefined, NOW)).toEqual({ kind: 'already' });
    expect(reportStep(first.migration, 'Migrating', '10 %', NOW)).toEqual({ kind: 'already' });
    const second = reportStep(first.migration, 'Migrating', '90 %', NOW);
    expect(second).toMatchObject({
      kind: 'status',
      migration: { status: { phase: 'Migrating', conditions: [{ type: 'Executed', message: '90 %' }] } },
    });
  });

  it.each<[MigrationPhase, Report]>([
    ['PostMigrating', 'PostMigrating'],
    ['Finished', 'PostMigrating'],
    ['Finished', 'Finished'],
  ])('finds it %s by an agent that was faster, and says of the executor that it is done', (phase, report) => {
    const begun = reportStep(migration('PreMigrating'), 'Migrating', undefined, NOW);
    if (begun.kind !== 'status') throw new Error('it was to be written');
    const faster = { ...begun.migration, status: { ...begun.migration.status, phase } };
    const change = reportStep(faster, report, undefined, NOW);
    expect(change).toMatchObject({
      kind: 'status',
      migration: { status: { phase, conditions: [{ type: 'Executed', status: 'True', reason: report }] } },
    });
    if (change.kind === 'status')
      expect(reportStep(change.migration, report, undefined, NOW)).toEqual({ kind: 'already' });
    const over = { ...begun.migration, status: { ...begun.migration.status, phase: 'Confirmed' } } as const;
    expect(reportStep(over, report, undefined, NOW)).toEqual({ kind: 'already' });
  });

  it('is one of the phases that an executor may write', () => {
    expect(REPORTS).toEqual(['Migrating', 'PostMigrating', 'Finished', 'Failed']);
  });
});

describe('a decision', () => {
  it.each<MigrationPhase>(['Pending', 'PreMigrating', 'Migrating', 'PostMigrating', 'Finished'])(
    'is set while it is %s',
    (phase) => {
      const before = migration(phase);
      const after = { ...before, spec: { ...before.spec, decision: 'Abort' } };
      expect(decideStep(before, 'Abort')).toEqual({ kind: 'spec', migration: after });
    },
  );

  it.each<MigrationPhase>(['Confirmed', 'Reverted', 'Rejected', 'Failed'])('is refused once it is %s', (phase) => {
    expect(decideStep(migration(phase), 'Confirm')).toMatchObject({ kind: 'refused' });
  });

  it.each<MigrationPhase>(['Finished', 'Confirmed', 'Failed'])(
    'that is the same as before is no error, also when it is %s',
    (phase) => {
      expect(decideStep(migration(phase, { decision: 'Confirm' }), 'Confirm')).toEqual({ kind: 'already' });
    },
  );

  it('that is another than before is refused', () => {
    expect(decideStep(migration('Finished', { decision: 'Confirm' }), 'Revert')).toEqual({
      kind: 'refused',
      words: 'its decision is Confirm, which is set once and cannot become Revert',
    });
  });
});
