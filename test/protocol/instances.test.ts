import { describe, expect, it } from 'vitest';
import type { InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { type ClaimParts, claim, GIBIBYTE, gpu, instance } from '../simulation/world/objects.ts';
import { World, type WorldParts } from '../simulation/world/world.ts';

const UUID = '11111111-1111-4111-8111-111111111111';

function ownedWorld(parts: WorldParts = {}): World {
  const world = new World({ host: { devices: [gpu(1), gpu(2)] }, ...parts });
  world.startAgent();
  world.settle();
  return world;
}

/** A claim for the instance of UUID. */
const claimOf = (parts: Omit<ClaimParts, 'name'> = {}): InstanceClaim =>
  claim({ name: 'a', instance: { uuid: UUID }, ...parts });

function node(world: World) {
  return world.api.computeNodes.get('node-a')?.status ?? {};
}

function condition(object: { status?: { conditions?: InstanceClaimConditions } }, type: string) {
  const found = object.status?.conditions?.find((candidate) => candidate.type === type);
  return found === undefined ? undefined : [found.status, found.reason];
}
type InstanceClaimConditions = NonNullable<InstanceClaim['status']>['conditions'];

describe('an orphan', () => {
  it('counts with its overhead, is listed, and raises a condition', () => {
    const world = ownedWorld({ settings: { overheadMemoryBytes: () => 64n << 20n } });
    world.host.put(instance({ uuid: UUID, name: 'stray', vcpus: 2n, memoryBytes: 2n * GIBIBYTE }));
    world.settle();
    expect(node(world)).toMatchObject({
      used: { vcpus: 2, memory: '2112Mi', disk: '0' },
      orphans: [{ uuid: UUID, name: 'stray', memory: '2112Mi', vcpus: 2 }],
      columns: { orphans: 1 },
      runningInstances: 0,
    });
    expect(condition({ status: node(world) }, 'OrphansDetected')).toEqual(['True', 'OrphansFound']);
  });

  it('is listed with all that a claim for it needs', () => {
    const world = ownedWorld({ settings: { overheadMemoryBytes: ({ vcpus }) => vcpus << 20n } });
    const [plain, rich] = [UUID, UUID.replace(/.$/, 'f')];
    world.host.put(instance({ uuid: plain, vcpus: 0n }));
    const given = { devices: ['0000:3b:00.0', '0000:af:00.0'], claim: { namespace: 'team-a', name: 'web-1' } };
    world.host.put(instance({ uuid: rich, name: 'rich', vcpus: 2n, memoryBytes: GIBIBYTE, ...given }));
    world.settle();
    expect(node(world).orphans).toEqual([
      { uuid: plain, name: expect.any(String), memory: expect.any(String), vcpus: 0 },
      {
        uuid: rich,
        name: 'rich',
        memory: '1026Mi',
        vcpus: 2,
        overhead: { memory: '2Mi' },
        pciDevices: given.devices,
        claim: given.claim,
      },
    ]);
  });

  it('is counted once when a claim takes it over', () => {
    const world = ownedWorld();
    world.host.put(instance({ uuid: UUID, memoryBytes: 6n * GIBIBYTE }));
    world.settle();
    // More than what is left beside the orphan: it is tested less what the orphan counts for.
    world.create(claimOf({ memoryMi: 6144 }));
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
    expect(node(world)).toMatchObject({ used: { memory: '6Gi', vcpus: 1 }, orphans: [] });
  });

  it('is counted once within the batch that takes it over, too', () => {
    const world = ownedWorld();
    world.host.put(instance({ uuid: UUID, memoryBytes: 4n * GIBIBYTE }));
    world.settle();
    world.create(claimOf({ memoryMi: 4096 }));
    world.clock.advance(1000);
    world.create(claim({ name: 'b', memoryMi: 4096 }));
    world.settle();
    expect(world.claim('b').status?.phase).toBe('Claimed');
  });

  it('is taken by its uuid when the claim that its metadata names has moved away', () => {
    const world = ownedWorld();
    const moved = world.create(claim({ name: 'moved' }));
    world.settle(/write claim/);
    world.api.claims.change('moved', 'default', () => ({ spec: { ...moved.spec, nodeName: 'node-b' } }));
    world.settle();
    world.host.put(
      instance({ uuid: UUID, memoryBytes: 6n * GIBIBYTE, claim: { namespace: 'default', name: 'moved' } }),
    );
    world.create(claimOf({ memoryMi: 6144 }));
    world.settle();
    expect(node(world)).toMatchObject({ used: { memory: '6Gi' }, orphans: [] });
  });

  it('is none where a live migration brings it, which holds its flavor, and it has not arrived while it is paused for that', () => {
    const world = ownedWorld();
    const flavor = { vcpus: 1, memory: '2Gi' };
    world.create(claimOf({ nodeName: 'node-b', memoryMi: 2048 }));
    world.api.claims.change('a', 'default', () => ({ status: { phase: 'Claimed', nodeName: 'node-b', flavor } }));
    world.api.migrations.create({
      ...{ apiVersion: 'resourcetracker.dev/v1alpha1', kind: 'Migration' },
      metadata: { name: 'm', namespace: 'default' },
      spec: { claimName: 'a', type: 'LiveMigration', targetNodeName: 'node-a' },
    });
    world.settle();
    const arriving = instance({ uuid: UUID, vmState: 'Paused', taskState: 'Migrating', memoryBytes: 2n * GIBIBYTE });
    world.host.put(arriving);
    world.settle();
    expect(world.claim('a').status).toMatchObject({ nodeName: 'node-b', migration: { targetNodeName: 'node-a' } });
    expect(node(world)).toMatchObject({
      used: { memory: '2Gi' },
      orphans: [],
      columns: { orphans: 0 },
      runningInstances: 0,
    });
    const { taskState: _over, ...arrived } = arriving;
    world.host.put({ ...arrived, vmState: 'Active' });
    world.settle();
    expect(world.claim('a').status).toMatchObject({ nodeName: 'node-a', vmState: 'Active' });
    expect(node(world)).toMatchObject({ used: { memory: '2Gi' }, orphans: [], runningInstances: 1 });
  });

  it('is counted again when the claim that took it over could not be written', () => {
    const world = ownedWorld();
    world.host.put(instance({ uuid: UUID, memoryBytes: 6n * GIBIBYTE }));
    world.create(claimOf({ memoryMi: 6144 }));
    world.settle(/write claim/);
    world.api.claims.delete('a', 'default');
    world.settle();
    expect(node(world)).toMatchObject({ used: { memory: '6Gi' }, orphans: [{ uuid: UUID }] });
  });

  it('is the one that its metadata names, whatever its uuid', () => {
    const world = ownedWorld();
    world.host.put(instance({ uuid: UUID, memoryBytes: 6n * GIBIBYTE, claim: { namespace: 'default', name: 'a' } }));
    world.settle();
    world.create(claim({ name: 'a', memoryMi: 6144 }));
    world.settle();
    expect(world.claim('a').status).toMatchObject({ phase: 'Claimed', vmState: 'Active' });
    expect(node(world)).toMatchObject({ used: { memory: '6Gi' }, orphans: [] });
  });

  it.each(['Capped', 'ClaimOnly'] as const)('keeps its devices from being handed out under %s', (limitPolicy) => {
    const world = ownedWorld();
    world.api.computeNodes.change('node-a', undefined, () => ({ spec: { limitPolicy } }));
    world.host.put(instance({ uuid: UUID, devices: ['0000:01:00.0'] }));
    world.settle();
    world.create(claim({ name: 'b', pciRequests: [{ name: 'gpu', count: 1, alias: 'gpu' }] }));
    world.settle();
    expect(world.claim('b').status?.pciDevices).toMatchObject([{ address: '0000:02:00.0' }]);
    const { vcpus } = node(world).used ?? {};
    expect(vcpus).toBe(limitPolicy === 'Capped' ? 2 : 1);
  });
});

describe('one instance and two claims for it, where its metadata names one of them', () => {
  const named = { namespace: 'default', name: 'named' };
  const refused = (by: string) => ({
    phase: 'Rejected',
    conditions: [{ reason: 'InstanceAlreadyClaimed', message: expect.stringContaining(`default/${by} already`) }],
  });

  it('refuses the one that gives the uuid once the named one has it', () => {
    const world = ownedWorld();
    world.host.put(instance({ uuid: UUID, claim: named }));
    world.create(claim({ name: 'named' }));
    world.settle();
    world.create(claimOf());
    world.settle();
    expect(world.claim('a').status).toMatchObject(refused('named'));
    expect(world.claim('named').status).toMatchObject({ phase: 'Claimed', vmState: 'Active' });
  });

  it('refuses the named one once the one that gives the uuid has it', () => {
    const world = ownedWorld();
    world.host.put(instance({ uuid: UUID, claim: named }));
    world.create(claimOf());
    world.settle();
    world.create(claim({ name: 'named' }));
    world.settle();
    expect(world.claim('named').status).toMatchObject(refused('a'));
    expect(node(world)).toMatchObject({ orphans: [] });
  });

  it('grants the claim of a copied instance, whose metadata still names the claim of the original', () => {
    const world = ownedWorld();
    const other = '00000000-0000-4000-8000-000000000000';
    world.host.put(instance({ uuid: other, claim: named }));
    world.create(claim({ name: 'named' }));
    world.settle();
    world.host.put(instance({ uuid: UUID, claim: named }));
    world.settle();
    world.create(claimOf());
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
  });
});

describe('adopting', () => {
  it('grants over the limit what runs already, with the devices that it has', () => {
    const world = ownedWorld();
    world.create(claim({ name: 'full', memoryMi: 8192 }));
    world.settle();
    world.host.put(instance({ uuid: UUID, memoryBytes: 4n * GIBIBYTE, devices: ['0000:02:00.0'] }));
    world.settle();
    const pciRequests = [{ name: 'gpu', count: 1, alias: 'gpu' }];
    world.create(claimOf({ memoryMi: 4096, adopt: true, pciRequests }));
    world.settle();
    expect(world.claim('a').status).toMatchObject({
      phase: 'Claimed',
      pciDevices: [{ request: 'gpu', address: '0000:02:00.0', vendorID: '10de', productID: '2204' }],
    });
    expect(node(world)).toMatchObject({ used: { memory: '12Gi' }, available: { memory: '-4Gi' } });
  });

  it('writes a device that the node knows nothing of by its address alone', () => {
    const world = ownedWorld({ settings: { pciDevices: [] } });
    world.create(claim({ name: 'full', memoryMi: 8192 }));
    world.settle();
    world.host.put(instance({ uuid: UUID, devices: ['0000:02:00.0'] }));
    world.settle();
    world.create(claimOf({ adopt: true }));
    world.settle();
    expect(world.claim('a').status?.pciDevices).toEqual([{ request: 'adopted', address: '0000:02:00.0' }]);
  });

  it('takes the devices along, asked for or not, where there is room, too', () => {
    const world = ownedWorld();
    world.host.put(instance({ uuid: UUID, devices: ['0000:02:00.0'] }));
    world.settle();
    world.create(claimOf({ adopt: true }));
    world.settle();
    expect(world.claim('a').status?.pciDevices).toMatchObject([{ address: '0000:02:00.0' }]);
  });

  it('is tested like any other where nothing runs', () => {
    const world = ownedWorld();
    world.create(claimOf({ memoryMi: 9216, adopt: true }));
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Rejected');
  });
});

describe('expiry', () => {
  function worldWithGrant(): World {
    const world = ownedWorld();
    world.create(claimOf({ memoryMi: 6144, expirationSeconds: 60 }));
    world.settle();
    return world;
  }

  it('gives back what was granted to an instance that did not appear in time', () => {
    const world = worldWithGrant();
    expect(world.agents[0]?.dueMs).toBe(world.clock.nowMs + 61_000);
    world.clock.advance(60_999);
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
    world.clock.advance(1);
    world.settle();
    expect(world.claim('a').status).toMatchObject({ phase: 'Expired' });
    expect(condition(world.claim('a'), 'Claimed')).toEqual(['False', 'Expired']);
    expect(world.agents[0]?.outcomes.at(-1)).toMatchObject({
      phase: 'Expired',
      message: 'the instance did not appear within 60 s of the grant',
    });
    expect(node(world).used?.memory).toBe('0');
  });

  it('holds until its write is answered', () => {
    const world = worldWithGrant();
    world.clock.advance(61_000);
    world.create(claim({ name: 'b', memoryMi: 4096 }));
    world.settle(/claim default\/a/);
    expect(world.claim('b').status?.phase).toBe('Rejected');
    expect(node(world).used?.memory).toBe('6Gi');
    expect(node(world).agent?.deciding?.map(({ name }) => name)).toContain('a');
  });

  it('does not come once the instance was seen, even if it vanishes', () => {
    const world = worldWithGrant();
    world.host.put(instance({ uuid: UUID, memoryBytes: 6n * GIBIBYTE }));
    world.settle();
    world.host.remove(UUID);
    world.settle();
    world.clock.advance(600_000);
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
    expect(condition(world.claim('a'), 'InstanceRunning')).toEqual(['False', 'InstanceMissing']);
    expect(node(world).used?.memory).toBe('6Gi');
  });
});

describe('the state of a claimed instance', () => {
  function worldWithInstance(): World {
    const world = ownedWorld();
    world.create(claimOf());
    world.host.put(instance({ uuid: UUID }));
    world.settle();
    return world;
  }

  it('follows the hypervisor', () => {
    const world = worldWithInstance();
    expect(world.claim('a').status?.vmState).toBe('Active');
    expect(condition(world.claim('a'), 'InstanceRunning')).toEqual(['True', 'Active']);
    expect(condition(world.claim('a'), 'InstanceMatchesClaim')).toEqual(['True', 'Matches']);
    world.host.put(instance({ uuid: UUID, vmState: 'Stopped' }));
    world.settle();
    expect(world.claim('a').status?.vmState).toBe('Stopped');
    expect(condition(world.claim('a'), 'InstanceRunning')).toEqual(['False', 'Stopped']);
    expect(node(world).stats?.byVMState).toEqual({ Stopped: 1 });
  });

  it('counts the larger where the hypervisor gave it more, and says so', () => {
    const world = worldWithInstance();
    world.host.put(instance({ uuid: UUID, memoryBytes: 3n * GIBIBYTE, vcpus: 2n }));
    world.settle();
    expect(node(world).used).toEqual({ vcpus: 2, memory: '3Gi', disk: '0' });
    expect(condition(world.claim('a'), 'InstanceMatchesClaim')).toEqual(['False', 'InstanceExceedsClaim']);
  });

  it('is written again after a conflict with somebody else', () => {
    const world = worldWithInstance();
    world.host.put(instance({ uuid: UUID, vmState: 'Paused' }));
    world.settle(/land write claim/);
    world.api.claims.change('a', 'default', ({ status }) => ({ status: { ...status, taskState: 'snapshotting' } }));
    world.settle();
    expect(world.claim('a').status).toMatchObject({ vmState: 'Paused', taskState: 'snapshotting' });
  });

  it('is not named in deciding, and needs no write of ComputeNode first', () => {
    const world = worldWithInstance();
    const { resourceVersion } = world.api.computeNodes.get('node-a')?.metadata ?? {};
    world.host.put(instance({ uuid: UUID, vmState: 'Paused' }));
    world.settle(/commit/);
    expect(world.claim('a').status?.vmState).toBe('Paused');
    expect(world.api.computeNodes.get('node-a')?.metadata.resourceVersion).toBe(resourceVersion);
  });

  it('tells when a device that it was given is gone from the host', () => {
    const world = ownedWorld({ host: { devices: [gpu(1)] } });
    world.create(claimOf({ pciRequests: [{ name: 'gpu', count: 1, alias: 'gpu' }] }));
    world.settle();
    expect(condition(world.claim('a'), 'DevicesPresent')).toEqual(['True', 'Present']);
    const report = world.host.audit();
    if (report !== undefined) world.agents[0]?.observe({ kind: 'hostReported', report: { ...report, devices: [] } });
    world.settle();
    expect(condition(world.claim('a'), 'DevicesPresent')).toEqual(['False', 'DevicesMissing']);
  });
});
