import { expect, inject, test } from 'vitest';
import { EVENTS, NODES } from '../../../src/api/kinds.ts';
import type { EventObject } from '../../../src/kube/event-object.ts';
import { type KubeObject, resourceClient } from '../../../src/kube/resource.ts';
import { eventually } from './eventually.ts';
import { gpus } from './host-file.ts';
import { conditionOf, GI, NOTHING, reasonsOf, Scene } from './scene.ts';

const SMALL = { vcpus: 4, memory: '4Gi', disk: '10Gi' };
const UUID = '5d1c0f3a-6b1e-4f5c-9d55-3f1f0a7b9c01';
const ORPHAN = { uuid: UUID, name: 'stray', vcpus: 2, memory: '3Gi' };
const GPU = [{ name: 'gpu', count: 1, selectors: [{ vendorID: '10de' }] }];
const ALL = { flavor: { vcpus: 4, memory: '4Gi' } };

const open = (host: Parameters<typeof Scene.open>[1] = { totals: SMALL }) => Scene.open(inject('kubeconfigPath'), host);

test('A claim that fits is granted, and the node shows what it holds.', async () => {
  const scene = await open();
  await scene.startReady();
  await scene.claim('fits', { flavor: { vcpus: 1, memory: '1Gi', rootDisk: '3Gi', ephemeralDisk: '1Gi' } });
  const { status } = await scene.decided('fits');
  expect(status).toMatchObject({ phase: 'Claimed', nodeName: scene.nodeName, hostname: 'host', vmState: 'Building' });
  expect(await scene.sumsAreRight()).toEqual({ vcpus: 1, memory: GI, disk: 4n * GI });
});

test('A claim that asks for too much of everything is refused with all reasons at once.', async () => {
  const scene = await open({ totals: SMALL, devices: gpus(1) });
  await scene.startReady();
  await scene.claim('greedy', {
    flavor: { vcpus: 5, memory: '5Gi', rootDisk: '11Gi' },
    pciRequests: [{ name: 'gpu', count: 2, selectors: [{ vendorID: '10de' }] }],
  });
  const claim = await scene.decided('greedy');
  expect(claim.status?.phase).toBe('Rejected');
  expect(reasonsOf(claim)).toEqual([
    'InsufficientMemory',
    'InsufficientDisk',
    'InsufficientVCPUs',
    'InsufficientPCIDevices',
  ]);
  expect(conditionOf(claim.status?.conditions, 'Claimed')?.message).toBe(
    'memory: requested 5120Mi, available 4096Mi (limit 4096Mi, used 0Mi); disk: requested 11Gi, available 10Gi (limit 10Gi, used 0Gi); ' +
      'vCPUs: requested 5, available 4 (limit 4, used 0); PCI devices: gpu: requested 2, free 1',
  );
  expect(await scene.sumsAreRight()).toEqual(NOTHING);
});

test('PCI devices are granted, shown on the node, and free again after the claim.', async () => {
  const scene = await open({ devices: gpus(2) });
  await scene.startReady();
  await scene.claim('gpu', { pciRequests: [{ name: 'gpu', count: 2, selectors: [{ vendorID: '10de' }] }] });
  const { metadata } = await scene.decided('gpu');
  await scene.sumsAreRight();
  const { pciDevices } = (await scene.readNode()).status ?? {};
  expect(pciDevices).toMatchObject([
    { address: '0000:01:00.0', state: 'Claimed', claimUID: metadata.uid },
    { address: '0000:02:00.0', state: 'Claimed', claimUID: metadata.uid },
  ]);
  await scene.delete('gpu');
  await eventually(async () =>
    expect((await scene.readNode()).status?.pciPools).toMatchObject([{ total: 2, free: 2 }]),
  );
});

test('A claim that waits says why, and is granted when another one is deleted.', async () => {
  const scene = await open();
  await scene.startReady();
  await scene.claim('first', ALL);
  await scene.decided('first');
  await scene.claim('waits', { ...ALL, whenInsufficient: 'Wait' });
  await eventually(async () =>
    expect(reasonsOf(await scene.read('waits'))).toEqual(['InsufficientMemory', 'InsufficientVCPUs']),
  );
  await scene.delete('first');
  expect((await scene.decided('waits')).status?.phase).toBe('Claimed');
  expect(await scene.sumsAreRight()).toEqual({ vcpus: 4, memory: 4n * GI, disk: 0n });
});

test('A claim that could never fit is refused although it would wait.', async () => {
  const scene = await open();
  await scene.startReady();
  await scene.claim('huge', { flavor: { vcpus: 1, memory: '5Gi' }, whenInsufficient: 'Wait' });
  expect(reasonsOf(await scene.decided('huge'))).toEqual(['ExceedsNodeLimit', 'InsufficientMemory']);
});

test('A claim that waits for a time is refused when that is over.', async () => {
  const scene = await open();
  await scene.startReady();
  await scene.claim('first', ALL);
  await scene.decided('first');
  await scene.claim('waits', { ...ALL, whenInsufficient: 'Wait', waitSeconds: 1 });
  const claim = await scene.decided('waits');
  expect(claim.status?.phase).toBe('Rejected');
  expect(conditionOf(claim.status?.conditions, 'Claimed')?.message).toMatch(/^waited 1 s: memory: /);
});

test('A grant expires when its instance does not come in time, and its resources are free again.', async () => {
  const scene = await open();
  await scene.startReady();
  await scene.claim('late', { ...ALL, expirationSeconds: 1 });
  expect((await scene.decided('late')).status?.phase).toBe('Claimed');
  await eventually(async () => expect((await scene.read('late')).status?.phase).toBe('Expired'));
  expect(await scene.sumsAreRight()).toEqual(NOTHING);
  await scene.claim('next', ALL);
  expect((await scene.decided('next')).status?.phase).toBe('Claimed');
});

test('A grant whose instance came in time does not expire, and a driver event moves its vmState.', async () => {
  const scene = await open();
  await scene.startReady();
  await scene.claim('timely', { ...ALL, instance: { uuid: UUID, name: 'one' }, expirationSeconds: 2 });
  const granted = await scene.decided('timely');
  const instance = { uuid: UUID, name: 'one', vcpus: 4, memory: '4Gi' };
  for (const [vmState, running] of [
    ['Paused', 'True'],
    ['Active', 'True'],
    ['Stopped', 'False'],
  ]) {
    await scene.writeHost({ totals: SMALL, instances: [{ ...instance, vmState: vmState ?? '' }] });
    await eventually(async () => {
      const { status } = await scene.read('timely');
      expect(status?.vmState).toBe(vmState);
      expect(conditionOf(status?.conditions, 'InstanceRunning')).toMatchObject({ status: running, reason: vmState });
    });
  }
  const expiresAtMs = Date.parse(conditionTime(granted)) + 3_000;
  await eventually(async () => expect(Date.now()).toBeGreaterThan(expiresAtMs));
  expect((await scene.read('timely')).status?.phase).toBe('Claimed');
  await scene.writeHost({ totals: SMALL });
  await eventually(async () =>
    expect(conditionOf((await scene.read('timely')).status?.conditions, 'InstanceRunning')).toMatchObject({
      status: 'False',
      reason: 'InstanceMissing',
    }),
  );
  expect(await scene.sumsAreRight()).toEqual({ vcpus: 4, memory: 4n * GI, disk: 0n });
});

test('A second claim for an instance is refused and names the first.', async () => {
  const scene = await open();
  await scene.startReady();
  await scene.claim('first', { instance: { uuid: UUID } });
  await scene.decided('first');
  await scene.claim('second', { instance: { uuid: UUID } });
  const claim = await scene.decided('second');
  expect(reasonsOf(claim)).toEqual(['InstanceAlreadyClaimed']);
  expect(conditionOf(claim.status?.conditions, 'Claimed')?.message).toContain(`${scene.namespace}/first`);
});

test('Of claims for one instance that come together exactly one is granted.', async () => {
  const scene = await open();
  await scene.startReady();
  await Promise.all(['a', 'b', 'c'].map((name) => scene.claim(name, { instance: { uuid: UUID } })));
  expect(await scene.allDecided()).toEqual({ Claimed: 1, Rejected: 2 });
  await scene.sumsAreRight();
});

test('A claim with a scheduler that is refused on one node is granted on the next.', async () => {
  const scene = await open({ totals: { ...SMALL, memory: '1Gi' } });
  const other = `${scene.nodeName}-b`;
  const hostFile = await scene.addHost('b.yaml', { hostname: 'host-b', totals: SMALL });
  const agents = [scene.start(), scene.start({ nodeName: other, hostFile })];
  await Promise.all(agents.map((agent) => agent.untilReady()));
  await scene.claim('travels', { flavor: { vcpus: 1, memory: '2Gi' }, schedulerName: 'test' });
  const refused = await scene.decided('travels');
  expect(refused.status).toMatchObject({
    phase: 'Pending',
    attempts: [{ nodeName: scene.nodeName, reasons: ['InsufficientMemory'] }],
  });
  await scene.claims.patch('travels', { spec: { nodeName: other } }, { namespace: scene.namespace, type: 'merge' });
  await eventually(async () =>
    expect((await scene.read('travels')).status).toMatchObject({
      phase: 'Claimed',
      nodeName: other,
      launchedOn: other,
      hostname: 'host-b',
      attempts: [{ nodeName: scene.nodeName }],
    }),
  );
  expect(await scene.sumsAreRight()).toEqual(NOTHING);
});

test('A claim that a scheduler takes to another node and back is decided anew.', async () => {
  const scene = await open({ totals: { ...SMALL, memory: '1Gi' } });
  await scene.startReady();
  await scene.claim('returns', { flavor: { vcpus: 1, memory: '2Gi' }, schedulerName: 'test' });
  await scene.decided('returns');
  const place = (nodeName: string) =>
    scene.claims.patch('returns', { spec: { nodeName } }, { namespace: scene.namespace, type: 'merge' });
  const absent = `${scene.nodeName}-absent`;
  const elsewhere = await place(absent);
  // The other node refuses, too: its agent's write, done by hand.
  const attempts = [...(elsewhere.status?.attempts ?? []), { nodeName: absent, reasons: ['InsufficientMemory'] }];
  await scene.claims.replaceStatus({ ...elsewhere, status: { ...elsewhere.status, attempts } });
  await scene.writeHost({ totals: SMALL });
  await eventually(async () => expect((await scene.readNode()).status?.total?.memory).toBe('4Gi'));
  await place(scene.nodeName);
  await eventually(async () => expect((await scene.read('returns')).status?.phase).toBe('Claimed'));
});

test('An unschedulable ComputeNode refuses new claims, and keeps what it has.', async () => {
  const scene = await open();
  await scene.startReady();
  await scene.claim('before');
  await scene.decided('before');
  await scene.nodes.patch(scene.nodeName, { spec: { unschedulable: true } }, { type: 'merge' });
  await eventually(async () => {
    const { metadata, status } = await scene.readNode();
    expect(status?.observedGeneration).toBe(metadata.generation);
  });
  await scene.claim('after');
  expect(reasonsOf(await scene.decided('after'))).toEqual(['NodeUnschedulable']);
  expect((await scene.read('before')).status?.phase).toBe('Claimed');
  await scene.nodes.patch(scene.nodeName, { spec: { unschedulable: null } }, { type: 'merge' });
  await scene.claim('waits', { whenInsufficient: 'Wait' });
  expect((await scene.decided('waits')).status?.phase).toBe('Claimed');
});

test('A cordoned Node refuses claims, lets those wait that can, and grants them when it is uncordoned.', async () => {
  const scene = await open();
  const nodes = resourceClient<KubeObject>(scene.connection, NODES);
  await nodes.create({ metadata: { name: scene.nodeName } });
  await nodes.patch(
    scene.nodeName,
    { status: { addresses: [{ type: 'InternalIP', address: '192.0.2.7' }] } },
    { type: 'merge', subresource: 'status' },
  );
  await nodes.patch(scene.nodeName, { spec: { unschedulable: true } }, { type: 'merge' });
  await scene.startReady();
  await scene.claim('waits', { whenInsufficient: 'Wait' });
  await scene.claim('refused');
  expect(reasonsOf(await scene.decided('refused'))).toEqual(['NodeUnschedulable']);
  await eventually(async () => expect(reasonsOf(await scene.read('waits'))).toEqual(['NodeUnschedulable']));
  await nodes.patch(scene.nodeName, { spec: { unschedulable: null } }, { type: 'merge' });
  expect((await scene.decided('waits')).status).toMatchObject({ phase: 'Claimed', hostIP: '192.0.2.7' });
  await nodes.delete(scene.nodeName);
});

test('An orphan counts until it is adopted, even over the limit, and then counts once.', async () => {
  const scene = await open({ totals: { ...SMALL, memory: '2Gi' }, instances: [ORPHAN] });
  await scene.startReady();
  expect(await scene.sumsAreRight({ vcpus: 2, memory: 3n * GI, disk: 0n })).toBeDefined();
  const { status } = await scene.readNode();
  expect(status).toMatchObject({ orphans: [{ uuid: UUID, name: 'stray' }], available: { memory: '-1Gi' } });
  expect(conditionOf(status?.conditions, 'OrphansDetected')).toMatchObject({ status: 'True' });
  await scene.claim('tests', { flavor: { vcpus: 2, memory: '3Gi' }, instance: { uuid: UUID } });
  expect(reasonsOf(await scene.decided('tests'))).toEqual(['InsufficientMemory']);
  await scene.claim('adopts', { flavor: { vcpus: 2, memory: '3Gi' }, instance: { uuid: UUID }, adopt: true });
  expect((await scene.decided('adopts')).status?.phase).toBe('Claimed');
  await eventually(async () => {
    const after = (await scene.readNode()).status;
    expect(after?.orphans ?? []).toEqual([]);
    expect(conditionOf(after?.conditions, 'OrphansDetected')).toMatchObject({ status: 'False' });
  });
  expect(await scene.sumsAreRight()).toEqual({ vcpus: 2, memory: 3n * GI, disk: 0n });
});

test('Decisions and turns of a node are told as Events.', async () => {
  const scene = await open({ totals: SMALL });
  await scene.startReady();
  await scene.claim('granted');
  await scene.claim('refused', { flavor: { vcpus: 1, memory: '9Gi' } });
  await scene.allDecided();
  await scene.writeHost({ totals: SMALL, instances: [ORPHAN] });
  const events = resourceClient<EventObject>(scene.connection, EVENTS);
  const told = async (namespace: string) => {
    const { items } = await events.list({ namespace });
    return items
      .filter(({ reportingInstance }) => reportingInstance === scene.nodeName)
      .map(({ type, reason, regarding, note }) => ({ type, reason, name: regarding.name, note }));
  };
  await eventually(async () =>
    expect((await told(scene.namespace)).toSorted((a, b) => (a.reason < b.reason ? -1 : 1))).toEqual([
      { type: 'Normal', reason: 'Claimed', name: 'granted', note: `claimed on node ${scene.nodeName}` },
      {
        type: 'Warning',
        reason: 'Rejected',
        name: 'refused',
        note: expect.stringMatching(/^InsufficientMemory: memory: /),
      },
    ]),
  );
  await eventually(async () =>
    expect(await told('default')).toContainEqual({
      type: 'Warning',
      reason: 'OrphansFound',
      name: scene.nodeName,
      note: '1 instance that no claim explains: stray',
    }),
  );
});

test('A ComputeNode that is deleted comes back with the right sums, and grants go on.', async () => {
  const scene = await open({ totals: SMALL, devices: gpus(2) });
  await scene.startReady();
  await scene.claim('before', { pciRequests: GPU });
  await scene.decided('before');
  const { metadata } = await scene.readNode();
  await scene.nodes.delete(scene.nodeName);
  await eventually(async () => expect((await scene.readNode()).metadata.uid).not.toBe(metadata.uid));
  expect(await scene.sumsAreRight()).toEqual({ vcpus: 1, memory: GI, disk: 0n });
  await scene.claim('after', { pciRequests: GPU });
  expect((await scene.decided('after')).status?.pciDevices).toMatchObject([{ address: '0000:02:00.0' }]);
  await scene.sumsAreRight();
});

test('What the host cannot tell is reported, and the rest is accounted and granted.', async () => {
  const scene = await open({
    totals: SMALL,
    instances: [ORPHAN],
    problems: [{ subject: 'instance broken', message: 'its XML has no memory' }],
  });
  await scene.startReady();
  await eventually(async () =>
    expect(conditionOf((await scene.readNode()).status?.conditions, 'HardwareReportCurrent')).toMatchObject({
      reason: 'CurrentWithProblems',
      message: 'instance broken: its XML has no memory',
    }),
  );
  await scene.claim('fits');
  expect((await scene.decided('fits')).status?.phase).toBe('Claimed');
  await scene.sumsAreRight({ vcpus: 2, memory: 3n * GI, disk: 0n });
});

test('A host file that becomes broken is reported, and what was known of the host stands.', async () => {
  const scene = await open();
  await scene.startReady();
  await scene.writeHost({ totals: { memory: 'much', disk: '1Gi' } });
  await eventually(async () => {
    const { status } = await scene.readNode();
    expect(conditionOf(status?.conditions, 'HardwareReportCurrent')?.message).toContain('totals.memory');
    expect(status?.total?.memory).toBe('4Gi');
  });
  await scene.claim('fits');
  expect((await scene.decided('fits')).status?.phase).toBe('Claimed');
});

test('While the hypervisor is away claims stay Pending, and are decided when it is back.', async () => {
  const scene = await open();
  const agent = await scene.startReady();
  await scene.claim('before');
  await scene.decided('before');
  await scene.writeHost({ totals: SMALL, faults: { disconnected: true } });
  await eventually(async () => {
    const { conditions } = (await scene.readNode()).status ?? {};
    expect(conditionOf(conditions, 'HypervisorConnected')?.status).toBe('False');
    expect(conditionOf(conditions, 'Ready')?.status).toBe('False');
  });
  expect(await agent.untilHealth('/readyz', 503)).toContain('the hypervisor is not connected');
  await scene.claim('meanwhile');
  await scene.delete('before');
  await eventually(async () => expect((await scene.readNode()).status?.used?.memory).toBe('0'));
  expect((await scene.read('meanwhile')).status?.phase ?? 'Pending').toBe('Pending');
  await scene.writeHost({ totals: SMALL });
  expect((await scene.decided('meanwhile')).status?.phase).toBe('Claimed');
  expect(await scene.sumsAreRight()).toEqual({ vcpus: 1, memory: GI, disk: 0n });
});

test('A claim that is deleted while the agent is down is given back at the start, and one created meanwhile is decided.', async () => {
  const scene = await open();
  const agent = await scene.startReady();
  await scene.claim('goes', ALL);
  await scene.decided('goes');
  await agent.kill();
  await scene.delete('goes');
  await scene.claim('comes', ALL);
  await scene.startReady();
  expect((await scene.decided('comes')).status?.phase).toBe('Claimed');
  expect(await scene.sumsAreRight()).toEqual({ vcpus: 4, memory: 4n * GI, disk: 0n });
});

function conditionTime({ status }: Awaited<ReturnType<Scene['read']>>): string {
  return status?.conditions?.find(({ type }) => type === 'Claimed')?.lastTransitionTime ?? '';
}
