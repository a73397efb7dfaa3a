import { describe, expect, it } from 'vitest';
import { chooseMonitors } from '../../src/monitors/choose-monitors.ts';
import type { MetricSpec, Monitor } from '../../src/monitors/monitor.ts';

function monitor(name: string, ...metrics: readonly string[]): Monitor {
  return {
    name,
    metrics: metrics.map((metric) => ({ name: metric, kind: 'level' })),
    read: () => ({ values: {} }),
  };
}

/** A monitor of which nobody has checked what it says of its metrics. */
function strange(name: string, metrics: unknown): Monitor {
  return { ...monitor(name), metrics: metrics as readonly MetricSpec[] };
}

const RAISING: Monitor = {
  name: 'm4',
  get metrics(): never {
    throw new Error('boom');
  },
  read: () => ({ values: {} }),
};

const AVAILABLE = [monitor('m1', 'k1'), monitor('m2', 'k2'), monitor('m3', 'k1', 'k3'), RAISING];

describe('the monitors that run', () => {
  it.each([
    ['MO-02: are those that are wanted, in that order', ['m1', 'm2'], ['m1', 'm2'], {}],
    ['are none where none is wanted', [], [], {}],
    [
      'MO-04: are without the later of two that overlap, as a whole',
      ['m1', 'm3'],
      ['m1'],
      { m3: /^it gives k1, as m1/ },
    ],
    ['MO-05: depend on the order', ['m3', 'm1'], ['m3'], { m1: /^it gives k1, as m3/ }],
    ['MO-06: are without one that fails', ['m4', 'm2'], ['m2'], { m4: /^boom$/ }],
    ['are without one that is not there, and what is there is told', ['m9'], [], { m9: /there are: m1, m2, m3, m4$/ }],
    ['are each there once', ['m1', 'm1', 'm2'], ['m1', 'm2'], { m1: /^it is named twice/ }],
  ])('%s', (_what, wanted, chosen, refused) => {
    const choice = chooseMonitors(AVAILABLE, wanted);
    expect(choice.chosen.map(({ name }) => name)).toEqual(chosen);
    const reasons = Object.fromEntries(choice.refused.map(({ name, reason }) => [name, reason]));
    expect(reasons).toEqual(
      Object.fromEntries(Object.entries(refused).map(([name, words]) => [name, expect.stringMatching(words)])),
    );
  });

  it('of the same name are the first of them', () => {
    const [chosen] = chooseMonitors([monitor('m1', 'first'), monitor('m1', 'second')], ['m1']).chosen;
    expect([...(chosen?.metrics.keys() ?? [])]).toEqual(['first']);
  });

  it.each([
    ['no list', 'many', /^it names no metrics/],
    ['an empty list', [], /^it names no metrics/],
    ['a name in capitals', [{ name: 'CPU', kind: 'level' }], /^its metric "CPU" must be lower-case/],
    ['a name without end', [{ name: 'a'.repeat(128), kind: 'level' }], /must be lower-case/],
    ['no name', [{ kind: 'level' }], /^its metric "undefined" must be/],
    [
      'no kind',
      [{ name: 'a.b' }],
      /^its metric a.b must have a kind, one of share, level, counter \(given: undefined\)/,
    ],
    ['nothing at all', [null], /null/],
  ])('are without one whose metrics are %s', (_what, metrics, reason) => {
    const { chosen, refused } = chooseMonitors([strange('own', metrics), monitor('m1', 'k1')], ['own', 'm1']);
    expect(chosen.map(({ name }) => name)).toEqual(['m1']);
    expect(refused).toEqual([{ name: 'own', reason: expect.stringMatching(reason) }]);
  });

  it('are without one whose name could not be shown', () => {
    expect(chooseMonitors([monitor('My Monitor', 'k1')], ['My Monitor']).refused).toMatchObject([
      { reason: expect.stringMatching(/^its name must be/) },
    ]);
  });
});
