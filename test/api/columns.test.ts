import { expect, test } from 'vitest';
import { migrationColumns, nodeColumns } from '../../src/api/columns.ts';

const POOL = { vendorID: '10de', productID: '1eb8', total: 4 };

test.each([
  ['nothing known', {}, { pciFree: 0, orphans: 0 }],
  ['no limit known', { used: { vcpus: 3 } }, { vcpus: '3', pciFree: 0, orphans: 0 }],
  [
    'all known',
    {
      used: { vcpus: 3 },
      limit: { vcpus: 64 },
      pciPools: [
        { ...POOL, free: 1 },
        { ...POOL, free: 3 },
      ],
      orphans: [{ uuid: 'a' }, { uuid: 'b' }],
    },
    { vcpus: '3/64', pciFree: 4, orphans: 2 },
  ],
])('The columns of a node with %s.', (_title, status, columns) => {
  expect(nodeColumns(status)).toEqual(columns);
});

test.each([
  [
    'names',
    { name: 'm1.small', vcpus: 1, memory: '2Gi' },
    { name: 'm1.large', vcpus: 4, memory: '8Gi' },
    'm1.small -> m1.large',
  ],
  ['no names', { vcpus: 1, memory: '2Gi' }, { vcpus: 4, memory: '8Gi' }, '1 vCPUs, 2Gi -> 4 vCPUs, 8Gi'],
])('The column of a migration between flavors with %s.', (_title, oldFlavor, newFlavor, flavor) => {
  expect(migrationColumns({ oldFlavor, newFlavor })).toEqual({ flavor });
});

test('A migration that was not taken up yet has no flavor to show.', () => {
  expect(migrationColumns({})).toEqual({});
});
