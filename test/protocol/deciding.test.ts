import { describe, expect, it } from 'vitest';
import type { InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { type ClaimParts, claim, gpu } from '../simulation/world/objects.ts';
import { World, type WorldParts } from '../simulation/world/world.ts';

/** A world whose agent owns the node and has audited it. 8 vCPUs, 8 GiB, 100 GiB of disk, 2 GPUs. */
function ownedWorld(parts: WorldParts = {}): World {
  const world = new World({ host: { devices: [gpu(1), gpu(2)] }, ...parts });
  world.startAgent();
  world.settle();
  return world;
}

function told(object: InstanceClaim): { phase: string | undefined; reason?: string; message?: string } {
  const condition = object.status?.conditions?.find(({ type }) => type === 'Claimed');
  const { reason, message } = condition ?? {};
  return {
    phase: object.status?.phase,
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
  };
}

describe('deciding a claim', () => {
  it('grants what fits: the phase, the place, the flavor in canonical form and the devices in one write', () => {
    const world = ownedWorld({ settings: { hostIP: '10.0.0.7', overheadMemoryBytes: () => 64n << 20n } });
    const pciRequests = [{ name: 'accelerator', count: 1, alias: 'gpu' }];
    world.create(claim({ name: 'a', memoryMi: 2048, vcpus: 2, diskGi: 10, pciRequests }));
    world.settle();
    const { conditions, ...status } = world.claim('a').status ?? {};
    expect(status).toEqual({
      phase: 'Claimed',
      nodeName: 'node-a',
      hostname: 'host-a',
      hostIP: '10.0.0.7',
      launchedOn: 'node-a',
      vmState: 'Building',
      token: 'token-1',
      flavor: { vcpus: 2, memory: '2Gi', rootDisk: '10Gi' },
      overhead: { memory: '64Mi' },
      pciDevices: [{ request: 'accelerator', address: '0000:01:00.0', vendorID: '10de', productID: '2204' }],
      observedGeneration: 1,
    });
    expect(conditions).toContainEqual({
      type: 'Claimed',
      status: 'True',
      reason: 'Claimed',
      message: 'claimed on node node-a',
      observedGeneration: 1,
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    const { used, pciDevices } = world.api.computeNodes.get('node-a')?.status ?? {};
    expect(used).toEqual({ vcpus: 2, memory: '2112Mi', disk: '10Gi' });
    expect(pciDevices?.[0]).toMatchObject({ state: 'Claimed', claimUID: world.claim('a').metadata.uid });
  });

  const refusals: readonly [string, Partial<ClaimParts>, string, string][] = [
    [
      'memory',
      { memoryMi: 9216 },
      'InsufficientMemory',
      'memory: requested 9216Mi, available 8192Mi (limit 8192Mi, used 0Mi)',
    ],
    ['disk', { diskGi: 101 }, 'InsufficientDisk', 'disk: requested 101Gi, available 100Gi (limit 100Gi, used 0Gi)'],
    ['vCPUs', { vcpus: 9 }, 'InsufficientVCPUs', 'vCPUs: requested 9, available 8 (limit 8, used 0)'],
    [
      'PCI devices',
      { pciRequests: [{ name: 'gpus', count: 3, alias: 'gpu' }] },
      'InsufficientPCIDevices',
      'PCI devices: gpus: requested 3, free 2',
    ],
    [
      'everything at once, in the order memory, disk, vCPUs, PCI',
      { memoryMi: 9216, diskGi: 101, vcpus: 9, pciRequests: [{ name: 'gpus', count: 3, alias: 'gpu' }] },
      'InsufficientMemory,InsufficientDisk,InsufficientVCPUs,InsufficientPCIDevices',
      'memory: requested 9216Mi, available 8192Mi (limit 8192Mi, used 0Mi); ' +
        'disk: requested 101Gi, available 100Gi (limit 100Gi, used 0Gi); vCPUs: requested 9, available 8 (limit 8, used 0); ' +
        'PCI devices: gpus: requested 3, free 2',
    ],
    [
      "the claim's own limit",
      { memoryMi: 2048, limits: { memory: '1Gi' } },
      'InsufficientMemory',
      'memory: requested 2048Mi, available 1024Mi (limit 1024Mi, used 0Mi)',
    ],
    [
      'an alias that nobody configured',
      { pciRequests: [{ name: 'nics', count: 1, alias: 'nic' }] },
      'UnknownPCIAlias',
      'no PCI alias "nic" is configured on node node-a (known: gpu)',
    ],
    [
      'an instancetype without KubeVirt',
      { flavorRef: { kind: 'VirtualMachineInstancetype', name: 'u1' } },
      'UnknownFlavor',
      'flavorRef needs the KubeVirt driver; write spec.flavor instead',
    ],
  ];
  it.each(refusals)('refuses for good for want of %s, with the figures', (_what, parts, reason, message) => {
    const world = ownedWorld();
    world.create(claim({ name: 'a', ...parts }));
    world.settle();
    expect(told(world.claim('a'))).toEqual({ phase: 'Rejected', reason, message });
    expect(world.agents[0]?.outcomes).toMatchObject([{ phase: 'Rejected', reasons: reason.split(','), message }]);
  });

  it.each([
    ['a negative limit', { limits: { memory: '-1Gi' } }],
    ['a negative amount', { memoryMi: -1 }],
    ['vCPUs that are no whole number', { vcpus: 1.5 }],
    ['more bytes than there are numbers for', { diskGi: 2 ** 40 }],
  ])('refuses %s, which the schema should have caught, and decides the rest', (_what, parts) => {
    const world = ownedWorld();
    world.create(claim({ name: 'broken', ...parts }));
    world.create(claim({ name: 'sound' }));
    world.settle();
    expect(told(world.claim('broken'))).toMatchObject({ phase: 'Rejected', reason: 'InvalidQuantity' });
    expect(world.claim('sound').status?.phase).toBe('Claimed');
  });

  it('decides oldest first, then by UID, whatever the order in which it saw them', () => {
    const world = new World();
    for (const name of ['z', 'y', 'x']) {
      world.create(claim({ name, memoryMi: 4096 }));
      world.clock.advance(1000);
    }
    world.startAgent();
    world.settle();
    expect(['z', 'y', 'x'].map((name) => world.claim(name).status?.phase)).toEqual(['Claimed', 'Claimed', 'Rejected']);
  });

  it('decides many claims with one write of the ComputeNode', () => {
    const world = ownedWorld();
    const before = world.agents[0]?.commits ?? 0;
    for (const name of ['a', 'b', 'c', 'd']) world.create(claim({ name }));
    world.settle(/turn|commit/);
    world.settle(/write claim/);
    expect((world.agents[0]?.commits ?? 0) - before).toBe(1);
  });

  it('refuses the second claim for one instance, also within one batch, and says who has it', () => {
    const world = ownedWorld();
    const uuid = '11111111-1111-4111-8111-111111111111';
    world.create(claim({ name: 'first', instance: { uuid } }));
    world.clock.advance(1000);
    world.create(claim({ name: 'second', instance: { uuid } }));
    world.settle();
    expect(world.claim('first').status?.phase).toBe('Claimed');
    const refused = {
      phase: 'Rejected',
      reason: 'InstanceAlreadyClaimed',
      message: 'the instance is claimed by InstanceClaim default/first already; delete that one first',
    };
    expect(told(world.claim('second'))).toEqual(refused);
    world.create(claim({ name: 'third', instance: { uuid }, whenInsufficient: 'Wait' }));
    world.settle();
    expect(told(world.claim('third'))).toEqual(refused);
  });

  it('leaves a claim that is being deleted undecided', () => {
    const world = ownedWorld();
    world.create(claim({ name: 'a' }));
    world.api.claims.change('a', 'default', ({ metadata }) => ({
      metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    }));
    world.settle();
    expect(world.claim('a').status).toBeUndefined();
  });

  it('gives back what a deleted claim held', () => {
    const world = ownedWorld();
    world.create(claim({ name: 'a', memoryMi: 8192 }));
    world.settle();
    world.api.claims.delete('a', 'default');
    world.settle();
    expect(world.api.computeNodes.get('node-a')?.status?.used).toEqual({ vcpus: 0, memory: '0', disk: '0' });
    world.create(claim({ name: 'b', memoryMi: 8192 }));
    world.settle();
    expect(world.claim('b').status?.phase).toBe('Claimed');
  });

  it('tells each decision once, with the time that it took', () => {
    const world = ownedWorld();
    world.create(claim({ name: 'a' }));
    world.settle(/turn/);
    world.clock.advance(250);
    world.settle();
    world.agents[0]?.listClaims();
    world.settle();
    expect(world.agents[0]?.outcomes).toMatchObject([{ ref: { name: 'a' }, phase: 'Claimed', latencyMs: 250 }]);
  });

  it('counts the claims that others granted and this agent only finds', () => {
    const world = ownedWorld();
    world.create(claim({ name: 'a', memoryMi: 6144 }));
    world.settle();
    world.agents[0]?.kill();
    world.startAgent();
    world.create(claim({ name: 'b', memoryMi: 4096 }));
    world.settle();
    expect(told(world.claim('b')).message).toBe(
      'memory: requested 4096Mi, available 2048Mi (limit 8192Mi, used 6144Mi)',
    );
  });
});

describe('a claim that a scheduler places', () => {
  const bind = (world: World, nodeName: string): void => {
    world.api.claims.change('a', 'default', ({ spec }) => ({ spec: { ...spec, nodeName } }));
  };

  it('stays Pending when it is refused, and tells the attempt', () => {
    const world = ownedWorld();
    world.create(claim({ name: 'a', memoryMi: 9216, vcpus: 9, schedulerName: 'sched' }));
    world.settle();
    expect(world.claim('a').status).toMatchObject({
      phase: 'Pending',
      attempts: [{ nodeName: 'node-a', reasons: ['InsufficientMemory', 'InsufficientVCPUs'] }],
    });
    expect(told(world.claim('a')).reason).toBe('InsufficientMemory,InsufficientVCPUs');
  });

  it('is left alone after its attempt, whatever becomes free', () => {
    const world = ownedWorld();
    world.create(claim({ name: 'full', memoryMi: 8192 }));
    world.settle();
    world.create(claim({ name: 'a', schedulerName: 'sched' }));
    world.settle();
    world.api.claims.delete('full', 'default');
    world.settle();
    expect(world.claim('a').status).toMatchObject({ phase: 'Pending', attempts: [{ nodeName: 'node-a' }] });
  });

  it('is decided again when it comes back from another node: A, B, then A again', () => {
    const world = ownedWorld();
    world.create(claim({ name: 'full', memoryMi: 8192 }));
    world.settle();
    world.create(claim({ name: 'a', schedulerName: 'sched' }));
    world.settle();
    bind(world, 'node-b');
    world.settle();
    world.api.claims.change('a', 'default', ({ status }) => ({
      status: {
        ...status,
        attempts: [...(status?.attempts ?? []), { nodeName: 'node-b', reasons: ['InsufficientDisk'] }],
      },
    }));
    bind(world, 'node-a');
    world.settle();
    expect(world.claim('a').status?.attempts).toEqual([
      { nodeName: 'node-b', reasons: ['InsufficientDisk'] },
      { nodeName: 'node-a', reasons: ['InsufficientMemory'] },
    ]);
    bind(world, 'node-b');
    world.settle();
    world.api.claims.delete('full', 'default');
    world.api.claims.change('a', 'default', ({ status }) => ({
      status: { ...status, attempts: [{ nodeName: 'node-a' }, { nodeName: 'node-b' }] },
    }));
    bind(world, 'node-a');
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
  });

  it('is none of our business once it is elsewhere, even when the events of both moves come late and twice', () => {
    const world = ownedWorld();
    const agent = world.agents[0];
    world.create(claim({ name: 'a', memoryMi: 9216, schedulerName: 'sched' }));
    world.settle();
    bind(world, 'node-b');
    world.settle();
    for (const step of agent?.faults().filter(({ what }) => what.includes('rewind')) ?? []) step.run();
    world.settle();
    const { resourceVersion } = world.claim('a').metadata;
    agent?.audit();
    world.settle();
    expect(world.claim('a').metadata.resourceVersion).toBe(resourceVersion);
  });
});

describe('a claim that waits', () => {
  const waiter = (name: string, memoryMi: number, more: Partial<ClaimParts> = {}) =>
    claim({ name, memoryMi, whenInsufficient: 'Wait', ...more });
  const phases = (world: World, ...names: string[]) => names.map((name) => world.claim(name).status?.phase);

  /** 6 of 8 GiB are held by `full`. */
  function fullWorld(): World {
    const world = ownedWorld();
    world.create(claim({ name: 'full', memoryMi: 6144 }));
    world.settle();
    world.clock.advance(1000);
    return world;
  }

  it('stays Pending with the reason, and is granted when room appears', () => {
    const world = fullWorld();
    world.create(waiter('w', 4096));
    world.settle();
    expect(told(world.claim('w'))).toEqual({
      phase: 'Pending',
      reason: 'InsufficientMemory',
      message: 'memory: requested 4096Mi, available 2048Mi (limit 8192Mi, used 6144Mi)',
    });
    world.api.claims.delete('full', 'default');
    world.settle();
    expect(phases(world, 'w')).toEqual(['Claimed']);
  });

  it('is served first come first: a smaller one behind it does not overtake, one that does not wait may', () => {
    const world = fullWorld();
    for (const [name, memoryMi] of [
      ['w1', 4096],
      ['w2', 1024],
    ] as const) {
      world.create(waiter(name, memoryMi));
      world.clock.advance(1000);
    }
    world.create(claim({ name: 'now', memoryMi: 1024 }));
    world.settle();
    expect(phases(world, 'w1', 'w2', 'now')).toEqual(['Pending', 'Pending', 'Claimed']);
    expect(told(world.claim('w2'))).toMatchObject({
      reason: 'Queued',
      message: 'an earlier claim waits for this node',
    });
    world.api.claims.delete('w1', 'default');
    world.settle();
    expect(phases(world, 'w2')).toEqual(['Claimed']);
  });

  it('keeps its place while its own note of waiting is being written', () => {
    const world = fullWorld();
    world.create(waiter('w1', 4096));
    world.settle(/land write claim default\/w1/);
    world.clock.advance(1000);
    world.create(waiter('w2', 1024));
    world.settle(/land write claim default\/w1/);
    expect(told(world.claim('w2'))).toMatchObject({ phase: 'Pending', reason: 'Queued' });
  });

  it('is refused at once when not even the empty node could hold it', () => {
    const world = fullWorld();
    world.create(waiter('w', 9216));
    world.settle();
    expect(told(world.claim('w'))).toEqual({
      phase: 'Rejected',
      reason: 'ExceedsNodeLimit,InsufficientMemory',
      message:
        'not even the empty node could hold it: memory: requested 9216Mi, available 8192Mi (limit 8192Mi, used 0Mi)',
    });
  });

  it('is refused when waitSeconds are over, counted from the end of the second in which it was created', () => {
    const world = fullWorld();
    world.create(waiter('w', 4096, { waitSeconds: 60 }));
    world.clock.advance(20_000);
    world.settle();
    const createdMs = Date.parse(world.claim('w').metadata.creationTimestamp ?? '');
    expect(world.agents[0]?.dueMs).toBe(createdMs + 61_000);
    world.clock.advance(40_000);
    world.settle();
    expect(phases(world, 'w')).toEqual(['Pending']);
    world.clock.advance(1_000);
    world.settle();
    expect(told(world.claim('w'))).toEqual({
      phase: 'Rejected',
      reason: 'InsufficientMemory',
      message: 'waited 60 s: memory: requested 4096Mi, available 2048Mi (limit 8192Mi, used 6144Mi)',
    });
  });

  it('does not write its figures anew with every claim that comes and goes', () => {
    const world = fullWorld();
    world.create(waiter('w', 4096));
    world.settle();
    const { resourceVersion } = world.claim('w').metadata;
    world.create(claim({ name: 'small', memoryMi: 512 }));
    world.settle();
    world.api.claims.delete('small', 'default');
    world.settle();
    expect(world.claim('w').metadata.resourceVersion).toBe(resourceVersion);
  });

  it('ends its wait when its owner no longer wants to wait', () => {
    const world = fullWorld();
    world.create(waiter('w', 4096));
    world.settle();
    world.api.claims.change('w', 'default', ({ spec }) => ({ spec: { ...spec, whenInsufficient: 'Reject' } }));
    world.settle();
    expect(phases(world, 'w')).toEqual(['Rejected']);
  });

  it('waits for a cordoned node, where others are refused', () => {
    const world = ownedWorld();
    world.agents[0]?.observe({ kind: 'hostNodeSeen', unschedulable: true });
    world.create(waiter('w', 1024));
    world.create(claim({ name: 'now' }));
    world.settle();
    expect(phases(world, 'w', 'now')).toEqual(['Pending', 'Rejected']);
    expect(told(world.claim('now'))).toMatchObject({
      reason: 'NodeUnschedulable',
      message: 'node node-a is unschedulable',
    });
    world.agents[0]?.observe({ kind: 'hostNodeSeen', unschedulable: false });
    world.settle();
    expect(phases(world, 'w')).toEqual(['Claimed']);
  });
});

describe('what is named in deciding', () => {
  it('is everything that is written, and at most as much as the bound', () => {
    const world = ownedWorld({ settings: { maxBatch: 3 } });
    for (let n = 0; n < 8; n += 1) world.create(claim({ name: `c${n}` }));
    world.settle(/land write claim/);
    const deciding = world.api.computeNodes.get('node-a')?.status?.agent?.deciding ?? [];
    const written = world.network.requests.map(({ what }) => what.replace(/.*default\//, ''));
    expect(deciding.map(({ name }) => name).toSorted()).toEqual(written.toSorted());
    expect(deciding).toHaveLength(3);
    world.settle();
    expect(world.api.claims.list(({ status }) => status?.phase === 'Claimed').items).toHaveLength(8);
  });

  it('is bounded when many claims expire at once, too', () => {
    const world = ownedWorld({ settings: { maxBatch: 3 } });
    for (let n = 0; n < 8; n += 1) world.create(claim({ name: `c${n}`, expirationSeconds: 60 }));
    world.settle();
    world.clock.advance(61_000);
    world.settle(/land write claim/);
    expect(world.api.computeNodes.get('node-a')?.status?.agent?.deciding).toHaveLength(3);
    world.settle();
    expect(world.api.claims.list(({ status }) => status?.phase === 'Expired').items).toHaveLength(8);
  });

  it('is not blocked for ever by a claim that was made anew while its write was under way', () => {
    const world = ownedWorld({ settings: { maxBatch: 1 } });
    world.create(claim({ name: 'a' }));
    world.settle(/land write claim/);
    world.api.claims.delete('a', 'default');
    world.create(claim({ name: 'a' }));
    // The agent lists before it hears of the deletion.
    world.agents[0]?.listClaims();
    world.settle();
    world.create(claim({ name: 'b' }));
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
    expect(world.claim('b').status?.phase).toBe('Claimed');
    expect(world.api.computeNodes.get('node-a')?.status?.agent?.deciding).toMatchObject([{ name: 'b' }]);
  });
});
