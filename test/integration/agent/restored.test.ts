import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { installCrds } from '../../../dev/control-plane/crds.ts';
import { type ControlPlane, startControlPlane } from '../../../dev/control-plane.ts';
import { FaultProxy } from '../../../dev/fault-proxy.ts';
import { eventually } from './eventually.ts';
import { gpus } from './host-file.ts';
import { reasonsOf, Scene } from './scene.ts';

/** Room for two claims of 4Gi. */
const HOST = { totals: { vcpus: 99, memory: '8Gi', disk: '10Gi' }, devices: gpus(1) };
const LARGE = { flavor: { vcpus: 1, memory: '4Gi' } };
const GPU = [{ name: 'gpu', count: 1, selectors: [{ vendorID: '10de' }] }];

let controlPlane: ControlPlane;
let proxy: FaultProxy;
beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false, unsafeNoFsync: true });
  await installCrds(controlPlane);
  proxy = await FaultProxy.start(controlPlane.kubeconfigPath);
});
afterEach(() => {
  proxy.setReachable(true);
  proxy.clearRules();
});
afterAll(async () => {
  await proxy.stop();
  await controlPlane.stop();
});

test.each([
  ['at once', false],
  ['only when the new history has grown longer than the old one', true],
])(
  'An agent that meets a restored etcd %s takes the node over anew, with a barrier over every claim, and accounts for what is there now.',
  async (_when, isLate) => {
    const scene = await Scene.open(controlPlane.kubeconfigPath, HOST);
    const agent = await scene.startReady({ kubeconfig: proxy.kubeconfigPath });
    await scene.claim('old', { ...LARGE, pciRequests: GPU });
    expect((await scene.decided('old')).status?.phase).toBe('Claimed');
    agent.pause();
    await scene.claim('was-pending', LARGE);
    await controlPlane.snapshotEtcd();
    agent.resume();
    expect((await scene.decided('was-pending')).status?.phase).toBe('Claimed');
    // What the backup does not know: one is deleted, others have its room and its device.
    await scene.delete('old');
    await scene.claim('new', { ...LARGE, pciRequests: GPU });
    expect((await scene.decided('new')).status?.phase).toBe('Claimed');
    const { status, metadata } = await scene.readNode();

    proxy.setReachable(false);
    await controlPlane.restoreEtcd();
    await eventually(async () => expect((await scene.read('was-pending')).status?.phase ?? 'Pending').toBe('Pending'));
    if (isLate) await growPast(scene, metadata.resourceVersion ?? '');
    proxy.setReachable(true);

    const token = await newToken(scene, status?.agent?.token);
    await eventually(async () => expect((await scene.read('old')).status?.token).toBe(token));
    expect((await scene.decided('was-pending')).status?.phase).toBe('Claimed');
    await scene.claim('after', { flavor: { vcpus: 1, memory: '1Gi' }, pciRequests: GPU });
    expect(reasonsOf(await scene.decided('after'))).toEqual(['InsufficientMemory', 'InsufficientPCIDevices']);
    expect(await scene.sumsAreRight()).toMatchObject({ vcpus: 2, memory: 8n << 30n });
    await agent.untilReady();
  },
);

test('An agent that has nothing to write notices a restored etcd by its Lease: a decision that is not there any more is made again.', async () => {
  const scene = await Scene.open(controlPlane.kubeconfigPath, HOST);
  const agent = await scene.startReady({ flags: ['--lease-duration-seconds=20'] });
  agent.pause();
  await scene.claim('was-pending', LARGE);
  await controlPlane.snapshotEtcd();
  agent.resume();
  expect((await scene.decided('was-pending')).status?.phase).toBe('Claimed');
  const { status } = await scene.readNode();
  const renewedAt = async () => (await scene.leases.get(scene.nodeName, 'resource-tracker'))?.spec?.renewTime;
  const before = await renewedAt();
  await eventually(async () => expect(await renewedAt()).not.toBe(before));
  await controlPlane.restoreEtcd();
  expect((await scene.decided('was-pending')).status?.phase).toBe('Claimed');
  expect((await scene.readNode()).status?.agent?.token).not.toBe(status?.agent?.token);
  await scene.sumsAreRight();
  await agent.untilReady();
});

/** The token of an agent that took the node over anew. */
function newToken(scene: Scene, former: string | undefined): Promise<string> {
  return eventually(async () => {
    const { token } = (await scene.readNode()).status?.agent ?? {};
    if (token === undefined || token === former) throw new Error('nobody has taken the node over anew');
    return token;
  });
}

/** Writes something that concerns nobody until the history is longer than it was. */
async function growPast(scene: Scene, version: string): Promise<void> {
  const writes = 1_000;
  for (let count = 0; count < writes; count += 1) {
    const { metadata } = await scene.claims.patch(
      'old',
      { metadata: { annotations: { count: String(count) } } },
      { namespace: scene.namespace, type: 'merge' },
    );
    if (Number(metadata.resourceVersion) > Number(version) + 50) return;
  }
  throw new Error(`${writes} writes are not enough`);
}
