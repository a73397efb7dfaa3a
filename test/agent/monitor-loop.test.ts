import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MonitorLoop } from '../../src/agent/monitor-loop.ts';
import type { MonitorOutcome, MonitorRound } from '../../src/monitors/monitor-reader.ts';
import type { Observation } from '../../src/protocol/messages.ts';

const READ: MonitorOutcome = { monitor: 'cpu', kind: 'read' };
const FAILED: MonitorOutcome = { monitor: 'cpu', kind: 'failed', message: 'boom' };
const UNSUPPORTED: MonitorOutcome = { monitor: 'cpu', kind: 'unsupported', message: 'none here' };

const figure = (value: number): MonitorRound['figures'][number] => ({
  name: 'a.b',
  kind: 'level',
  value,
  source: 'cpu',
  atMs: 0,
});

/** A loop whose monitor does what the script says, then always the last of it. */
function loopOf(...script: readonly MonitorOutcome[]) {
  const logged: string[] = [];
  const rounds: MonitorRound[] = [];
  const observed: Observation[] = [];
  let reads = 0;
  const loop = new MonitorLoop({
    reader: {
      read: async () => {
        reads += 1;
        const outcome = script[Math.min(reads, script.length) - 1] ?? READ;
        return { figures: [figure(reads)], failing: [], outcomes: [outcome] };
      },
    },
    periodMs: 60_000,
    random: () => 0.5,
    onRound: (round) => rounds.push(round),
    observe: (observation) => observed.push(observation),
    log: (level, message) => logged.push(`${level}: ${message}`),
  });
  return { loop, logged, rounds, observed, reads: () => reads };
}

describe('the loop of the monitors', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('reads at once, then once in a period, however often it is started', async () => {
    const { loop, reads, rounds } = loopOf(READ);
    loop.start();
    loop.start();
    await vi.advanceTimersByTimeAsync(59_999);
    loop.start();
    expect(reads()).toBe(1);
    await vi.advanceTimersByTimeAsync(60_001);
    expect(reads()).toBe(3);
    expect(rounds).toHaveLength(3);
    await loop.stop();
  });

  it('tells a listener what is measured, and a new one what was measured last', async () => {
    const { loop, observed } = loopOf(READ);
    loop.retell();
    expect(observed).toEqual([]);
    loop.start();
    await vi.advanceTimersByTimeAsync(60_000);
    loop.retell();
    await loop.stop();
    expect(observed).toEqual(
      [1, 2, 2].map((value) => ({ kind: 'hostMeasured', reading: { figures: [figure(value)], failing: [] } })),
    );
  });

  it('reads no more after its end, and is not begun anew', async () => {
    const { loop, reads } = loopOf(READ);
    loop.start();
    await vi.advanceTimersByTimeAsync(0);
    await loop.stop();
    loop.start();
    await vi.advanceTimersByTimeAsync(300_000);
    expect(reads()).toBe(1);
  });

  it.each([
    ['nothing while all is well', [READ, READ, READ], []],
    [
      'a failure once, then for those who look for it, and its end',
      [READ, FAILED, FAILED, READ, READ],
      ['warn: a monitor failed', 'debug: a monitor failed', 'info: a monitor works again'],
    ],
    [
      'once that a hypervisor cannot feed it',
      [UNSUPPORTED, UNSUPPORTED, UNSUPPORTED],
      ['info: a monitor does not run: the hypervisor cannot feed it'],
    ],
  ])('says %s', async (_what, script, expected) => {
    const { loop, logged, reads } = loopOf(...script);
    loop.start();
    for (const _reading of script.slice(1)) await vi.advanceTimersByTimeAsync(60_000);
    await loop.stop();
    expect(reads()).toBe(script.length);
    expect(logged).toEqual(expected);
  });
});
