import { describe, expect, it } from 'vitest';
import type { InstanceClaim, InstanceClaimStatus } from '../../src/api/generated/v1alpha1.ts';
import type { HostReport, ReportedInstance, TaskState, VmState } from '../../src/drivers/driver.ts';
import { sighted } from '../../src/protocol/claim-status.ts';
import { type ClaimParts, claim, GIBIBYTE, gpu, instance } from '../simulation/world/objects.ts';
import { World, type WorldParts } from '../simulation/world/world.ts';

const UUID = '11111111-1111-4111-8111-111111111111';
const GPU = [{ name: 'gpu', count: 1, alias: 'gpu' }];

/** A world with a claim for the instance of UUID, granted; the hypervisor does not know the instance yet. */
function grantedWorld(claimParts: Omit<ClaimParts, 'name'> = {}, parts: WorldParts = {}): World {
  const world = new World({ host: { devices: [gpu(1), gpu(2)] }, ...parts });
  world.startAgent();
  world.create(claim({ name: 'a', instance: { uuid: UUID }, ...claimParts }));
  world.settle();
  return world;
}

function show(world: World, given: Partial<ReportedInstance> = {}): void {
  world.host.put(instance({ uuid: UUID, ...given }));
  world.settle();
}

/** What an audit finds, in place of what the host has. */
function audit(world: World, change: Partial<HostReport>): void {
  const report = world.host.audit();
  if (report !== undefined) world.agents[0]?.observe({ kind: 'hostReported', report: { ...report, ...change } });
  world.settle();
}

function write(world: World, status: Partial<InstanceClaimStatus>): void {
  world.api.claims.change('a', 'default', (before) => ({ status: { ...before.status, ...status } }));
  world.settle();
}

function condition({ status }: InstanceClaim, type: string) {
  const found = status?.conditions?.find((candidate) => candidate.type === type);
  return found === undefined ? undefined : [found.status, found.reason, found.message];
}

/** Without its words. */
const standing = (claim: InstanceClaim, type: string) => condition(claim, type)?.slice(0, 2);
const noticesOf = (world: World) => world.agents[0]?.notices.map(({ reason }) => reason);
const used = (world: World) => world.api.computeNodes.get('node-a')?.status?.used;

describe('the state of a claimed instance', () => {
  it('is Building until the hypervisor shows it', () => {
    const world = grantedWorld();
    expect(world.claim('a').status?.vmState).toBe('Building');
    expect(condition(world.claim('a'), 'InstanceRunning')).toBeUndefined();
  });

  const states: readonly [VmState, running: string][] = [
    ['Building', 'False'],
    ['Active', 'True'],
    ['Paused', 'True'],
    ['Suspended', 'False'],
    ['Stopped', 'False'],
    ['Rescued', 'True'],
    ['Resized', 'True'],
    ['Error', 'False'],
  ];
  it.each(states)('%s: InstanceRunning is %s, and it counts all the same', (vmState, running) => {
    const world = grantedWorld({ memoryMi: 2048, vcpus: 2 });
    show(world, { vmState, memoryBytes: 2n * GIBIBYTE, vcpus: 2n });
    expect(world.claim('a').status?.vmState).toBe(vmState);
    expect(standing(world.claim('a'), 'InstanceRunning')).toEqual([running, vmState]);
    expect(used(world)).toEqual({ vcpus: 2, memory: '2Gi', disk: '0' });
    expect(world.api.computeNodes.get('node-a')?.status).toMatchObject({
      stats: { byVMState: { [vmState]: 1 } },
      runningInstances: 1,
    });
  });

  it('keeps its last state, and all that is held, when the instance was deleted behind our back', () => {
    const world = grantedWorld();
    show(world);
    world.host.remove(UUID);
    world.settle();
    expect(condition(world.claim('a'), 'InstanceRunning')).toEqual([
      'False',
      'InstanceMissing',
      'the hypervisor no longer knows the instance; delete the claim to release it',
    ]);
    expect(world.claim('a').status).toMatchObject({ phase: 'Claimed', vmState: 'Active' });
    expect(used(world)).toEqual({ vcpus: 1, memory: '1Gi', disk: '0' });
  });

  it('is missing when an audit lacks it, too, as an event can be lost', () => {
    const world = grantedWorld();
    show(world);
    audit(world, { instances: [] });
    expect(standing(world.claim('a'), 'InstanceRunning')).toEqual(['False', 'InstanceMissing']);
    audit(world, {});
    expect(standing(world.claim('a'), 'InstanceRunning')).toEqual(['True', 'Active']);
  });

  it('is not missing while a migration is under way, but it is when that is over', () => {
    const world = grantedWorld();
    show(world);
    const here = world.claim('a');
    const lock = { uid: 'm', name: 'm', sourceNodeName: 'node-a', targetNodeName: 'node-b' };
    const locked = { ...here, status: { ...here.status, migration: lock } };
    const seen = (claimed: InstanceClaim) => ({ ...claimed, status: sighted(claimed, {}, new Date(0)) });
    expect(standing(seen(locked), 'InstanceRunning')).toEqual(['True', 'Active']);
    expect(standing(seen(here), 'InstanceRunning')).toEqual(['False', 'InstanceMissing']);
  });
});

describe('an instance with more than its claim', () => {
  it.each([
    ['memory', { memoryBytes: 3n * GIBIBYTE }, { vcpus: 1, memory: '3Gi' }, 'memory: claimed 1Gi, has 3Gi'],
    ['vCPUs', { vcpus: 4n }, { vcpus: 4, memory: '1Gi' }, 'vCPUs: claimed 1, has 4'],
    [
      'both',
      { memoryBytes: 3n * GIBIBYTE, vcpus: 4n },
      { vcpus: 4, memory: '3Gi' },
      'memory: claimed 1Gi, has 3Gi; vCPUs: claimed 1, has 4',
    ],
    ['less', { memoryBytes: GIBIBYTE / 2n }, { vcpus: 1, memory: '1Gi' }, undefined],
  ])('%s: the larger is accounted, and the condition has both figures', (_what, given, sums, words) => {
    const world = grantedWorld();
    show(world, given);
    expect(used(world)).toEqual({ ...sums, disk: '0' });
    const expected =
      words === undefined
        ? ['True', 'Matches', 'the instance has no more than its claim']
        : ['False', 'InstanceExceedsClaim', `${words}; the larger counts`];
    expect(condition(world.claim('a'), 'InstanceMatchesClaim')).toEqual(expected);
  });

  it.each([
    ['node-a', 2n, 'True'],
    ['node-a', 3n, 'False'],
    ['node-b', 2n, 'False'],
  ])(
    'is none with the flavor that a resize in place holds for it, too: target %s, %s GiB: %s',
    (target, gibibytes, matches) => {
      const world = grantedWorld();
      const newFlavor = { vcpus: 2, memory: '2Gi' };
      const migration = { uid: 'm', sourceNodeName: 'node-a', targetNodeName: target, newFlavor };
      const here = world.claim('a');
      const resized = instance({ uuid: UUID, memoryBytes: gibibytes * GIBIBYTE, vcpus: 2n });
      const claimed = { ...here, status: { ...here.status, migration } };
      const status = sighted(claimed, { instance: resized }, new Date(0));
      expect(standing({ ...claimed, status }, 'InstanceMatchesClaim')?.[0]).toBe(matches);
    },
  );

  it('keeps what it has from being granted to others', () => {
    const world = grantedWorld();
    show(world, { memoryBytes: 7n * GIBIBYTE });
    world.create(claim({ name: 'b', memoryMi: 2048 }));
    world.settle();
    expect(world.claim('b').status?.phase).toBe('Rejected');
  });
});

describe('the task of a claimed instance', () => {
  it('is the one that the hypervisor shows, for as long as it shows it', () => {
    const world = grantedWorld();
    show(world, { taskState: 'ImageSnapshot' });
    expect(world.claim('a').status).toMatchObject({ taskState: 'ImageSnapshot', observedTaskState: 'ImageSnapshot' });
    const { stats, currentWorkload } = world.api.computeNodes.get('node-a')?.status ?? {};
    expect({ stats, currentWorkload }).toMatchObject({
      stats: { byTaskState: { ImageSnapshot: 1 }, ioWorkload: 1 },
      currentWorkload: 1,
    });
    show(world, { taskState: 'Suspending' });
    expect(world.claim('a').status?.taskState).toBe('Suspending');
    show(world);
    expect(world.claim('a').status).not.toHaveProperty('taskState');
    expect(world.claim('a').status).not.toHaveProperty('observedTaskState');
  });

  it('is taken back by a successor, too, who never saw it', () => {
    const world = grantedWorld();
    show(world, { taskState: 'Dumping' });
    world.agents[0]?.kill();
    world.host.put(instance({ uuid: UUID }));
    world.startAgent();
    world.settle();
    expect(world.claim('a').status).not.toHaveProperty('taskState');
  });

  it('ends with an instance that vanishes', () => {
    const world = grantedWorld();
    show(world, { taskState: 'PoweringOff' });
    world.host.remove(UUID);
    world.settle();
    expect(world.claim('a').status).not.toHaveProperty('taskState');
  });

  const executors: readonly [what: string, says: string, shown: TaskState | undefined][] = [
    ['while the hypervisor shows none', 'rebuilding', undefined],
    ['while the hypervisor shows another', 'rebuilding', 'PoweringOff'],
    ['while the hypervisor shows the same', 'Migrating', 'Migrating'],
  ];
  it.each(executors)("is an executor's %s, also when the hypervisor's has ended", (_what, says, shown) => {
    const world = grantedWorld();
    show(world);
    write(world, { taskState: says });
    show(world, { vmState: 'Paused', ...(shown !== undefined && { taskState: shown }) });
    expect(world.claim('a').status).toMatchObject({ vmState: 'Paused', taskState: says });
    show(world);
    expect(world.claim('a').status).toMatchObject({ vmState: 'Active', taskState: says });
    expect(world.claim('a').status).not.toHaveProperty('observedTaskState');
  });

  it("is an executor's that takes the place of the hypervisor's, and the hypervisor's again once that one is taken back", () => {
    const world = grantedWorld();
    show(world, { taskState: 'Suspending' });
    write(world, { taskState: 'rebuilding' });
    expect(world.claim('a').status).toMatchObject({ taskState: 'rebuilding' });
    world.api.claims.change('a', 'default', ({ status: { taskState: _over, ...status } = {} }) => ({ status }));
    world.settle();
    expect(world.claim('a').status).toMatchObject({ taskState: 'Suspending', observedTaskState: 'Suspending' });
  });
});

describe('the devices of a claim', () => {
  const [one] = [gpu(1)];

  it('that are gone from the host stay its own, are told, and are told again when they are back', () => {
    const world = grantedWorld({ pciRequests: GPU });
    audit(world, { devices: [gpu(2)] });
    expect(condition(world.claim('a'), 'DevicesPresent')).toEqual([
      'False',
      'DevicesMissing',
      'gone from the host: 0000:01:00.0',
    ]);
    audit(world, { devices: [gpu(1), gpu(2)] });
    expect(standing(world.claim('a'), 'DevicesPresent')).toEqual(['True', 'Present']);
    expect(noticesOf(world)).toEqual(['DevicesMissing', 'DevicesPresent']);
  });

  it('that have become other devices are told with both IDs', () => {
    const world = grantedWorld({ pciRequests: GPU });
    audit(world, { devices: [{ ...one, productID: '2330' }, gpu(2)] });
    expect(condition(world.claim('a'), 'DevicesPresent')).toEqual([
      'False',
      'DevicesChanged',
      'another device than was given: 0000:01:00.0 was 10de:2204, is 10de:2330',
    ]);
    expect(noticesOf(world)).toEqual(['DevicesChanged']);
  });

  it('are not called gone by a hypervisor that cannot tell its devices any more', () => {
    const world = grantedWorld({ pciRequests: GPU });
    const { devices: _unknown, ...report } = world.host.audit() ?? fail();
    world.agents[0]?.observe({ kind: 'hostReported', report });
    world.settle();
    expect(standing(world.claim('a'), 'DevicesPresent')).toEqual(['True', 'Present']);
  });
});

describe('news of a claimed instance', () => {
  it('is told once for each change, however often it is seen', () => {
    const world = grantedWorld();
    show(world);
    show(world, { vmState: 'Paused' });
    show(world, { memoryBytes: 2n * GIBIBYTE });
    show(world, { memoryBytes: 2n * GIBIBYTE, vmState: 'Stopped' });
    show(world, { memoryBytes: 3n * GIBIBYTE });
    show(world);
    world.host.remove(UUID);
    world.settle();
    audit(world, {});
    show(world);
    expect(noticesOf(world)).toEqual([
      'InstanceAppeared',
      'InstanceExceedsClaim',
      'InstanceExceedsClaim',
      'InstanceMatchesClaim',
      'InstanceMissing',
      'InstanceAppeared',
    ]);
    expect(world.agents[0]?.notices[1]?.message).toBe('memory: claimed 1Gi, has 2Gi; the larger counts');
  });

  it('is told once when somebody else wrote in between', () => {
    const world = grantedWorld();
    world.host.put(instance({ uuid: UUID }));
    world.settle(/land write claim/);
    write(world, { taskState: 'rebuilding' });
    expect(noticesOf(world)).toEqual(['InstanceAppeared']);
  });

  it('is not told again by a successor', () => {
    const world = grantedWorld();
    show(world, { memoryBytes: 2n * GIBIBYTE });
    world.agents[0]?.kill();
    world.startAgent();
    world.settle();
    expect(noticesOf(world)).toEqual([]);
    expect(world.agents[0]?.tracker.troubles).toMatchObject({ InstanceExceedsClaim: 1 });
  });

  it('is counted while it lasts', () => {
    const world = grantedWorld({ pciRequests: GPU });
    show(world, { memoryBytes: 2n * GIBIBYTE });
    audit(world, { instances: [], devices: [] });
    expect(world.agents[0]?.tracker.troubles).toEqual({
      InstanceMissing: 1,
      InstanceExceedsClaim: 1,
      DevicesMissing: 1,
      DevicesChanged: 0,
    });
  });
});

function fail(): never {
  throw new Error('the host does not answer');
}
