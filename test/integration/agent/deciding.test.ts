import { expect, inject, test } from 'vitest';
import { eventually } from './eventually.ts';
import { gpus } from './host-file.ts';
import { conditionOf, reasonsOf, Scene } from './scene.ts';

const SMALL = { vcpus: 4, memory: '4Gi', disk: '10Gi' };

test('A claim that fits is granted, and the node shows what it holds.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), { totals: SMALL });
  await scene.startReady();
  await scene.claim('fits', { flavor: { vcpus: 1, memory: '1Gi', rootDisk: '3Gi', ephemeralDisk: '1Gi' } });
  const { status } = await scene.decided('fits');
  expect(status).toMatchObject({ phase: 'Claimed', nodeName: scene.nodeName, hostname: 'host', vmState: 'Building' });
  expect(await scene.sumsAreRight()).toEqual({ vcpus: 1, memory: 1n << 30n, disk: 4n << 30n });
});

test('A claim that asks for too much of everything is refused with all reasons at once.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), { totals: SMALL, devices: gpus(1) });
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
});

test('PCI devices are granted, shown on the node, and free again after the claim.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), { devices: gpus(2) });
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
