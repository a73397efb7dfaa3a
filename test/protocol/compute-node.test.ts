import { describe, expect, it } from 'vitest';
import type { ComputeNodeSpec } from '../../src/api/generated/v1alpha1.ts';
import { type ClaimParts, claim, GIBIBYTE, gpu, instance } from '../simulation/world/objects.ts';
import { World } from '../simulation/world/world.ts';

function ownedWorld(): World {
  const world = new World({ host: { devices: [gpu(1), gpu(2)] } });
  world.startAgent();
  world.settle();
  return world;
}

function status(world: World) {
  return world.api.computeNodes.get('node-a')?.status ?? {};
}

function respec(world: World, spec: ComputeNodeSpec): void {
  world.api.computeNodes.change('node-a', undefined, () => ({ spec }));
  world.settle();
}

function condition(world: World, type: string) {
  const found = status(world).conditions?.find((candidate) => candidate.type === type);
  return found === undefined ? undefined : [found.status, found.reason, found.message];
}

describe("what the ComputeNode's spec says is in force at once", () => {
  const GPU = { pciRequests: [{ name: 'gpu', count: 1, alias: 'gpu' }] };
  const rows: readonly [string, ComputeNodeSpec, Partial<ClaimParts>, 'Claimed' | 'Rejected'][] = [
    ['reserved memory is not given away', { reserved: { memory: '1Gi' } }, { memoryMi: 7169 }, 'Rejected'],
    ['what is not reserved is', { reserved: { memory: '1Gi' } }, { memoryMi: 7168 }, 'Claimed'],
    ['a ratio gives more than there is', { allocationRatios: { memory: '1.5' } }, { memoryMi: 12288 }, 'Claimed'],
    ['but not more than it says', { allocationRatios: { memory: '1.5' } }, { memoryMi: 12289 }, 'Rejected'],
    ['ClaimOnly knows no limit of the node', { limitPolicy: 'ClaimOnly' }, { memoryMi: 99999 }, 'Claimed'],
    [
      "ClaimOnly keeps the claim's own limit",
      { limitPolicy: 'ClaimOnly' },
      { memoryMi: 2048, limits: { memory: '1Gi' } },
      'Rejected',
    ],
    ['an unschedulable node refuses', { unschedulable: true }, {}, 'Rejected'],
    ['a whitelist of its own replaces the configured one', { pciDevices: [] }, GPU, 'Rejected'],
    ['and gives what it lists', { pciDevices: [{ address: '0000:02:00.0' }] }, GPU, 'Claimed'],
  ];
  it.each(rows)('%s', (_what, spec, parts, phase) => {
    const world = ownedWorld();
    respec(world, spec);
    world.create(claim({ name: 'a', ...parts }));
    world.settle();
    expect(world.claim('a').status?.phase).toBe(phase);
  });

  it('and is told: what is in force, the limit, and the generation that it was read at', () => {
    const world = ownedWorld();
    respec(world, { reserved: { memory: '1Gi', vcpus: 1 }, allocationRatios: { memory: '1.5', vcpus: 2 } });
    expect(status(world)).toMatchObject({
      effective: {
        reserved: { vcpus: 1, memory: '1Gi', disk: '0' },
        allocationRatios: { vcpus: '2', memory: '1.5', disk: '1' },
        limitPolicy: 'Capped',
      },
      used: { vcpus: 1, memory: '1Gi', disk: '0' },
      limit: { vcpus: 15, memory: '11776Mi', disk: '100Gi' },
      observedGeneration: 2,
    });
  });

  it('and takes nothing from what was granted before', () => {
    const world = ownedWorld();
    world.create(claim({ name: 'a', memoryMi: 6144 }));
    world.settle();
    respec(world, { reserved: { memory: '4Gi' }, unschedulable: true });
    expect(world.claim('a').status?.phase).toBe('Claimed');
    expect(status(world).available?.memory).toBe('-2Gi');
  });

  it('and makes those who wait try again', () => {
    const world = ownedWorld();
    world.create(claim({ name: 'full', memoryMi: 8192 }));
    world.settle();
    world.create(claim({ name: 'w', whenInsufficient: 'Wait' }));
    world.settle();
    respec(world, { allocationRatios: { memory: '1.5' } });
    expect(world.claim('w').status?.phase).toBe('Claimed');
  });
});

describe('a driver that is not connected', () => {
  it('stops all decisions, and the condition says so', () => {
    const world = ownedWorld();
    world.host.disconnect('connection reset by libvirtd');
    world.create(claim({ name: 'a' }));
    world.settle();
    expect(world.claim('a').status).toBeUndefined();
    expect(condition(world, 'HypervisorConnected')).toEqual(['False', 'Disconnected', 'connection reset by libvirtd']);
    expect(condition(world, 'Ready')).toEqual(['False', 'NotReady', 'not True: HypervisorConnected']);
    expect(world.agents[0]?.tracker.ready).toBe(false);
  });

  it('lets decisions go on only after the audit that follows its return', () => {
    const world = ownedWorld();
    world.host.disconnect('gone');
    world.settle();
    world.create(claim({ name: 'a', memoryMi: 6144 }));
    const agent = world.agents[0];
    agent?.observe({ kind: 'driverConnected' });
    world.settle(/driver event/);
    expect(world.claim('a').status).toBeUndefined();
    expect(condition(world, 'Ready')?.[0]).toBe('False');
    expect(condition(world, 'HypervisorConnected')).toEqual([
      'False',
      'Disconnected',
      'connected again; the host is being read',
    ]);
    world.host.connect();
    world.host.put(instance({ uuid: 'x', memoryBytes: 4n * GIBIBYTE }));
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Rejected');
  });

  it('does not expire anything meanwhile', () => {
    const world = ownedWorld();
    world.create(claim({ name: 'a', expirationSeconds: 60 }));
    world.settle();
    world.host.disconnect('gone');
    world.clock.advance(120_000);
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
  });

  it('keeps the figures of before, also through a restart of the agent', () => {
    const world = ownedWorld();
    world.create(claim({ name: 'a', memoryMi: 6144 }));
    world.host.put(instance({ uuid: 'stray' }));
    world.settle();
    const before = status(world);
    world.host.disconnect('gone');
    world.agents[0]?.kill();
    world.startAgent();
    world.settle();
    const { agent: _agent, conditions: _conditions, ...figures } = status(world);
    const { agent: _former, conditions: _earlier, ...expected } = before;
    expect(figures).toEqual(expected);
    expect(condition(world, 'TrackingEnabled')?.slice(0, 2)).toEqual(['False', 'NoReportYet']);
    expect(condition(world, 'OrphansDetected')?.slice(0, 2)).toEqual(['True', 'OrphansFound']);
  });

  it('that fails to read the host is told from one that is gone', () => {
    const world = ownedWorld();
    world.agents[0]?.observe({ kind: 'hostReportFailed', message: 'no totals' });
    world.create(claim({ name: 'a' }));
    world.settle();
    expect(condition(world, 'HardwareReportCurrent')).toEqual([
      'False',
      'AuditFailed',
      'no totals; the figures are as of 2026-01-01T00:00:00Z',
    ]);
    expect(world.claim('a').status?.phase).toBe('Claimed');
  });
});

describe('an unchanged world', () => {
  it('writes nothing in 50 turns and audits', () => {
    const world = ownedWorld();
    world.create(claim({ name: 'a', pciRequests: [{ name: 'gpu', count: 1, alias: 'gpu' }], expirationSeconds: 9 }));
    world.create(claim({ name: 'full', memoryMi: 6144 }));
    world.create(claim({ name: 'w', memoryMi: 4096, whenInsufficient: 'Wait' }));
    world.host.put(instance({ uuid: world.claim('a').metadata.uid ?? '', devices: ['0000:01:00.0'] }));
    world.host.put(instance({ uuid: 'stray' }));
    world.settle();
    world.agents[0]?.audit();
    world.settle();
    const { revision } = world.api.claims.list();
    for (let turn = 0; turn < 50; turn += 1) {
      world.clock.advance(60_000);
      if (turn % 2 === 0) world.agents[0]?.audit();
      if (turn % 5 === 0) world.agents[0]?.listClaims();
      world.agents[0]?.turn();
      world.settle();
    }
    expect(world.api.claims.list().revision).toBe(revision);
    expect(world.agents[0]?.logged).toEqual([]);
  });

  it('is told in the same bytes by an agent that only finds it', () => {
    const world = ownedWorld();
    for (const name of ['a', 'b', 'c']) world.create(claim({ name, pciRequests: [] }));
    world.host.put(instance({ uuid: 'stray' }));
    world.settle();
    world.agents[0]?.audit();
    world.settle();
    const { agent: _agent, ...before } = status(world);
    world.agents[0]?.kill();
    world.clock.advance(60_000);
    world.startAgent();
    world.settle();
    const { agent: _successor, ...after } = status(world);
    expect(JSON.stringify(after)).toBe(JSON.stringify(before));
  });
});
