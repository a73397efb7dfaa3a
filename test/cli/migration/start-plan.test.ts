import { describe, expect, it } from 'vitest';
import type { MigrationSpec } from '../../../src/api/generated/v1alpha1.ts';
import { EXIT } from '../../../src/cli/exit-code.ts';
import { isWanted, planStart, type StartRequest } from '../../../src/cli/migration/start-plan.ts';
import { claimed, migration } from './migrations.ts';

const GI = 1n << 30n;
const REQUEST: StartRequest = { type: 'cold', targetNodeName: 'node-b', flavor: {}, confirm: false };
const IN_FORCE = { vcpus: 2, memory: '2Gi', rootDisk: '20Gi' };

describe('the Migration that is wanted', () => {
  it.each<[string, Partial<StartRequest>, Partial<MigrationSpec>]>([
    ['a cold migration', {}, { type: 'ColdMigration', targetNodeName: 'node-b' }],
    ['a live migration', { type: 'live' }, { type: 'LiveMigration', targetNodeName: 'node-b' }],
    ['an evacuation', { type: 'evacuation' }, { type: 'Evacuation', targetNodeName: 'node-b' }],
    [
      'one that is confirmed beforehand',
      { confirm: true },
      { type: 'ColdMigration', targetNodeName: 'node-b', decision: 'Confirm' },
    ],
    [
      'a resize in place, of memory alone',
      { type: 'resize', targetNodeName: undefined, flavor: { memoryBytes: 8n * GI } },
      { type: 'Resize', targetNodeName: 'node-a', flavor: { ...IN_FORCE, memory: '8Gi' } },
    ],
    [
      'a resize elsewhere, of all',
      {
        type: 'resize',
        flavor: { name: 'm1.large', vcpus: 4, memoryBytes: 8n * GI, rootDiskBytes: 40n * GI, ephemeralDiskBytes: GI },
      },
      {
        type: 'Resize',
        targetNodeName: 'node-b',
        flavor: { name: 'm1.large', vcpus: 4, memory: '8Gi', rootDisk: '40Gi', ephemeralDisk: '1Gi' },
      },
    ],
    [
      'a cold migration with another flavor',
      { flavor: { vcpus: 4 } },
      { type: 'ColdMigration', targetNodeName: 'node-b', flavor: { ...IN_FORCE, vcpus: 4 } },
    ],
    [
      'a resize without a root disk',
      { type: 'resize', flavor: { rootDiskBytes: 0n } },
      { type: 'Resize', targetNodeName: 'node-b', flavor: { ...IN_FORCE, rootDisk: '0' } },
    ],
  ])('is %s', (_what, request, spec) => {
    expect(planStart(claimed(), { ...REQUEST, ...request })).toEqual({
      apiVersion: 'resourcetracker.dev/v1alpha1',
      kind: 'Migration',
      metadata: { namespace: 'team-a', name: '', generateName: 'web-' },
      spec: { claimName: 'web', ...spec },
    });
  });

  it('has the name that was given', () => {
    expect(planStart(claimed(), { ...REQUEST, name: 'move' }).metadata).toEqual({ namespace: 'team-a', name: 'move' });
  });

  it.each<[string, Partial<StartRequest>, string]>([
    ['a move without a target', { targetNodeName: undefined }, '--type cold needs --to NODE'],
    ['a move to where it is', { targetNodeName: 'node-a' }, 'claim web is on node node-a already'],
    ['a resize to the same', { type: 'resize' }, 'a resize needs --vcpus'],
    [
      'a live migration with a flavor',
      { type: 'live', flavor: { vcpus: 1 } },
      'a live migration cannot change the flavor',
    ],
    [
      'an evacuation with a flavor',
      { type: 'evacuation', flavor: { name: 'x' } },
      'an evacuation cannot change the flavor',
    ],
  ])('cannot be %s', (_what, request, message) => {
    const plan = () => planStart(claimed(), { ...REQUEST, ...request });
    expect(plan).toThrow(expect.objectContaining({ exitCode: EXIT.usage, message: expect.stringContaining(message) }));
  });

  it.each([
    ['Pending', {}],
    ['Rejected', { phase: 'Rejected' }],
  ] as const)('cannot be for a claim that is %s', (phase, status) => {
    const plan = () => planStart({ ...claimed(), status }, REQUEST);
    expect(plan).toThrow(
      expect.objectContaining({ exitCode: EXIT.failed, message: expect.stringContaining(`is ${phase}`) }),
    );
  });
});

describe('a Migration of the given name', () => {
  const present = migration('Finished', {
    flavor: { vcpus: 4, memory: '8192Mi', rootDisk: '20Gi' },
    decision: 'Confirm',
  });
  it.each<[string, Partial<StartRequest>, string, boolean]>([
    ['the same words', { flavor: { vcpus: 4, memoryBytes: 8n * GI } }, 'web', true],
    ['fewer words', {}, 'web', true],
    ['no target', { targetNodeName: undefined }, 'web', true],
    ['another claim', {}, 'db', false],
    ['another target', { targetNodeName: 'node-c' }, 'web', false],
    ['another type', { type: 'resize' }, 'web', false],
    ['another amount', { flavor: { memoryBytes: GI } }, 'web', false],
    ['a disk that it has not', { flavor: { ephemeralDiskBytes: GI } }, 'web', false],
    ['a name that it has not', { flavor: { name: 'm1.large' } }, 'web', false],
  ])('is what is wanted with %s: it may have gone on since', (_what, request, claimName, expected) => {
    expect(isWanted(present, claimName, { ...REQUEST, ...request })).toBe(expected);
  });
});
