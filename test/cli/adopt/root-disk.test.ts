import { expect, it } from 'vitest';
import { rootDisk, rootDiskOf } from '../../../src/cli/adopt/root-disk.ts';

const GI = 1n << 30n;

it.each([
  ['20Gi', '*', 20n * GI],
  ['db-*=200Gi', 'db-*', 200n * GI],
  ['a=b=1Gi', 'a=b', GI],
  ['0', '*', 0n],
])('%s is read.', (given, glob, bytes) => {
  expect(rootDisk(given)).toEqual({ glob, bytes });
});

it.each([
  ['', 'must be a text'],
  ['=1Gi', 'GLOB=QUANTITY'],
  ['db-*=', 'is not a quantity'],
  ['much', 'is not a quantity'],
  ['1.5', 'not a whole number of bytes'],
  ['-1Gi', 'must not be negative'],
])('"%s" is refused with what to write.', (given, message) => {
  expect(() => rootDisk(given)).toThrow(message);
});

it.each([
  ['web-1', 20n * GI],
  ['web-db', 200n * GI],
  ['web-none', 0n],
])('The last glob that matches %s counts.', (name, expected) => {
  const disks = ['20Gi', 'web-d?=200Gi', '*-none=0'].map(rootDisk);
  expect(rootDiskOf(name, disks)).toBe(expected);
});

it('Without a glob that matches there is no disk.', () => {
  expect(rootDiskOf('web', [rootDisk('db=1Gi')])).toBe(0n);
});
