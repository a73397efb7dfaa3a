import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installCrds } from '../../../dev/control-plane/crds.ts';
import { type ControlPlane, startControlPlane } from '../../../dev/control-plane.ts';
import { applyManifests } from '../../../dev/deploy.ts';
import { EVENTS, LEASES } from '../../../src/api/kinds.ts';
import type { EventObject } from '../../../src/kube/event-object.ts';
import { resourceClient } from '../../../src/kube/resource.ts';
import { eventually } from '../agent/eventually.ts';
import { Scene } from '../agent/scene.ts';
import { agentKubeconfig } from './people.ts';

const DEPLOY = resolve(import.meta.dirname, '../../../deploy');
const SMALL = { totals: { vcpus: 4, memory: '4Gi', disk: '10Gi' } };

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false, unsafeNoFsync: true });
  await installCrds(controlPlane);
  await applyManifests(controlPlane, DEPLOY);
});

afterAll(() => controlPlane?.stop());

test('An agent does its work with nothing but its own bound token.', async () => {
  const scene = await Scene.open(controlPlane.kubeconfigPath, SMALL);
  const agent = await scene.startReady({ kubeconfig: await agentKubeconfig(controlPlane, scene.nodeName) });
  await scene.claim('fits');
  await scene.claim('too-big', { flavor: { vcpus: 1, memory: '5Gi' } });
  expect(await scene.allDecided()).toEqual({ Claimed: 1, Rejected: 1 });
  await scene.delete('fits');
  await scene.claim('next', { flavor: { vcpus: 4, memory: '4Gi' } });
  expect((await scene.decided('next')).status?.phase).toBe('Claimed');
  await scene.sumsAreRight();
  const events = resourceClient<EventObject>(scene.connection, EVENTS);
  await eventually(async () => {
    const { items } = await events.list({ namespace: scene.namespace });
    expect(new Set(items.map(({ reason }) => reason))).toEqual(new Set(['Claimed', 'Rejected']));
  });
  const leases = resourceClient(scene.connection, LEASES);
  expect(await leases.get(scene.nodeName, 'resource-tracker')).toBeDefined();
  expect((await agent.terminate()).code).toBe(0);
  expect(agent.log.filter((line) => JSON.stringify(line).includes('Forbidden'))).toEqual([]);
});

test('Policies let a successor put up its barrier on whatever its predecessor decided.', async () => {
  const scene = await Scene.open(controlPlane.kubeconfigPath, SMALL);
  const kubeconfig = await agentKubeconfig(controlPlane, scene.nodeName);
  const first = await scene.startReady({ kubeconfig });
  await scene.claim('granted');
  await scene.claim('refused', { flavor: { vcpus: 1, memory: '5Gi' } });
  await scene.claim('attempted', { flavor: { vcpus: 1, memory: '5Gi' }, schedulerName: 'scheduler' });
  await Promise.all(['granted', 'refused', 'attempted'].map((name) => scene.decided(name)));
  await first.terminate();
  // Nothing says any more what was being decided: the barrier covers every claim that concerns the node.
  await scene.nodes.delete(scene.nodeName);
  await scene.startReady({ kubeconfig });
  const claims = await Promise.all(['granted', 'refused', 'attempted'].map((name) => scene.read(name)));
  const { token } = (await scene.readNode()).status?.agent ?? {};
  expect(claims.map(({ status }) => status?.token)).toEqual([token, token, token]);
});

test('An agent on a node that its token is not bound to decides nothing.', async () => {
  const scene = await Scene.open(controlPlane.kubeconfigPath, SMALL);
  const agent = scene.start({ kubeconfig: await agentKubeconfig(controlPlane, 'another-node') });
  await scene.claim('fits');
  await agent.untilSaid('agent started');
  await eventually(async () => {
    const { status } = await agent.health('/readyz');
    const said = agent.log.some((line) => JSON.stringify(line).includes('check --node-name'));
    expect({ status, said }).toEqual({ status: 503, said: true });
  });
  expect((await scene.read('fits')).status?.phase ?? 'Pending').toBe('Pending');
});
