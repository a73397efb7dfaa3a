import { describe, expect, it } from 'vitest';
import type { Condition } from '../../src/api/generated/v1alpha1.ts';
import { claim, GIBIBYTE, gpu, instance } from '../simulation/world/objects.ts';
import { World, type WorldParts } from '../simulation/world/world.ts';

const UUID = '11111111-1111-4111-8111-111111111111';
const REASON = 'this hypervisor tells nothing';
const GPU = [{ name: 'gpu', count: 1, alias: 'gpu' }];

/** A world whose hypervisor cannot tell what its host has. */
function untrackedWorld(parts: WorldParts = {}): World {
  const world = new World({ host: { devices: [gpu(1)] }, ...parts });
  world.host.cannotReport = REASON;
  world.startAgent();
  world.settle();
  return world;
}

/** From now on the hypervisor can tell, or cannot. */
function becomes(world: World, cannotReport: string | undefined): void {
  world.host.cannotReport = cannotReport;
  world.agents[0]?.audit();
  world.settle();
}

const node = (world: World) => world.api.computeNodes.get('node-a')?.status ?? {};
const told = (conditions: readonly Condition[] | undefined, type: string) => {
  const condition = conditions?.find((candidate) => candidate.type === type);
  return condition && [condition.status, condition.reason, condition.message];
};

describe('a hypervisor that cannot tell what its host has', () => {
  it('has its claims granted without accounting, however much they ask for, with the reason on claim and node', () => {
    const world = untrackedWorld();
    world.create(claim({ name: 'huge', memoryMi: 1 << 30, vcpus: 1000, diskGi: 1 << 20, limits: { memory: '1Mi' } }));
    world.settle();
    expect(world.claim('huge').status).toMatchObject({ phase: 'Claimed', nodeName: 'node-a', launchedOn: 'node-a' });
    const words = `claimed on node node-a without accounting: ${REASON}`;
    expect(told(world.claim('huge').status?.conditions, 'Claimed')).toEqual(['True', 'TrackingDisabled', words]);
    expect(world.agents[0]?.outcomes).toMatchObject([{ phase: 'Claimed', message: words }]);
    const { conditions, ...figures } = node(world);
    expect(told(conditions, 'TrackingEnabled')).toEqual([
      'False',
      'TrackingDisabled',
      `claims are granted without accounting: ${REASON}`,
    ]);
    expect(told(conditions, 'HardwareReportCurrent')).toEqual(['False', 'CannotReport', REASON]);
    const unready = expect.stringMatching(/^not True: HardwareReportCurrent, TrackingEnabled/);
    expect(told(conditions, 'Ready')).toEqual(['False', 'NotReady', unready]);
    expect(figures).not.toHaveProperty('used');
    expect(world.agents[0]?.tracker.obstacle).toBeUndefined();
  });

  it('has resizes granted without accounting, too, with the reason on the Migration (RC-09)', () => {
    const world = untrackedWorld();
    world.create(claim({ name: 'a' }));
    world.settle();
    const flavor = { vcpus: 1000, memory: '1Pi' };
    world.api.migrations.create({
      apiVersion: 'resourcetracker.dev/v1alpha1',
      kind: 'Migration',
      metadata: { name: 'grow', namespace: 'default' },
      spec: { claimName: 'a', type: 'Resize', targetNodeName: 'node-a', flavor },
    });
    world.settle();
    const { status } = world.api.migrations.get('grow', 'default') ?? {};
    expect(status).toMatchObject({ phase: 'PreMigrating', newFlavor: flavor });
    const words = `claimed on node node-a without accounting: ${REASON}`;
    expect(told(status?.conditions, 'Claimed')).toEqual(['True', 'TrackingDisabled', words]);
    expect(node(world)).not.toHaveProperty('used');
  });

  it('does not take a resize back by itself when it cannot tell any more whether it is in force', () => {
    const world = new World({ host: { devices: [gpu(1)] } });
    world.startAgent();
    world.settle();
    world.create(claim({ name: 'a', instance: { uuid: UUID } }));
    world.settle();
    world.host.put(instance({ uuid: UUID }));
    const { migrations } = world.api;
    migrations.create({
      apiVersion: 'resourcetracker.dev/v1alpha1',
      kind: 'Migration',
      metadata: { name: 'grow', namespace: 'default' },
      spec: { claimName: 'a', type: 'Resize', targetNodeName: 'node-a', flavor: { vcpus: 2, memory: '2Gi' } },
    });
    world.settle();
    world.host.put(instance({ uuid: UUID, vcpus: 2n, memoryBytes: 2n * GIBIBYTE }));
    world.settle();
    expect(migrations.get('grow', 'default')?.status?.phase).toBe('Finished');
    becomes(world, REASON);
    migrations.change('grow', 'default', ({ spec }) => ({ spec: { ...spec, decision: 'Revert' } }));
    world.settle();
    const { status } = migrations.get('grow', 'default') ?? {};
    expect(status?.phase).toBe('Finished');
    expect(told(status?.conditions, 'Succeeded')?.slice(0, 2)).toEqual(['Unknown', 'WaitsForExecutor']);
    migrations.change('grow', 'default', ({ status: before }) => ({ status: { ...before, phase: 'Failed' } }));
    world.settle();
    expect(world.claim('a').status).toMatchObject({ flavor: { vcpus: 1, memory: '1Gi' } });
    expect(world.claim('a').status?.migration).toBeUndefined();
  });

  it('still has refused what no accounting is needed for', () => {
    const world = untrackedWorld();
    world.create(claim({ name: 'first', instance: { uuid: UUID } }));
    world.create(claim({ name: 'devices', pciRequests: GPU }));
    world.create(claim({ name: 'alias', pciRequests: [{ name: 'nic', count: 1, alias: 'nobody-knows' }] }));
    world.settle();
    world.create(claim({ name: 'again', instance: { uuid: UUID } }));
    world.settle();
    world.api.computeNodes.change('node-a', undefined, () => ({ spec: { unschedulable: true } }));
    world.create(claim({ name: 'late' }));
    world.settle();
    const reasons = ['first', 'devices', 'alias', 'again', 'late'].map((name) => {
      const { status } = world.claim(name);
      return [status?.phase, status?.conditions?.[0]?.reason];
    });
    expect(reasons).toEqual([
      ['Claimed', 'TrackingDisabled'],
      ['Rejected', 'InsufficientPCIDevices'],
      ['Rejected', 'UnknownPCIAlias'],
      ['Rejected', 'InstanceAlreadyClaimed'],
      ['Rejected', 'NodeUnschedulable'],
    ]);
  });

  it('has a claim that wants devices wait for them, if it would wait, and get them when they are told', () => {
    const world = untrackedWorld();
    world.create(claim({ name: 'waits', pciRequests: GPU, whenInsufficient: 'Wait' }));
    world.settle();
    expect(told(world.claim('waits').status?.conditions, 'Claimed')?.slice(0, 2)).toEqual([
      'False',
      'InsufficientPCIDevices',
    ]);
    becomes(world, undefined);
    expect(world.claim('waits').status).toMatchObject({
      phase: 'Claimed',
      pciDevices: [{ address: '0000:01:00.0' }],
    });
  });

  it('ends no grant for an instance that it cannot show', () => {
    const world = untrackedWorld();
    world.create(claim({ name: 'a', expirationSeconds: 1 }));
    world.settle();
    world.clock.advance(60_000);
    becomes(world, REASON);
    expect(world.claim('a').status?.phase).toBe('Claimed');
    becomes(world, undefined);
    expect(world.claim('a').status?.phase).toBe('Expired');
  });

  it('writes nothing while nothing changes', () => {
    const world = untrackedWorld();
    world.create(claim({ name: 'a' }));
    world.settle();
    // The first one after a decision tidies up.
    becomes(world, REASON);
    const { revision } = world.api.claims.list(() => false);
    for (let count = 0; count < 10; count += 1) becomes(world, REASON);
    expect(world.api.claims.list(() => false).revision).toBe(revision);
  });

  it('that is away has its claims wait, as any other', () => {
    const world = untrackedWorld();
    world.host.disconnect('gone');
    world.create(claim({ name: 'a' }));
    world.settle();
    expect(world.claim('a').status?.phase ?? 'Pending').toBe('Pending');
    world.host.connect();
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
  });
});

describe('tracking', () => {
  it('turns on when the hypervisor can tell, and counts what was granted and what is there', () => {
    const world = untrackedWorld();
    world.create(claim({ name: 'a', memoryMi: 6144, vcpus: 2, instance: { uuid: UUID } }));
    world.create(claim({ name: 'b', memoryMi: 6144, vcpus: 2 }));
    world.settle();
    world.host.put(instance({ uuid: UUID, memoryBytes: 7n * GIBIBYTE, vcpus: 2n }));
    world.host.put(instance({ uuid: 'stray' }));
    world.settle();
    becomes(world, undefined);
    expect(node(world)).toMatchObject({
      used: { memory: '14Gi', vcpus: 5 },
      available: { memory: '-6Gi' },
      orphans: [{ uuid: 'stray' }],
      stats: { instances: 2 },
    });
    const { conditions } = node(world);
    expect(told(conditions, 'TrackingEnabled')?.slice(0, 2)).toEqual(['True', 'Tracking']);
    expect(told(conditions, 'Ready')?.[0]).toBe('True');
    expect(told(world.claim('a').status?.conditions, 'Claimed')).toEqual([
      'True',
      'Claimed',
      'claimed on node node-a; granted without accounting, and counted since',
    ]);
    world.create(claim({ name: 'c' }));
    world.settle();
    expect(world.claim('c').status?.phase).toBe('Rejected');
  });

  it('counts the same when another agent takes over in between', () => {
    const world = untrackedWorld();
    world.create(claim({ name: 'a', memoryMi: 6144 }));
    world.settle();
    world.agents[0]?.kill();
    world.host.cannotReport = undefined;
    world.startAgent();
    world.settle();
    expect(node(world).used).toMatchObject({ memory: '6Gi' });
    expect(told(world.claim('a').status?.conditions, 'Claimed')?.[1]).toBe('Claimed');
  });

  it('turns off when the hypervisor cannot tell any more: its last figures stand, and are no limit', () => {
    const world = untrackedWorld();
    becomes(world, undefined);
    world.create(claim({ name: 'a', memoryMi: 6144 }));
    world.settle();
    becomes(world, REASON);
    world.create(claim({ name: 'b', memoryMi: 6144 }));
    world.settle();
    expect(world.claim('b').status?.phase).toBe('Claimed');
    expect(node(world).used).toMatchObject({ memory: '6Gi' });
    expect(told(node(world).conditions, 'TrackingEnabled')?.[0]).toBe('False');
    becomes(world, undefined);
    expect(node(world).used).toMatchObject({ memory: '12Gi' });
  });

  it('that has not begun has claims wait for the first audit', () => {
    const world = new World();
    world.host.disconnect('gone');
    world.startAgent();
    world.create(claim({ name: 'a' }));
    world.settle();
    expect(world.claim('a').status?.phase ?? 'Pending').toBe('Pending');
    expect(told(node(world).conditions, 'TrackingEnabled')?.slice(0, 2)).toEqual(['False', 'NoReportYet']);
  });
});

describe('a report that could not be had', () => {
  it('leaves the figures of the last one, marked with what was wrong and since when', () => {
    const world = untrackedWorld();
    becomes(world, undefined);
    world.create(claim({ name: 'a' }));
    world.settle();
    const { used } = node(world);
    const goodMs = world.clock.nowMs;
    world.clock.advance(30_000);
    for (const wait of [30_000, 0]) {
      world.agents[0]?.observe({ kind: 'hostReportFailed', message: "the driver's report lacks totals.memoryBytes" });
      world.settle();
      world.clock.advance(wait);
    }
    const stale = node(world).conditions?.find(({ type }) => type === 'HardwareReportCurrent');
    expect(stale).toMatchObject({
      status: 'False',
      reason: 'AuditFailed',
      message: `the driver's report lacks totals.memoryBytes; the figures are as of ${timestamp(goodMs)}`,
      lastTransitionTime: timestamp(goodMs + 30_000),
    });
    expect(node(world).used).toEqual(used);
    expect(told(node(world).conditions, 'TrackingEnabled')?.[0]).toBe('True');
  });
});

function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
