import { describe, expect, it } from 'vitest';
import type { Statistic } from '../../src/ledger/statistic.ts';
import { DrivenTracker } from '../hostile/driven-tracker.ts';
import { claim as claimOf } from '../simulation/world/objects.ts';

const SIZES: Statistic = {
  name: 'sizes',
  count: ({ memoryBytes, vcpus }) => ({ [memoryBytes > 1n << 30n ? 'large' : 'small']: 1, vcpus }),
};
const PICKY: Statistic = {
  name: 'picky',
  count: ({ project }) => {
    if (project === 'team-b') throw new Error('nobody told me of team-b');
    return { all: 1 };
  },
};

function driven(...statistics: readonly Statistic[]): DrivenTracker {
  const tracker = new DrivenTracker({ settings: { statistics } });
  tracker.settle();
  return tracker;
}

function grant(tracker: DrivenTracker, name: string, memoryMi: number, namespace = 'default'): void {
  const { metadata, ...rest } = claimOf({ name, namespace, memoryMi });
  tracker.see({ ...rest, metadata: { ...metadata, uid: `uid-${name}`, creationTimestamp: '2026-01-01T00:00:00Z' } });
  tracker.settle();
}

const custom = ({ node }: DrivenTracker) => node.status?.stats?.custom;

describe('counters of plug-ins', () => {
  it('are published beside the others, and go with what they counted', () => {
    const tracker = driven(SIZES);
    expect(tracker.node.status?.stats).not.toHaveProperty('custom');
    grant(tracker, 'a', 2048);
    grant(tracker, 'b', 512);
    expect(custom(tracker)).toEqual({ 'sizes.large': 1, 'sizes.small': 1, 'sizes.vcpus': 2 });
    tracker.delete('a');
    tracker.settle();
    expect(custom(tracker)).toEqual({ 'sizes.small': 1, 'sizes.vcpus': 1 });
    tracker.audit();
    tracker.settle();
    expect(custom(tracker)).toEqual({ 'sizes.small': 1, 'sizes.vcpus': 1 });
    tracker.delete('b');
    tracker.settle();
    expect(tracker.node.status?.stats).not.toHaveProperty('custom');
  });

  it('of one that fails are left out, and it is named; claims are granted all the same', () => {
    const tracker = driven(PICKY, SIZES);
    grant(tracker, 'a', 512);
    grant(tracker, 'b', 512, 'team-b');
    expect(tracker.claim('b', 'team-b').status?.phase).toBe('Claimed');
    expect(custom(tracker)).toEqual({ 'sizes.small': 2, 'sizes.vcpus': 2 });
    expect(tracker.node.status?.conditions?.find(({ type }) => type === 'PluginsHealthy')).toMatchObject({
      status: 'False',
      reason: 'StatisticFailed',
      message: 'statistic picky, 1 instance: nobody told me of team-b',
    });
  });
});
