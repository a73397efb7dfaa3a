import { describe, expect, it } from 'vitest';
import type { CpuCounters } from '../../src/drivers/driver.ts';
import { createCpuMonitor } from '../../src/monitors/cpu-monitor.ts';

type Times = readonly [user: number, kernel: number, idle: number, iowait: number];

function counters([user, kernel, idle, iowait]: Times): CpuCounters {
  const [userNs, kernelNs, idleNs, iowaitNs] = [BigInt(user), BigInt(kernel), BigInt(idle), BigInt(iowait)];
  return { userNs, kernelNs, idleNs, iowaitNs, frequencyMhz: 800 };
}

/** A CPU monitor before a driver whose counters are these, one reading after another; the last one stays. */
function cpuMonitor(...readings: readonly CpuCounters[]) {
  let reads = 0;
  const monitor = createCpuMonitor({
    name: 'scripted',
    cpuCounters: async () => {
      reads += 1;
      return readings[Math.min(reads, readings.length) - 1] ?? counters([0, 0, 0, 0]);
    },
  });
  const { signal } = new AbortController();
  return { monitor, reads: () => reads, readAt: (nowMs: number) => monitor.read({ nowMs, signal }) };
}

/** Shares at the second of two readings, three seconds apart. */
async function sharesAfter(...readings: readonly Times[]) {
  const { readAt } = cpuMonitor(...readings.map(counters));
  let values: Readonly<Record<string, number | bigint>> = {};
  for (const index of readings.keys()) ({ values } = await readAt(index * 3_000));
  const { 'cpu.user.percent': user, 'cpu.kernel.percent': kernel } = values;
  return [user, kernel, values['cpu.idle.percent'], values['cpu.iowait.percent'], values['cpu.percent']];
}

const FIRST: Times = [100, 50, 800, 50];

describe('the CPU monitor', () => {
  it('MO-14: names ten metrics', () => {
    expect(
      cpuMonitor()
        .monitor.metrics.map(({ name }) => name)
        .toSorted(),
    ).toEqual([
      'cpu.frequency',
      'cpu.idle.percent',
      'cpu.idle.time',
      'cpu.iowait.percent',
      'cpu.iowait.time',
      'cpu.kernel.percent',
      'cpu.kernel.time',
      'cpu.percent',
      'cpu.user.percent',
      'cpu.user.time',
    ]);
  });

  it('gives all of them at every reading', async () => {
    const { monitor, readAt } = cpuMonitor(counters(FIRST));
    const { values } = await readAt(0);
    expect(Object.keys(values).toSorted()).toEqual(monitor.metrics.map(({ name }) => name).toSorted());
    expect(values).toMatchObject({ 'cpu.user.time': 100n, 'cpu.idle.time': 800n, 'cpu.frequency': 800 });
  });

  it.each<[string, readonly Times[], readonly number[]]>([
    ['MO-09: first of all the time since the host started', [FIRST], [0.1, 0.05, 0.8, 0.05, 0.2]],
    ['MO-10: then of the time since the last reading', [FIRST, [160, 60, 820, 60]], [0.6, 0.1, 0.2, 0.1, 0.8]],
    ['MO-13: as they were last known, when no time has passed', [FIRST, FIRST], [0.1, 0.05, 0.8, 0.05, 0.2]],
    ['nothing, when no time has ever passed', [[0, 0, 0, 0]], [0, 0, 0, 0, 0]],
    ['of the others, when one counter went back', [FIRST, [150, 50, 850, 40]], [0.5, 0, 0.5, 0, 0.5]],
    ['from the start, when the host was started anew', [FIRST, [1, 1, 2, 0]], [0.25, 0.25, 0.5, 0, 0.5]],
    [
      'of counters beyond what a float can tell apart',
      [
        [2 ** 60, 0, 0, 0],
        [2 ** 60, 0, 2 ** 60, 0],
      ],
      [0, 0, 1, 0, 0],
    ],
  ])('tells shares %s', async (_what, readings, shares) => {
    expect(await sharesAfter(...readings)).toEqual(shares);
  });

  it('MO-11: reads the driver again only when the last reading is two seconds old', async () => {
    const { reads, readAt } = cpuMonitor(counters(FIRST));
    await readAt(10_000);
    const seen: [number, number | undefined][] = [];
    for (const nowMs of [10_000, 11_999, 12_000]) {
      const { atMs } = await readAt(nowMs);
      seen.push([reads(), atMs]);
    }
    expect(seen).toEqual([
      [1, 10_000],
      [1, 10_000],
      [2, 12_000],
    ]);
  });

  it('reads again when the clock was put back', async () => {
    const { reads, readAt } = cpuMonitor(counters(FIRST));
    await readAt(10_000);
    await readAt(1_000);
    expect(reads()).toBe(2);
  });

  it('counts on from its last good reading after one that failed', async () => {
    const good = [counters(FIRST), undefined, counters([160, 60, 820, 60])];
    const monitor = createCpuMonitor({
      name: 'flaky',
      cpuCounters: async () => {
        const next = good.shift();
        if (next === undefined) throw new Error('away');
        return next;
      },
    });
    const { signal } = new AbortController();
    await monitor.read({ nowMs: 0, signal });
    await expect(monitor.read({ nowMs: 3_000, signal })).rejects.toThrow('away');
    expect((await monitor.read({ nowMs: 6_000, signal })).values).toMatchObject({ 'cpu.percent': 0.8 });
  });

  it('says that a driver without counters can never feed it', async () => {
    const { signal } = new AbortController();
    const read = createCpuMonitor({ name: 'plain' }).read({ nowMs: 0, signal });
    await expect(read).rejects.toMatchObject({ code: 'Unsupported', message: 'the driver plain has no CPU counters' });
  });
});
