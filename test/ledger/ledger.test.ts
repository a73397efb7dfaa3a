import { describe, expect, test } from 'vitest';
import { Ledger } from '../../src/ledger/ledger.ts';
import type { Holding } from '../../src/ledger/types.ts';
import { PLAIN_HOST, PLAIN_POLICY } from './hosts.ts';

function holding(key: string, memoryBytes: bigint, more: Partial<Holding> = {}): Holding {
  return { key, amounts: { vcpus: 1n, memoryBytes, diskBytes: 10n }, overheadMemoryBytes: 1n, devices: [], ...more };
}

describe('holding', () => {
  test('adds amounts and overhead to what is reserved', () => {
    const reserved = { vcpus: 2n, memoryBytes: 5n, diskBytes: 7n };
    const ledger = new Ledger({ ...PLAIN_HOST, policy: { ...PLAIN_POLICY, reserved } }, [
      holding('a', 10n),
      holding('b', 20n),
    ]);
    const { used, free, available } = ledger.view();
    expect(used).toEqual({ vcpus: 4n, memoryBytes: 37n, diskBytes: 27n });
    expect(free).toEqual({ vcpus: 6n, memoryBytes: 63n, diskBytes: 973n });
    expect(available).toEqual(free);
  });

  test('never refuses, so that free may be negative', () => {
    const ledger = new Ledger(PLAIN_HOST, [holding('a', 500n)]);
    expect(ledger.view().free.memoryBytes).toBe(-401n);
  });

  test('again under a key takes the place of the former', () => {
    const ledger = new Ledger(PLAIN_HOST, [holding('a', 10n), holding('b', 10n)]);
    ledger.hold(holding('a', 30n));
    ledger.hold(holding('a', 30n));
    expect(ledger.view().used.memoryBytes).toBe(42n);
    expect([...ledger.holdings()].map(({ key }) => key)).toEqual(['a', 'b']);
  });

  test('below zero throws and changes nothing', () => {
    const ledger = new Ledger(PLAIN_HOST, [holding('a', 10n)]);
    const before = ledger.view();
    expect(() => ledger.hold(holding('a', -1n))).toThrow(RangeError);
    expect(() => ledger.hold(holding('a', 1n, { overheadMemoryBytes: -1n }))).toThrow(RangeError);
    expect(ledger.view()).toEqual(before);
  });

  test('remembers what it was told, whatever the caller does to it afterwards', () => {
    const amounts = { vcpus: 1n, memoryBytes: 10n, diskBytes: 10n };
    const ledger = new Ledger(PLAIN_HOST, [holding('a', 0n, { amounts })]);
    amounts.memoryBytes = 99n;
    ledger.release('a');
    expect(ledger.view().used.memoryBytes).toBe(0n);
  });
});

describe('releasing', () => {
  test('gives back once, and says whether there was anything', () => {
    const ledger = new Ledger(PLAIN_HOST, [holding('a', 10n)]);
    expect([ledger.release('a'), ledger.release('a'), ledger.release('never')]).toEqual([true, false, false]);
    expect(ledger.view().used).toEqual({ vcpus: 0n, memoryBytes: 0n, diskBytes: 0n });
    expect(ledger.get('a')).toBeUndefined();
  });
});

describe('another host', () => {
  test('keeps what is held', () => {
    const ledger = new Ledger(PLAIN_HOST, [holding('a', 10n)]);
    ledger.setHost({ ...PLAIN_HOST, totals: { memoryBytes: 5n, diskBytes: 5n } });
    const { used, free, total } = ledger.view();
    expect(used.memoryBytes).toBe(11n);
    expect(free).toEqual({ memoryBytes: -6n, diskBytes: -5n });
    expect(total).not.toHaveProperty('vcpus');
  });

  test.each([
    ['a negative total', { ...PLAIN_HOST, totals: { memoryBytes: -1n, diskBytes: 0n } }],
    [
      'a negative reserve',
      { ...PLAIN_HOST, policy: { ...PLAIN_POLICY, reserved: { vcpus: 0n, memoryBytes: -1n, diskBytes: 0n } } },
    ],
    [
      'a ratio of nothing',
      {
        ...PLAIN_HOST,
        policy: {
          ...PLAIN_POLICY,
          allocationRatios: { ...PLAIN_POLICY.allocationRatios, disk: { numerator: 0n, denominator: 1n } },
        },
      },
    ],
  ])('with %s is an error of the caller, and the former host stays', (_what, host) => {
    const ledger = new Ledger(PLAIN_HOST);
    expect(() => ledger.setHost(host)).toThrow(RangeError);
    expect(ledger.view()).toEqual(new Ledger(PLAIN_HOST).view());
  });
});

test('CC-02: claims that arrive between recounts are neither lost nor counted twice', () => {
  let ledger = new Ledger(PLAIN_HOST);
  for (const key of ['a', 'b', 'c', 'd']) {
    ledger.hold(holding(key, 1n));
    ledger = new Ledger(PLAIN_HOST, ledger.holdings());
  }
  expect(ledger.view().used.memoryBytes).toBe(8n);
});
