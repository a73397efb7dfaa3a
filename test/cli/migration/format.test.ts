import { describe, expect, it } from 'vitest';
import type { MigrationPhase, MigrationSpec } from '../../../src/api/generated/v1alpha1.ts';
import { ageOf, formatList, formatMigration } from '../../../src/cli/migration/format.ts';
import { migration } from './migrations.ts';

const NOW = Date.parse('2026-01-02T00:00:00Z');

it.each([
  ['2026-01-02T00:00:01Z', '0s'],
  ['2026-01-01T23:59:01Z', '59s'],
  ['2026-01-01T23:59:00Z', '1m'],
  ['2026-01-01T22:00:01Z', '1h'],
  ['2025-12-01T00:00:00Z', '32d'],
  [undefined, ''],
])('One that was created at %s is %s old.', (createdAt, age) => {
  expect(ageOf(createdAt, NOW)).toBe(age);
});

const [first, second] = ['move', 'again'].map((name) => {
  const base = migration(
    'Finished',
    { decision: 'Confirm' },
    { sourceNodeName: 'node-a', columns: { flavor: 'a -> b' } },
  );
  return { ...base, metadata: { ...base.metadata, name, creationTimestamp: '2026-01-01T23:00:00Z' } };
});

it('A list is a table by name, with namespaces where there may be several.', () => {
  const list = [first, second, migration()].filter((one) => one !== undefined);
  expect(formatList(list, false, NOW)).toBe(`\
NAME    CLAIM   TYPE            PHASE      FROM     TO       FLAVOR   DECISION   AGE
again   web     ColdMigration   Finished   node-a   node-b   a -> b   Confirm    1h
move    web     ColdMigration   Finished   node-a   node-b   a -> b   Confirm    1h
move    web     ColdMigration   Pending             node-b
`);
  expect(formatList(list.slice(1, 2), true, NOW)).toMatch(/^NAMESPACE +NAME .*\nteam-a +again /);
});

it('One is shown with all that is known of it.', () => {
  const flavor = { vcpus: 4, memory: '8Gi' };
  const shown = formatMigration(
    migration(
      'PreMigrating',
      { type: 'Resize', decision: 'Confirm' },
      {
        sourceNodeName: 'node-a',
        sourceHostname: 'node-a',
        targetHostname: 'host-b',
        targetHostIP: '10.0.0.2',
        oldFlavor: { name: 'm1.small', vcpus: 2, memory: '2Gi', rootDisk: '20Gi', ephemeralDisk: '1Gi' },
        newFlavor: flavor,
        pciDevices: [{ address: '0000:01:00.0' }, { address: '0000:02:00.0' }],
        conditions: [
          {
            type: 'Claimed',
            status: 'True',
            reason: 'Claimed',
            message: 'held on node node-b',
            lastTransitionTime: '',
          },
        ],
      },
    ),
  );
  expect(shown).toBe(`\
Migration team-a/move
  claim:       team-a/web
  type:        Resize
  phase:       PreMigrating
  from:        node-a
  to:          node-b (host-b, 10.0.0.2)
  old flavor:  m1.small: 2 vCPUs, 2Gi of memory, root disk 20Gi, ephemeral disk 1Gi
  new flavor:  4 vCPUs, 8Gi of memory
  PCI devices: 0000:01:00.0 0000:02:00.0
  decision:    Confirm

CONDITION   STATUS   REASON    MESSAGE
Claimed     True     Claimed   held on node node-b

The target holds for it: its executor may move the instance now.
`);
});

it('One that nobody has taken up is shown with what was asked for.', () => {
  expect(formatMigration(migration(undefined, { flavor: { vcpus: 1, memory: '1Gi' } }))).toBe(`\
Migration team-a/move
  claim:       team-a/web
  type:        ColdMigration
  phase:       Pending
  to:          node-b
  new flavor:  1 vCPUs, 1Gi of memory

The agent of the target takes it up, or rejects it.
`);
});

describe('what comes next', () => {
  it.each<[MigrationPhase, Partial<MigrationSpec>, string]>([
    ['Migrating', {}, 'The instance is being moved.'],
    ['PostMigrating', {}, 'the agent of the target moves the claim'],
    ['Finished', {}, 'resource-tracker migration confirm move, or revert move'],
    ['Finished', { type: 'LiveMigration' }, 'Its agents carry the decision out.'],
    ['Finished', { decision: 'Confirm' }, 'Its agents carry the decision out.'],
    ['Finished', { decision: 'Revert' }, 'Its executor takes the instance back'],
    ['PreMigrating', { decision: 'Abort' }, 'It is being aborted.'],
    ['Migrating', { decision: 'Abort' }, 'its executor stops the move and reports failed'],
    ['Confirmed', {}, 'It has ended.'],
    ['Failed', { decision: 'Abort' }, 'It has ended.'],
  ])('for one that is %s with %j is told', (phase, spec, words) => {
    expect(formatMigration(migration(phase, spec)).trim().split('\n').at(-1)).toContain(words);
  });
});
