import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parseCases } from '../../dev/vectors/case.ts';

const root = new URL('../../', import.meta.url);
const table = readFileSync(new URL('docs/nova.md', root), 'utf8');
const cases = parseCases(readFileSync(new URL('test/vectors/nova-2014.1.json', root), 'utf8'));
const LAST_QUIRK = 22;

/** The rows that say where something is. */
const rows = table.split('\n').filter((line) => line.startsWith('|'));
const named = (pattern: RegExp) => [...new Set([...table.matchAll(pattern)].map((match) => match[1] ?? match[0]))];

it('every file that the table of Nova names is there, unless its row is in progress', () => {
  const paths = rows
    .filter((row) => !row.includes('(in progress)'))
    .flatMap((row) => [...row.matchAll(/`((?:src|test|dev|crds)\/[\w./-]+)`/g)].map(([, path = '']) => path));
  expect(paths.length).toBeGreaterThan(50);
  expect(paths.filter((path) => !existsSync(fileURLToPath(new URL(path, root))))).toEqual([]);
});

it('every case that it names is in the file of cases, and every area of cases is named by at least one', () => {
  const known = new Map(cases.map(({ id, area }) => [id, area]));
  const ids = named(/\b[A-Z]{2}-\d{2}\b/g);
  expect(ids.filter((id) => !known.has(id))).toEqual([]);
  const areas = new Set(ids.map((id) => known.get(id)));
  // Tickets, which have no counterpart, and what becomes of a build that fails.
  const none = new Set(['claim.context', 'lifecycle.prep', 'lifecycle.reschedule']);
  expect([...new Set(known.values())].filter((area) => !areas.has(area) && !none.has(area))).toEqual([]);
});

it('every quirk is in it', () => {
  const quirks = new Set(named(/\bQ(\d+)\b/g).map(Number));
  const all = Array.from({ length: LAST_QUIRK }, (_, index) => index + 1);
  expect(all.filter((quirk) => !quirks.has(quirk))).toEqual([]);
});
