import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ledger } from '../../src/ledger/ledger.ts';
import type { AssignedDevice, ClaimRequest, Holding } from '../../src/ledger/types.ts';
import { host, request, type Step, steps } from './arbitraries.ts';
import { exclude, Oracle, serves } from './oracle.ts';

const RUNS = 3000;

describe('the ledger agrees with a naive recount', () => {
  test('after any history of holds, releases, claims and new hosts', () => {
    fc.assert(
      fc.property(host, steps, (start, history) => {
        const ledger = new Ledger(start);
        const oracle = new Oracle(start);
        for (const step of history) {
          perform(step, ledger, oracle);
          expectSameFigures(ledger, oracle);
        }
      }),
      { numRuns: RUNS },
    );
  });

  test('for what could ever fit, whatever is held', () => {
    fc.assert(
      fc.property(host, steps, request, (start, history, { replaces: _replaces, ...asked }) => {
        const ledger = new Ledger(start);
        const oracle = new Oracle(start);
        for (const step of history) perform(step, ledger, oracle);
        expect(reasonsOf(ledger.couldEverFit(asked))).toEqual(new Oracle(oracle.host).reasons(asked));
      }),
      { numRuns: RUNS },
    );
  });
});

describe('nothing leaks', () => {
  test('a ledger from which everything was released is as good as new', () => {
    fc.assert(
      fc.property(host, steps, (start, history) => {
        const ledger = new Ledger(start);
        const oracle = new Oracle(start);
        for (const step of history) perform(step, ledger, oracle);
        for (const { key } of [...ledger.holdings()]) expect(ledger.release(key)).toBe(true);
        expect(ledger.view()).toEqual(new Ledger(oracle.host).view());
      }),
      { numRuns: RUNS },
    );
  });

  test('a ledger shows the same as one rebuilt from its holdings in another order', () => {
    fc.assert(
      fc.property(host, steps, (start, history) => {
        const ledger = new Ledger(start);
        const oracle = new Oracle(start);
        for (const step of history) perform(step, ledger, oracle);
        const rebuilt = new Ledger(oracle.host, [...ledger.holdings()].reverse());
        expect(JSON.stringify(rebuilt.view(), asText)).toBe(JSON.stringify(ledger.view(), asText));
      }),
      { numRuns: RUNS },
    );
  });

  test('a test changes nothing', () => {
    fc.assert(
      fc.property(host, steps, request, (start, history, asked) => {
        const ledger = new Ledger(start);
        const oracle = new Oracle(start);
        for (const step of history) perform(step, ledger, oracle);
        const before = ledger.view();
        ledger.test(asked);
        ledger.couldEverFit(asked);
        expect(ledger.view()).toEqual(before);
      }),
      { numRuns: 500 },
    );
  });
});

function perform(step: Step, ledger: Ledger, oracle: Oracle): void {
  if (step.kind === 'hold') hold(step.holding, ledger, oracle);
  else if (step.kind === 'release') expect(ledger.release(step.key)).toBe(oracle.release(step.key));
  else if (step.kind === 'setHost') {
    ledger.setHost(step.host);
    oracle.host = step.host;
  } else claim(step.key, step.request, ledger, oracle);
}

function hold(holding: Holding, ledger: Ledger, oracle: Oracle): void {
  ledger.hold(holding);
  oracle.hold(holding);
  expect(ledger.get(holding.key)).toEqual(holding);
}

function claim(key: string, asked: ClaimRequest, ledger: Ledger, oracle: Oracle): void {
  const decision = ledger.test(asked);
  expect(reasonsOf(decision)).toEqual(oracle.reasons(asked));
  if (decision.kind === 'rejected') return;
  expectProper(decision.devices, asked, oracle);
  const { amounts, overheadMemoryBytes } = asked;
  hold(
    { key, amounts, overheadMemoryBytes, devices: decision.devices.map((device) => device.address) },
    ledger,
    oracle,
  );
}

/** Every request is met with free devices that serve it, each once, and none together with its PF or VF. */
function expectProper(assigned: readonly AssignedDevice[], asked: ClaimRequest, oracle: Oracle): void {
  const free = oracle.freeDevices(asked.replaces);
  const devices = assigned.map(({ address }) => free.find((device) => device.address === address));
  expect(new Set(devices).size).toBe(assigned.length);
  for (const wanted of asked.pciRequests) {
    const mine = devices.filter((_, index) => assigned[index]?.request === wanted.name);
    expect(mine.filter((device) => device !== undefined && serves(device, wanted))).toHaveLength(wanted.count);
  }
  const pairs = devices.flatMap((left) => devices.map((right) => left && right && exclude(left, right)));
  expect(pairs).not.toContain(true);
}

function expectSameFigures(ledger: Ledger, oracle: Oracle): void {
  const { used, stats, pciDevices, pciPools } = ledger.view();
  expect(used).toEqual({ vcpus: oracle.vcpusUsed(), memoryBytes: oracle.memoryUsed(), diskBytes: oracle.diskUsed() });
  expect(stats.byVMState).toEqual(oracle.count((holding) => holding.facts?.vmState));
  expect(stats.byTaskState).toEqual(oracle.count((holding) => holding.facts?.taskState));
  expect(stats.byProject).toEqual(oracle.count((holding) => holding.facts?.project));
  expect(stats.ioWorkload).toBe(oracle.ioWorkload());
  expect(stats.currentWorkload).toBe(
    oracle.list.filter((holding) => (holding.facts?.taskState ?? null) !== null).length,
  );
  expect(stats.instances).toBe(oracle.list.filter((holding) => holding.facts !== undefined).length);
  const free = oracle.freeDevices().map((device) => device.address);
  expect(pciDevices.filter((device) => device.state === 'Available').map((device) => device.address)).toEqual(
    free.toSorted(),
  );
  expect(pciPools.reduce((sum, pool) => sum + pool.free, 0)).toBe(free.length);
}

function reasonsOf(decision: ReturnType<Ledger['test']>): string[] {
  return decision.kind === 'rejected' ? decision.refusals.map((refusal) => refusal.reason) : [];
}

function asText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value;
}
