import { setImmediate as oneTurn } from 'node:timers/promises';
import { describe, expect, it, test } from 'vitest';
import { DriverError } from '../../src/drivers/driver.ts';
import { chooseMonitors } from '../../src/monitors/choose-monitors.ts';
import type { Monitor, MonitorCall, MonitorReading } from '../../src/monitors/monitor.ts';
import { MonitorReader, type MonitorRound } from '../../src/monitors/monitor-reader.ts';

const { signal: FOREVER } = new AbortController();
const NOW_MS = 1_000_000;

function monitor(name: string, read: (call: MonitorCall) => unknown): Monitor {
  // What a plug-in gives is checked by nobody before it runs.
  return {
    name,
    metrics: [
      { name: `${name}.a`, kind: 'level' },
      { name: `${name}.b`, kind: 'counter' },
    ],
    read: read as Monitor['read'],
  };
}

function readerOf(...monitors: readonly Monitor[]): MonitorReader {
  const names = monitors.map(({ name }) => name);
  const { chosen } = chooseMonitors(monitors, names);
  return new MonitorReader({ monitors: chosen, wallClock: () => NOW_MS, timeoutMs: 20 });
}

const well = (name: string) =>
  monitor(name, (): MonitorReading => ({ values: { [`${name}.a`]: 1, [`${name}.b`]: 2n } }));
const brief = ({ figures, outcomes }: MonitorRound) => ({
  figures: figures.map(({ name, value }) => [name, value]),
  outcomes: outcomes.map(({ monitor: name, kind }) => [name, kind]),
});

describe('a round of readings', () => {
  it('MT-02: has the figures in the order of the monitors, each with its source and time', async () => {
    const { figures, outcomes, failing } = await readerOf(well('one'), well('two')).read(FOREVER);
    expect(figures).toEqual([
      { name: 'one.a', kind: 'level', value: 1, source: 'one', atMs: NOW_MS },
      { name: 'one.b', kind: 'counter', value: 2n, source: 'one', atMs: NOW_MS },
      { name: 'two.a', kind: 'level', value: 1, source: 'two', atMs: NOW_MS },
      { name: 'two.b', kind: 'counter', value: 2n, source: 'two', atMs: NOW_MS },
    ]);
    expect(outcomes).toEqual([
      { monitor: 'one', kind: 'read' },
      { monitor: 'two', kind: 'read' },
    ]);
    expect(failing).toEqual([]);
  });

  it('takes the time that a monitor gives, and what it leaves out is not there', async () => {
    const { figures } = await readerOf(monitor('one', () => ({ values: { 'one.b': 5 }, atMs: 7 }))).read(FOREVER);
    expect(figures).toEqual([{ name: 'one.b', kind: 'counter', value: 5, source: 'one', atMs: 7 }]);
  });

  it('MT-04: is empty when all of them fail', async () => {
    const fails = (name: string) => monitor(name, () => Promise.reject(new Error('boom')));
    expect(brief(await readerOf(fails('one'), fails('two')).read(FOREVER))).toEqual({
      figures: [],
      outcomes: [
        ['one', 'failed'],
        ['two', 'failed'],
      ],
    });
  });
});

describe('a monitor', () => {
  it.each<[string, (call: MonitorCall) => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('boom');
      },
      /^boom$/,
    ],
    ['rejects', () => Promise.reject(new DriverError('Disconnected', 'away')), /^away$/],
    [
      'throws what is no error',
      () => {
        throw 'a text';
      },
      /^a text$/,
    ],
    ['takes too long', () => new Promise(() => undefined), /^it did not answer within 0.02 s$/],
    ['gives nothing', () => undefined, /^its reading must have values, for example/],
    ['gives no values', () => ({ values: null }), /^its reading must have values/],
    ['gives what it has not named', () => ({ values: { 'bad.c': 1 } }), /^it gave bad.c, which is not among/],
    [
      'gives what is no number',
      () => ({ values: { 'bad.a': '5' } }),
      /^its bad.a must be a finite number \(given: 5\)$/,
    ],
    ['gives a number without end', () => ({ values: { 'bad.a': 1 / 0 } }), /\(given: Infinity\)$/],
    ['gives a time that is none', () => ({ values: {}, atMs: Number.NaN }), /^its atMs must be/],
  ])('that %s costs its own figures only, and is named', async (_what, read, message) => {
    const round = await readerOf(monitor('bad', read), well('good')).read(FOREVER);
    expect(round.figures.map(({ name }) => name)).toEqual(['good.a', 'good.b']);
    expect(round.outcomes).toEqual([
      { monitor: 'bad', kind: 'failed', message: expect.stringMatching(message) },
      { monitor: 'good', kind: 'read' },
    ]);
  });

  it('that takes too long is told so, and is not called again before it has come back', async () => {
    const calls: MonitorCall[] = [];
    const { promise, resolve } = Promise.withResolvers<MonitorReading>();
    const reader = readerOf(
      monitor('slow', (call) => {
        calls.push(call);
        return calls.length === 1 ? promise : { values: {} };
      }),
    );
    await reader.read(FOREVER);
    expect(calls[0]?.signal.aborted).toBe(true);
    const second = await reader.read(FOREVER);
    expect(second.outcomes).toMatchObject([{ message: expect.stringMatching(/^its reading of 0 s ago has not come/) }]);
    resolve({ values: { 'slow.a': 1 } });
    await oneTurn();
    const third = await reader.read(FOREVER);
    expect([calls.length, third.outcomes]).toEqual([2, [{ monitor: 'slow', kind: 'read' }]]);
  });

  it('is given up when the agent stops', async () => {
    const lifetime = new AbortController();
    const reader = readerOf(monitor('slow', () => new Promise(() => undefined)));
    const round = reader.read(lifetime.signal);
    lifetime.abort();
    expect((await round).outcomes).toMatchObject([{ message: 'it is not wanted any more' }]);
    expect(
      (await readerOf(monitor('slow', () => new Promise(() => undefined))).read(lifetime.signal)).outcomes,
    ).toMatchObject([{ kind: 'failed' }]);
  });

  it('that the hypervisor can never feed is not asked again, and does not fail', async () => {
    let calls = 0;
    const reader = readerOf(
      monitor('cpu', () => {
        calls += 1;
        throw new DriverError('Unsupported', 'no counters');
      }),
    );
    for (const _round of [1, 2, 3, 4]) {
      const { outcomes, failing } = await reader.read(FOREVER);
      expect(outcomes).toEqual([{ monitor: 'cpu', kind: 'unsupported', message: 'no counters' }]);
      expect(failing).toEqual([]);
    }
    expect(calls).toBe(1);
  });
});

test('A monitor that does not run at all is named at every round.', async () => {
  const { chosen, refused } = chooseMonitors([well('good')], ['good', 'typo']);
  const reader = new MonitorReader({ monitors: chosen, refused, wallClock: () => NOW_MS });
  for (const _round of [1, 2]) {
    const { figures, failing } = await reader.read(FOREVER);
    expect(figures).toHaveLength(2);
    expect(failing).toEqual([{ monitor: 'typo', message: 'there is no such monitor; there are: good' }]);
  }
});

describe('a monitor goes on failing', () => {
  it.each<[string, string, string]>([
    // o: was read, x: failed; F: is said to fail, -: is not.
    ['not after a moment', 'oxxo', '----'],
    ['after three failures in a row, until it was read three times in a row', 'oxxxoxooo', '---FFFFF-'],
    ['at once when it was never read', 'xxooox', 'FFFF--'],
    ['not when it comes and goes', 'oxoxxoxo', '--------'],
  ])('%s', async (_what, readings, expected) => {
    const script = [...readings];
    let count = 0;
    const reader = readerOf(
      monitor('m', () => {
        count += 1;
        if (script.shift() === 'x') throw new Error(`failure at ${count}`);
        return { values: {} };
      }),
    );
    let seen = '';
    for (const _reading of readings) seen += (await reader.read(FOREVER)).failing.length > 0 ? 'F' : '-';
    expect(seen).toBe(expected);
  });

  it('in the words of when that began', async () => {
    let count = 0;
    const reader = readerOf(
      monitor('m', () => {
        count += 1;
        throw new Error(`failure ${count}`);
      }),
    );
    await reader.read(FOREVER);
    expect((await reader.read(FOREVER)).failing).toEqual([{ monitor: 'm', message: 'failure 1' }]);
  });
});
