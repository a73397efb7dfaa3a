import { describe, expect, it } from 'vitest';
import type { HostMetric } from '../../src/api/generated/v1alpha1.ts';
import { type HostFigure, publishedMetrics, showable } from '../../src/protocol/host-metrics.ts';
import { DrivenTracker, START_MS } from '../hostile/driven-tracker.ts';

const POLICY = { minIntervalMs: 300_000, threshold: 0.1 };
const MINUTE_MS = 60_000;

const figure = (value: number | bigint, parts: Partial<HostFigure> = {}): HostFigure => ({
  name: 'cpu.percent',
  kind: 'share',
  value,
  source: 'cpu',
  atMs: START_MS,
  ...parts,
});

const metric = (value: string | number, parts: Partial<HostMetric> = {}): HostMetric => ({
  name: 'cpu.percent',
  value,
  source: 'cpu',
  timestamp: new Date(START_MS).toISOString().replace('.000', ''),
  ...parts,
});

describe('a figure is published anew', () => {
  const late = START_MS + POLICY.minIntervalMs;
  const rows: readonly [string, readonly HostMetric[], HostFigure, number, boolean][] = [
    ['when nothing was published yet', [], figure(0.5), START_MS, true],
    ['not when it is the same', [metric('0.5')], figure(0.5), late, false],
    ['not when a share has moved by less than the threshold', [metric('0.5')], figure(0.59), late, false],
    ['when a share has moved by the threshold', [metric('0.5')], figure(0.75), late, true],
    ['not before its time, however far it has moved', [metric('0.1')], figure(0.9), late - 1, false],
    ['not when a small share has doubled', [metric('0.01')], figure(0.02), late, false],
    ['not when a level has moved by less', [metric('2400')], figure(2_600, { kind: 'level' }), late, false],
    ['when a level has moved in proportion', [metric('2400')], figure(2_640, { kind: 'level' }), late, true],
    ['when a level leaves zero', [metric('0')], figure(0.001, { kind: 'level' }), late, true],
    ['when it is there no more', [metric('0.5', { name: 'gone' })], figure(0.5), late, true],
    ['when another monitor gives it', [metric('0.5', { source: 'other' })], figure(0.5), late, true],
    ['when what was published cannot be read', [metric('half')], figure(0.5), late, true],
    ['when its time cannot be read', [metric('0.1', { timestamp: 'today' })], figure(0.9), START_MS, true],
    ['when its time is to come', [metric('0.1')], figure(0.9), START_MS - MINUTE_MS, true],
  ];
  it.each(rows)('%s', (_what, last, now, nowMs, isNew) => {
    expect(publishedMetrics(last, [now], POLICY, nowMs) !== last).toBe(isNew);
  });

  it('together with all others, by name, with the time of its measurement', () => {
    const { shown } = showable([figure(0.25, { atMs: late + 999 }), figure(2400n, { name: 'a.first', kind: 'level' })]);
    expect(publishedMetrics([metric('0.9')], shown, POLICY, late)).toEqual([
      metric('2400', { name: 'a.first' }),
      metric('0.25', { timestamp: '2026-01-01T00:05:00Z' }),
    ]);
  });

  it('and is gone when no monitor gives any', () => {
    expect(publishedMetrics([metric('0.9')], [], POLICY, late)).toEqual([]);
  });
});

describe('values are decimal quantities that the schema has room for', () => {
  it.each([
    [0, '0'],
    [-0, '0'],
    [1, '1'],
    [0.1 + 0.2, '0.3'],
    [1 / 3, '0.333333'],
    [-1e-9, '0'],
    [100, '100'],
    [2400n, '2400'],
    [1e21, '1.000000e+21'],
    [10n ** 40n, '1.000000e+40'],
    [1.5e300, '1.500000e+300'],
  ])('%s is %s', (value, text) => {
    expect(publishedMetrics([], [figure(value)], POLICY, START_MS)).toMatchObject([{ value: text }]);
  });
});

describe('of all figures', () => {
  it('those that only grow are not for the status', () => {
    const counter = figure(1n << 60n, { name: 'cpu.user.time', kind: 'counter' });
    expect(showable([counter, figure(0.5)])).toEqual({ shown: [figure(0.5)], omitted: 0 });
  });

  it('as many are shown as there is room for, whatever their values', () => {
    const many = (value: number) =>
      Array.from({ length: 100 }, (_, index) => figure(value, { name: `m${String(index).padStart(3, '0')}` }));
    const { shown, omitted } = showable(many(1));
    expect([shown.length + omitted, shown[0]?.name]).toEqual([100, 'm000']);
    expect(shown.length).toBeGreaterThan(40);
    expect(showable(many(1e300)).shown).toHaveLength(shown.length);
  });
});

describe('the status of a node', () => {
  const driven = (): DrivenTracker => {
    const started = new DrivenTracker({ settings: { hostMetrics: POLICY } });
    started.settle();
    return started;
  };
  const measure = (
    tracker: DrivenTracker,
    value: number,
    failing: readonly { monitor: string; message: string }[] = [],
  ): void => {
    tracker.observe({ kind: 'hostMeasured', reading: { figures: [figure(value, { atMs: tracker.nowMs })], failing } });
    tracker.settle();
  };
  const health = ({ node }: DrivenTracker) => {
    const found = node.status?.conditions?.find(({ type }) => type === 'PluginsHealthy');
    return found && [found.status, found.reason, found.message];
  };

  it('has the figures once they are measured, and is not written for what has hardly moved', () => {
    const tracker = driven();
    expect(tracker.node.status).not.toHaveProperty('metrics');
    measure(tracker, 0.5);
    expect(tracker.node.status?.metrics).toEqual([metric('0.5')]);
    const { nodeWrites } = tracker;
    for (let minute = 0; minute < 24 * 60; minute += 1) {
      tracker.nowMs += MINUTE_MS;
      measure(tracker, 0.5 + 0.09 * Math.sin(minute));
      tracker.audit();
      tracker.settle();
    }
    expect(tracker.nodeWrites).toBe(nodeWrites);
    expect(tracker.node.status?.metrics).toEqual([metric('0.5')]);
  });

  it('is written once in the least time, however much a host has to do', () => {
    const tracker = driven();
    measure(tracker, 0);
    const { nodeWrites } = tracker;
    for (let minute = 1; minute <= 60; minute += 1) {
      tracker.nowMs += MINUTE_MS;
      measure(tracker, minute % 2);
    }
    expect(tracker.nodeWrites - nodeWrites).toBe(12);
  });

  it('keeps the figures of a former owner until its own are measured, and loses them where nothing measures', () => {
    const node = { status: { metrics: [metric('0.7')] } };
    const tracker = new DrivenTracker({ settings: { hostMetrics: POLICY }, node });
    tracker.settle();
    expect(tracker.node.status?.metrics).toEqual(node.status.metrics);
    tracker.nowMs += POLICY.minIntervalMs;
    tracker.observe({ kind: 'hostMeasured', reading: { figures: [], failing: [] } });
    tracker.settle();
    expect(tracker.node.status).not.toHaveProperty('metrics');
  });

  it('names a monitor that goes on failing, once, and says when none does any more', () => {
    const tracker = driven();
    measure(tracker, 0.5);
    expect(health(tracker)).toBeUndefined();
    const { nodeWrites } = tracker;
    for (const _time of [1, 2, 3]) measure(tracker, 0.5, [{ monitor: 'cpu', message: 'no counters' }]);
    expect(health(tracker)).toEqual(['False', 'MonitorFailed', 'monitor cpu: no counters']);
    measure(tracker, 0.5);
    expect(health(tracker)).toEqual(['True', 'Healthy', 'no monitor and no statistic fails']);
    expect(tracker.nodeWrites - nodeWrites).toBe(2);
  });

  it('leaves what a former owner said of its monitors until its own were read', () => {
    const condition = { type: 'PluginsHealthy', status: 'False', reason: 'MonitorFailed', message: 'monitor x: gone' };
    const conditions = [{ ...condition, status: 'False', lastTransitionTime: '2025-12-31T00:00:00Z' } as const];
    const tracker = new DrivenTracker({ settings: { hostMetrics: POLICY }, node: { status: { conditions } } });
    tracker.settle();
    expect(health(tracker)).toEqual(['False', 'MonitorFailed', 'monitor x: gone']);
    measure(tracker, 0.5);
    expect(health(tracker)?.[0]).toBe('True');
  });
});
