import { expect, inject, test } from 'vitest';
import { eventually } from './eventually.ts';
import type { FakeDevice, FakeHostFile } from './host-file.ts';
import { conditionOf, GI, reasonsOf, Scene } from './scene.ts';
import { told } from './told.ts';

const HOST: FakeHostFile = { totals: { vcpus: 8, memory: '8Gi', disk: '10Gi' } };
const GPU = (slot: number): FakeDevice => ({ address: `0000:0${slot}:00.0`, vendorID: '10de', productID: '20b5' });
const PF: FakeDevice = { address: '0000:5e:00.0', vendorID: '8086', productID: '1592', deviceType: 'PF', numaNode: 1 };
const VF = (fn: number): FakeDevice => ({
  ...PF,
  address: `0000:5e:02.${fn}`,
  productID: '1889',
  deviceType: 'VF',
  parentAddress: PF.address,
});
const CONFIG = [
  '--pci-devices=[{vendorID: "10DE", tags: [gpu]}, {address: "0000:5e:*.*", physicalNetwork: blue}]',
  '--pci-aliases={fast-nic: [{deviceType: VF, physicalNetwork: blue}], gpu: [{tags: [gpu]}]}',
];
const gpus = (count: number) => [{ name: 'gpu', count, alias: 'gpu' }];

async function sceneWith(...devices: readonly FakeDevice[]): Promise<Scene> {
  const scene = await Scene.open(inject('kubeconfigPath'), { ...HOST, devices });
  await scene.startReady({ flags: CONFIG });
  return scene;
}

const become = (scene: Scene, ...devices: readonly FakeDevice[]) => scene.writeHost({ ...HOST, devices });

async function untilNode(scene: Scene, address: string, expected: object): Promise<void> {
  await eventually(async () =>
    expect((await scene.readNode()).status?.pciDevices?.find((device) => device.address === address)).toMatchObject(
      expected,
    ),
  );
}

test("Aliases of the configuration give devices by tag and by network; a PF is nobody's while a VF of it is given.", async () => {
  const scene = await sceneWith(GPU(1), PF, VF(0), VF(1));
  await scene.claim('both', { pciRequests: [...gpus(1), { name: 'nic', count: 1, alias: 'fast-nic' }] });
  const { metadata, status } = await scene.decided('both');
  expect(status?.pciDevices).toMatchObject([
    { request: 'gpu', address: '0000:01:00.0', vendorID: '10de', productID: '20b5' },
    { request: 'nic', address: '0000:5e:02.0', numaNode: 1 },
  ]);
  await untilNode(scene, PF.address, { state: 'Unavailable' });
  await untilNode(scene, '0000:5e:02.0', { state: 'Claimed', claimUID: metadata.uid });
  const pf = [{ name: 'card', count: 1, selectors: [{ deviceType: 'PF' as const }] }];
  await scene.claim('card', { pciRequests: pf });
  expect(reasonsOf(await scene.decided('card'))).toEqual(['InsufficientPCIDevices']);
  await scene.delete('both');
  await untilNode(scene, PF.address, { state: 'Available' });
  await scene.claim('card-again', { pciRequests: pf });
  expect((await scene.decided('card-again')).status?.pciDevices).toMatchObject([{ address: PF.address }]);
  await scene.claim('vf', { pciRequests: [{ name: 'nic', count: 1, alias: 'fast-nic' }] });
  expect(reasonsOf(await scene.decided('vf'))).toEqual(['InsufficientPCIDevices']);
  expect(await scene.sumsAreRight()).toEqual({ vcpus: 1, memory: GI, disk: 0n });
});

test('Devices that are unplugged, plugged in again or replaced while they are given are told, and given to nobody else.', async () => {
  const scene = await sceneWith(GPU(1), GPU(2));
  await scene.claim('owner', { pciRequests: gpus(1) });
  const { metadata } = await scene.decided('owner');
  const owner = async () => conditionOf((await scene.read('owner')).status?.conditions, 'DevicesPresent')?.reason;

  await become(scene, GPU(2));
  await untilNode(scene, '0000:01:00.0', { state: 'Unavailable', claimUID: metadata.uid });
  await eventually(async () => expect(await owner()).toBe('DevicesMissing'));
  await eventually(async () =>
    expect(conditionOf((await scene.readNode()).status?.conditions, 'HardwareReportCurrent')?.message).toBe(
      `device 0000:01:00.0: gone from the host, and InstanceClaim ${scene.namespace}/owner has it`,
    ),
  );
  await scene.claim('two', { pciRequests: gpus(2) });
  expect(reasonsOf(await scene.decided('two'))).toEqual(['InsufficientPCIDevices']);

  await become(scene, GPU(1), GPU(2));
  await untilNode(scene, '0000:01:00.0', { state: 'Claimed', claimUID: metadata.uid });
  await eventually(async () => expect(await owner()).toBe('Present'));

  await become(scene, { ...GPU(1), productID: '2330' }, GPU(2));
  await eventually(async () => expect(await owner()).toBe('DevicesChanged'));
  const newer = [{ name: 'gpu', count: 1, selectors: [{ productID: '2330' }] }];
  await scene.claim('newer', { pciRequests: newer });
  expect(reasonsOf(await scene.decided('newer'))).toEqual(['InsufficientPCIDevices']);
  await scene.delete('owner');
  await untilNode(scene, '0000:01:00.0', { state: 'Available', productID: '2330' });
  await scene.claim('newer-again', { pciRequests: newer });
  expect((await scene.decided('newer-again')).status?.pciDevices).toMatchObject([{ address: '0000:01:00.0' }]);
  await scene.sumsAreRight();
  await eventually(async () =>
    expect(await told(scene, 'owner')).toEqual([
      'Normal Claimed',
      'Warning DevicesMissing',
      'Normal DevicesPresent',
      'Warning DevicesChanged',
    ]),
  );
});

test('A device that a foreign instance has is Unavailable until that instance is gone.', async () => {
  const stray = { uuid: '5d1c0f3a-6b1e-4f5c-9d55-3f1f0a7b9c01', name: 'stray', vcpus: 1, memory: '1Gi' };
  const devices = [GPU(1)];
  const scene = await sceneWith(...devices);
  await scene.writeHost({ ...HOST, devices, instances: [{ ...stray, devices: ['0000:01:00.0'] }] });
  await untilNode(scene, '0000:01:00.0', { state: 'Unavailable' });
  await scene.claim('waits', { pciRequests: gpus(1), whenInsufficient: 'Wait' });
  await eventually(async () => expect(reasonsOf(await scene.read('waits'))).toEqual(['InsufficientPCIDevices']));
  await scene.writeHost({ ...HOST, devices });
  expect((await scene.decided('waits')).status).toMatchObject({
    phase: 'Claimed',
    pciDevices: [{ address: '0000:01:00.0' }],
  });
});
