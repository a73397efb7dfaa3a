import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { installCrds } from '../../../dev/control-plane/crds.ts';
import { type ControlPlane, startControlPlane } from '../../../dev/control-plane.ts';
import { FaultProxy } from '../../../dev/fault-proxy.ts';
import { eventually } from './eventually.ts';
import { gpus } from './host-file.ts';
import { Scene } from './scene.ts';
import { commits, decides } from './writes.ts';

const HOST = { totals: { vcpus: 99, memory: '8Gi', disk: '10Gi' }, devices: gpus(2) };
const GPU = [{ name: 'gpu', count: 1, selectors: [{ vendorID: '10de' }] }];

let controlPlane: ControlPlane;
let proxy: FaultProxy;
beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false, unsafeNoFsync: true });
  await installCrds(controlPlane);
  proxy = await FaultProxy.start(controlPlane.kubeconfigPath);
});
afterEach(() => proxy.clearRules());
afterAll(async () => {
  await proxy.stop();
  await controlPlane.stop();
});

const open = () => Scene.open(controlPlane.kubeconfigPath, HOST);

test('After the API server was killed and restarted, claims created and deleted meanwhile are known.', async () => {
  const scene = await open();
  const agent = await scene.startReady({ kubeconfig: proxy.kubeconfigPath });
  for (const name of ['stays', 'goes'])
    await scene.claim(name, { flavor: { vcpus: 1, memory: '4Gi' }, pciRequests: GPU });
  expect(await scene.allDecided()).toEqual({ Claimed: 2 });

  // The agent finds the server again only when all has happened.
  proxy.setReachable(false);
  await controlPlane.restartApiServer();
  await eventually(() => scene.delete('goes'));
  await scene.claim('comes', { flavor: { vcpus: 1, memory: '4Gi' }, pciRequests: GPU });
  await scene.claim('too-much', { flavor: { vcpus: 1, memory: '9Gi' } });
  proxy.setReachable(true);

  expect(await scene.allDecided()).toEqual({ Claimed: 2, Rejected: 1 });
  await scene.sumsAreRight();
  await agent.untilReady();
  await eventually(async () => expect(scene.history.decisions.size).toBeGreaterThanOrEqual(3));
  expect(scene.history.waverers).toEqual([]);
});

test('An API server that is killed while a batch is written costs no decision and doubles none.', async () => {
  const scene = await open();
  await scene.startReady({ kubeconfig: proxy.kubeconfigPath });
  const slow = proxy.add({ at: 'request', fault: { kind: 'delay', ms: 100 }, matches: decides, times: 40 });
  await Promise.all(Array.from({ length: 20 }, (_, index) => scene.claim(`c-${index}`)));
  await slow.hit(5);
  await controlPlane.restartApiServer();
  expect(await scene.allDecided()).toEqual({ Claimed: 8, Rejected: 12 });
  await scene.sumsAreRight();
  await eventually(async () => expect(scene.history.decisions.size).toBe(20));
  expect(scene.history.waverers).toEqual([]);
});

test.each([
  ['ComputeNode', commits],
  ['a claim', decides],
] as const)(
  'When etcd is down while %s is written, the agent goes on as soon as it is back.',
  async (_what, matches) => {
    const scene = await open();
    await scene.startReady({ kubeconfig: proxy.kubeconfigPath });
    const rule = proxy.add({ at: 'request', fault: { kind: 'hold' }, matches });
    await Promise.all(['a', 'b', 'c'].map((name) => scene.claim(name, { pciRequests: GPU })));
    await rule.hit();
    await controlPlane.stopEtcd();
    rule.release();
    await controlPlane.startEtcd();
    expect(await scene.allDecided()).toEqual({ Claimed: 2, Rejected: 1 });
    await scene.sumsAreRight();
    await eventually(async () => expect(scene.history.decisions.size).toBe(3));
    expect(scene.history.waverers).toEqual([]);
  },
);

test('An agent that is told to stop while its ComputeNode can be neither written nor read ends.', async () => {
  const scene = await open();
  const agent = await scene.startReady({ kubeconfig: proxy.kubeconfigPath });
  const refused = proxy.add({
    at: 'request',
    fault: { kind: 'fail', status: 503 },
    matches: ({ path }) => path.includes('/computenodes/'),
    times: 1_000,
  });
  await scene.claim('a');
  await refused.hit(5);
  expect((await agent.terminate()).code).toBe(0);
});

test('An agent that starts before its API server decides as soon as that is there.', async () => {
  const scene = await open();
  await scene.claim('early');
  await controlPlane.killApiServer();
  const agent = scene.start();
  await eventually(async () =>
    expect(agent.log.some(({ error }) => String(error).includes('cannot connect'))).toBe(true),
  );
  await controlPlane.startApiServer();
  expect((await eventually(() => scene.decided('early'))).status?.phase).toBe('Claimed');
  await scene.sumsAreRight();
});

test('Watches that are stalled cost freshness, never a sum.', async () => {
  const scene = await open();
  await scene.startReady({ kubeconfig: proxy.kubeconfigPath });
  await scene.claim('first', { flavor: { vcpus: 1, memory: '6Gi' } });
  await scene.decided('first');
  const stalled = proxy.add({
    at: 'answer',
    fault: { kind: 'hold' },
    matches: ({ isWatch }) => isWatch,
    times: Number.POSITIVE_INFINITY,
  });
  await scene.delete('first');
  await scene.claim('second', { flavor: { vcpus: 1, memory: '6Gi' } });
  await stalled.hit();
  expect((await scene.read('second')).status?.phase ?? 'Pending').toBe('Pending');
  stalled.release();
  expect((await scene.decided('second')).status?.phase).toBe('Claimed');
  await scene.sumsAreRight();
});
