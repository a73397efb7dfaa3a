import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { guestXml, type Libvirtd, missingForLibvirtd, startLibvirtd } from '../../../dev/libvirtd.ts';
import { eventually } from './eventually.ts';
import { conditionOf, Scene, type Sums } from './scene.ts';

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
      const agent = scene.startWith([
        '--driver=libvirt',
        `--libvirt-uri=${libvirtd.uri}`,
        `--instances-path=${libvirtd.instancesPath}`,
        '--reserved-memory=0',
      ]);
      await agent.untilReady();
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
  },
);

async function connected(scene: Scene): Promise<string | undefined> {
  const { conditions } = (await scene.readNode()).status ?? {};
  return conditionOf(conditions, 'HypervisorConnected')?.status;
}
