import { describe, expect, it } from 'vitest';
import { Cache } from '../../src/controller/cache.ts';
import type { HostNode } from '../../src/controller/world.ts';

const object = (resourceVersion: string, uid = 'one'): HostNode => ({ metadata: { name: 'n', uid, resourceVersion } });

interface Row {
  readonly title: string;
  readonly happens: (cache: Cache<HostNode>) => void;
  /** The resourceVersion that is known in the end; a cache begins with 10. */
  readonly known: string | undefined;
  /** How often a change is told. */
  readonly told: number;
}

const rows: readonly Row[] = [
  { title: 'takes a newer object', happens: (cache) => cache.put(object('11')), known: '11', told: 1 },
  { title: 'takes no older object', happens: (cache) => cache.put(object('9')), known: '10', told: 0 },
  { title: 'tells nothing of the same object', happens: (cache) => cache.put(object('10')), known: '10', told: 0 },
  { title: 'forgets what went', happens: (cache) => cache.remove(object('11')), known: undefined, told: 1 },
  {
    title: 'forgets what went at the version that it knows',
    happens: (cache) => cache.remove(object('10')),
    known: undefined,
    told: 1,
  },
  {
    title: 'keeps what came in place of what went',
    happens: (cache) => cache.remove(object('9', 'older')),
    known: '10',
    told: 0,
  },
  {
    title: 'takes a list for what it is, older or not',
    happens: (cache) => cache.replaceAll([object('7')]),
    known: '7',
    told: 1,
  },
  { title: 'forgets what a list lacks', happens: (cache) => cache.replaceAll([]), known: undefined, told: 1 },
  {
    title: 'tells nothing of a list with nothing new',
    happens: (cache) => cache.replaceAll([object('10')]),
    known: '10',
    told: 0,
  },
];

describe('A cache', () => {
  it.each(rows)('$title.', ({ happens, known, told }) => {
    let changes = 0;
    const cache = new Cache<HostNode>(() => {
      changes += 1;
    });
    cache.put(object('10'));
    changes = 0;
    happens(cache);
    expect([cache.get('n')?.metadata.resourceVersion, changes]).toEqual([known, told]);
  });
});
