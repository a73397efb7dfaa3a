import { describe, expect, test } from 'vitest';
import { type ClaimPlace, heldFlavors } from '../../src/ledger/migration.ts';

type Row = readonly [what: string, place: ClaimPlace, onA: readonly string[], onB: readonly string[]];

function moving(nodeName: string, from: string, to: string, hasNewFlavor: boolean): ClaimPlace {
  return { isClaimed: true, nodeName, migration: { sourceNodeName: from, targetNodeName: to, hasNewFlavor } };
}

const ROWS: readonly Row[] = [
  ['a pending claim', { isClaimed: false, nodeName: 'a' }, [], []],
  ['a claim without a node', { isClaimed: true }, [], []],
  ['a claimed one', { isClaimed: true, nodeName: 'a' }, ['InForce'], []],
  ['a refused one, even in a migration', { ...moving('a', 'a', 'b', false), isClaimed: false }, [], []],
  ['MG-02: a move from A to B, before it', moving('a', 'a', 'b', false), ['InForce'], ['New']],
  ['MG-01: a move from A to B, after it', moving('b', 'a', 'b', true), ['Old'], ['InForce']],
  ['MG-04: a resize in place, before it', moving('a', 'a', 'a', false), ['InForce', 'New'], []],
  ['MG-05: a resize in place, after it', moving('a', 'a', 'a', true), ['InForce', 'Old'], []],
  ['a move between others', moving('c', 'c', 'd', false), [], []],
  ['a move back to A that B still waits for', moving('a', 'a', 'b', true), ['InForce'], ['New']],
];

describe('what two nodes hold for', () => {
  test.each(ROWS)('%s', (_what, place, onA, onB) => {
    expect(heldFlavors(place, 'a')).toEqual(onA);
    expect(heldFlavors(place, 'b')).toEqual(onB);
  });

  /** An instance that neither of its two nodes holds for would be given away. */
  test('any claimed instance in a migration: both its nodes hold something', () => {
    for (const nodeName of ['a', 'b']) {
      for (const hasNewFlavor of [true, false]) {
        const place = moving(nodeName, 'a', 'b', hasNewFlavor);
        expect([heldFlavors(place, 'a').length, heldFlavors(place, 'b').length]).toEqual([1, 1]);
      }
    }
  });
});
