import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { guestXml, type Libvirtd, missingForLibvirtd, startLibvirtd } from '../../../dev/libvirtd.ts';
import { claimXml, hostdevXml } from '../drivers/test-driver-harness.ts';
import { eventually } from './eventually.ts';
import { conditionOf, Scene, type Sums } from './scene.ts';
import { told } from './told.ts';

const missing = await missingForLibvirtd();
const UUID = 'cccccccc-0000-4000-8000-000000000001';
const GUEST = { uuid: UUID, name: 'guest', memoryMiB: 64, vcpus: 1 };
const GUEST_SUMS: Sums = { vcpus: 1, memory: 64n << 20n, disk: 0n };

describe.skipIf(missing !== undefined)(
  `an agent on a real libvirtd${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let libvirtd: Libvirtd;
    beforeAll(async () => {
      libvirtd = await startLibvirtd();
      await libvirtd.virshWith(guestXml(GUEST), 'define', '{}');
      await libvirtd.virsh('start', '--paused', GUEST.name);
    });
    afterAll(() => libvirtd?.stop());

    test('When libvirtd is killed and comes back, claims wait for it, and its guest is accounted all the time.', async () => {
      const scene = await Scene.open(inject('kubeconfigPath'));
      const agent = await scene.startOn(libvirtd);
      await scene.sumsAreRight(GUEST_SUMS);
      await scene.claim('guest', { flavor: { vcpus: 1, memory: '64Mi' }, instance: { uuid: UUID }, adopt: true });
      expect((await scene.decided('guest')).status?.phase).toBe('Claimed');
      await eventually(async () => expect((await scene.read('guest')).status?.vmState).toBe('Paused'));

      await libvirtd.kill();
      await eventually(async () => expect(await connected(scene)).toBe('False'));
      await agent.untilHealth('/readyz', 503);
      await scene.claim('meanwhile', { flavor: { vcpus: 1, memory: '64Mi' } });
      expect(await scene.sumsAreRight()).toEqual(GUEST_SUMS);
      expect((await scene.read('meanwhile')).status?.phase ?? 'Pending').toBe('Pending');

      await libvirtd.start();
      expect((await scene.decided('meanwhile')).status?.phase).toBe('Claimed');
      expect(await connected(scene)).toBe('True');
      expect(await scene.sumsAreRight()).toEqual({ vcpus: 2, memory: 128n << 20n, disk: 0n });
      expect((await scene.read('guest')).status?.vmState).toBe('Paused');
      await libvirtd.virsh('destroy', GUEST.name);
      await eventually(async () => expect((await scene.read('guest')).status?.vmState).toBe('Stopped'));
    });

    test("A claim's devices are addresses that a domain's XML can use: the domain then has them, and they are Allocated.", async () => {
      const [name = ''] = (await libvirtd.virsh('nodedev-list', '--cap', 'pci')).split('\n');
      const address = name.replace(/^pci_(\w{4})_(\w{2})_(\w{2})_(\d)$/, '$1:$2:$3.$4');
      const scene = await Scene.open(inject('kubeconfigPath'));
      await scene.startOn(libvirtd, { flags: [`--pci-devices=[{address: "${address}"}]`] });
      await scene.claim('device', {
        flavor: { vcpus: 1, memory: '64Mi' },
        pciRequests: [{ name: 'any', count: 1, selectors: [{ address: '*:*:*.*' }] }],
      });
      const { metadata, status } = await scene.decided('device');
      const given = (status?.pciDevices ?? []).map((device) => device.address);
      expect(given).toEqual([address]);
      const claim = claimXml({ namespace: scene.namespace, name: 'device' });
      const guest = { uuid: 'cccccccc-0000-4000-8000-000000000003', name: 'device', metadata: claim };
      await libvirtd.virshWith(guestXml({ ...guest, devices: given.map(hostdevXml).join('') }), 'define', '{}');
      await eventually(async () => {
        expect((await scene.readNode()).status?.pciDevices).toMatchObject([
          { address, state: 'Allocated', claimUID: metadata.uid },
        ]);
        expect((await scene.read('device')).status?.vmState).toBe('Stopped');
      });
      await libvirtd.virsh('undefine', guest.name);
      await eventually(async () =>
        expect((await scene.readNode()).status?.pciDevices).toMatchObject([{ address, state: 'Claimed' }]),
      );
    });

    test('A guest is followed through its life, to where somebody takes it away behind our back.', async () => {
      const scene = await Scene.open(inject('kubeconfigPath'));
      const life = { uuid: 'cccccccc-0000-4000-8000-000000000002', name: 'life' };
      const define = (memoryMiB: number, vcpus: number) =>
        libvirtd.virshWith(guestXml({ ...life, memoryMiB, vcpus }), 'define', '{}');
      await scene.startOn(libvirtd);
      await scene.claim('life', { flavor: { vcpus: 1, memory: '64Mi' }, instance: { uuid: life.uuid } });
      expect((await scene.decided('life')).status).toMatchObject({ phase: 'Claimed', vmState: 'Building' });
      const { used } = (await scene.readNode()).status ?? {};

      const steps: readonly [string, () => Promise<unknown>][] = [
        ['Stopped', () => define(64, 1)],
        ['Active', () => libvirtd.virsh('start', life.name)],
        ['Paused', () => libvirtd.virsh('suspend', life.name)],
        ['Active', () => libvirtd.virsh('resume', life.name)],
        ['Suspended', () => libvirtd.virsh('managedsave', life.name)],
        ['Active', () => libvirtd.virsh('start', life.name)],
        ['Error', async () => process.kill(await libvirtd.guestPid(life.name), 'SIGKILL')],
        ['Active', () => libvirtd.virsh('start', life.name)],
        ['Stopped', () => libvirtd.virsh('destroy', life.name)],
      ];
      for (const [vmState, step] of steps) {
        await step();
        await eventually(async () => expect((await scene.read('life')).status?.vmState).toBe(vmState));
        expect((await scene.readNode()).status?.used).toEqual(used);
      }
      await define(96, 2);
      await eventually(async () =>
        expect(conditionOf((await scene.read('life')).status?.conditions, 'InstanceMatchesClaim')).toMatchObject({
          status: 'False',
          message: 'memory: claimed 64Mi, has 96Mi; vCPUs: claimed 1, has 2; the larger counts',
        }),
      );
      await libvirtd.virsh('undefine', life.name);
      await eventually(async () =>
        expect(conditionOf((await scene.read('life')).status?.conditions, 'InstanceRunning')).toMatchObject({
          status: 'False',
          reason: 'InstanceMissing',
        }),
      );
      await eventually(async () => expect((await scene.readNode()).status?.used).toEqual(used));
      await eventually(async () =>
        expect(await told(scene, 'life')).toEqual([
          'Normal Claimed',
          'Normal InstanceAppeared',
          'Warning InstanceExceedsClaim',
          'Warning InstanceMissing',
        ]),
      );
    });
  },
);

async function connected(scene: Scene): Promise<string | undefined> {
  const { conditions } = (await scene.readNode()).status ?? {};
  return conditionOf(conditions, 'HypervisorConnected')?.status;
}
