import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ledger } from '../../src/ledger/ledger.ts';
import type { CountedInstance, Statistic } from '../../src/ledger/statistic.ts';
import type { Holding } from '../../src/ledger/types.ts';
import { host, steps } from './arbitraries.ts';
import { PLAIN_HOST } from './hosts.ts';
import { Oracle } from './oracle.ts';

const FACTS = { vmState: 'Active', taskState: null, osType: 'linux', project: 'team-a' };
const GIB = 1n << 30n;

function holding(key: string, changes: Partial<Holding> = {}): Holding {
  const amounts = { vcpus: 2n, memoryBytes: 4n * GIB, diskBytes: 0n };
  return { key, amounts, overheadMemoryBytes: 1n, devices: [], facts: FACTS, ...changes };
}

function counting(count: (instance: CountedInstance) => unknown, name = 'own'): Statistic {
  // What a plug-in answers is checked by nobody before it runs.
  return { name, count: count as Statistic['count'] };
}

function statsOf(statistics: readonly Statistic[], ...holdings: readonly Holding[]) {
  return new Ledger(PLAIN_HOST, holdings, statistics).view().customStats;
}

describe('statistics of plug-ins', () => {
  test('see what is counted of an instance and what is held for it', () => {
    const seen: CountedInstance[] = [];
    statsOf([counting((instance) => seen.push(instance))], holding('a', { devices: ['0000:01:00.0'] }));
    expect(seen).toEqual([
      {
        ...FACTS,
        vcpus: 2n,
        memoryBytes: 4n * GIB,
        diskBytes: 0n,
        overheadMemoryBytes: 1n,
        devices: ['0000:01:00.0'],
      },
    ]);
  });

  test('are summed under their own names, sorted, without those at zero', () => {
    const statistics = [
      counting(({ vcpus, memoryBytes }) => ({ vcpus, large: memoryBytes > GIB ? 1 : 0, never: 0 }), 'sizes'),
      counting(() => ({ all: 1 }), 'count'),
    ];
    const small = { vcpus: 1n, memoryBytes: GIB, diskBytes: 0n };
    expect(Object.entries(statsOf(statistics, holding('a'), holding('b', { amounts: small })).counters)).toEqual([
      ['count.all', 2],
      ['sizes.large', 1],
      ['sizes.vcpus', 3],
    ]);
  });

  test('do not count what is held for migrations and orphans', () => {
    const { facts: _facts, ...migration } = holding('migration/a');
    expect(statsOf([counting(() => ({ all: 1 }))], migration).counters).toEqual({});
  });

  test('take away what they have added, whatever they would say now', () => {
    let said = 5;
    const ledger = new Ledger(PLAIN_HOST, [holding('a'), holding('b')], [counting(() => ({ n: said }))]);
    said = 7;
    ledger.release('a');
    expect(ledger.view().customStats.counters).toEqual({ 'own.n': 5 });
    ledger.hold(holding('b'));
    expect(ledger.view().customStats.counters).toEqual({ 'own.n': 7 });
  });

  test('cannot change what is held', () => {
    const ledger = new Ledger(
      PLAIN_HOST,
      [holding('a', { devices: ['x'] })],
      [
        counting((instance) => {
          Object.assign(instance, { memoryBytes: 0n, devices: Object.assign(instance.devices, { length: 0 }) });
          return {};
        }),
      ],
    );
    expect(ledger.get('a')).toEqual(holding('a', { devices: ['x'] }));
  });

  test('are shown as far as a JSON number goes', () => {
    const { counters } = statsOf([counting(() => ({ n: 1n << 60n }))], holding('a'));
    expect(counters).toEqual({ 'own.n': Number.MAX_SAFE_INTEGER });
  });
});

describe('a statistic that fails', () => {
  const healthy = counting(() => ({ all: 1 }), 'healthy');
  const fails = (): never => {
    throw new Error('boom');
  };

  test.each([
    ['throws', fails, 'boom'],
    ['answers nothing', () => undefined, /^count must return counters, for example/],
    ['answers a list', () => [1], /^count must return counters/],
    ['answers a promise', async () => ({ n: 1 }), /^count must return counters, .* not a promise$/],
    ['answers a fraction', () => ({ n: 0.5 }), /^the counter n must be a whole number, 0 or more \(given: 0.5\)$/],
    ['answers less than nothing', () => ({ n: -1n }), /0 or more \(given: -1\)$/],
    ['answers no number', () => ({ n: Number.NaN }), /given: NaN/],
    ['answers a text', () => ({ n: '1' }), /given: 1/],
    ['names a counter as nobody may', () => ({ 'a b': 1 }), /^the counter "a b" must be named by/],
    ['has a name without end', () => ({ ['n'.repeat(64)]: 1 }), /63 at most$/],
  ])('when it %s costs its own counters only, and is named', (_what, count, message) => {
    const { counters, faults } = statsOf([counting(count), healthy], holding('a'));
    expect(counters).toEqual({ 'healthy.all': 1 });
    expect(faults).toEqual([{ statistic: 'own', instances: 1, message: expect.stringMatching(message) }]);
  });

  test('for one instance counts again, exactly, once that is gone', () => {
    const onlyPlain = counting(({ osType }) => (osType === 'windows' ? fails() : { n: 1 }));
    const ledger = new Ledger(PLAIN_HOST, [holding('a'), holding('b')], [onlyPlain]);
    ledger.hold(holding('c', { facts: { ...FACTS, osType: 'windows' } }));
    expect(ledger.view().customStats).toEqual({
      counters: {},
      faults: [{ statistic: 'own', instances: 1, message: 'boom' }],
    });
    ledger.release('b');
    ledger.release('c');
    expect(ledger.view().customStats).toEqual({ counters: { 'own.n': 1 }, faults: [] });
  });

  test('says the same, in whichever order its instances came', () => {
    const failing = counting(({ project }) => {
      throw new Error(`no ${project}`);
    });
    const of = (key: string) => holding(key, { facts: { ...FACTS, project: key } });
    expect(statsOf([failing], of('b'), of('a')).faults).toEqual(statsOf([failing], of('a'), of('b')).faults);
  });
});

test('statistics agree with a recount from nothing after any history', () => {
  const statistic = counting(({ vcpus, memoryBytes, project }) => {
    if (project === 'p2' && vcpus === 1n) throw new Error('none of these');
    return { vcpus, memoryBytes, [`of-${project}`]: 1 };
  });
  fc.assert(
    fc.property(host, steps, (start, history) => {
      const ledger = new Ledger(start, [], [statistic]);
      const oracle = new Oracle(start);
      for (const step of history) {
        if (step.kind === 'hold') {
          ledger.hold(step.holding);
          oracle.hold(step.holding);
        } else if (step.kind === 'release') {
          ledger.release(step.key);
          oracle.release(step.key);
        }
        const recount = new Ledger(start, oracle.list, [statistic]).view().customStats;
        expect(ledger.view().customStats).toEqual(recount);
      }
    }),
    { numRuns: 500 },
  );
});
