import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { boundToken, tokenKubeconfig } from '../../../dev/bound-token.ts';
import { installCrds } from '../../../dev/control-plane/crds.ts';
import { type ControlPlane, startControlPlane } from '../../../dev/control-plane.ts';
import { applyManifests } from '../../../dev/deploy.ts';
import { eventually } from '../agent/eventually.ts';
import { Cluster } from './cluster.ts';

const SYSTEM = 'resource-tracker';
const DEPLOY = resolve(import.meta.dirname, '../../../deploy');

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false, unsafeNoFsync: true });
  await installCrds(controlPlane);
});
afterAll(() => controlPlane.stop());

test('A controller does its work with nothing but its own token, under the policies that we deploy.', async () => {
  const cluster = await Cluster.open(controlPlane.kubeconfigPath, SYSTEM);
  const agent = await cluster.addServedNode('n');
  await cluster.addClaim('held', { nodeName: 'n' }, { phase: 'Claimed', nodeName: 'n' });
  await cluster.addClaim('waits', { nodeName: 'nowhere' });
  await cluster.addClaim('finished', { ttlSecondsAfterFinished: 0 }, { phase: 'Rejected' });
  // From here on nobody but agents and the controller writes a status.
  await applyManifests(controlPlane, DEPLOY);
  const token = await boundToken(controlPlane, { namespace: SYSTEM, serviceAccount: 'resource-tracker-controller' });
  const kubeconfig = await cluster.addFile('controller.kubeconfig', tokenKubeconfig(controlPlane, token));
  const controller = await cluster.startController(`--kubeconfig=${kubeconfig}`, '--node-gone-seconds=0');

  await cluster.nodeSays('n', 'AgentAlive', 'True(LeaseRenewed)');
  await cluster.claimSays('waits', 'NodeNotServed', 'True(NoComputeNode)');
  await eventually(async () => expect(await cluster.claims.get('finished', cluster.team)).toBeUndefined());
  await agent.fallSilent();
  await cluster.nodeSays('n', 'Ready', 'False(AgentSilent)');
  await cluster.hosts.delete('n');
  await cluster.claimSays('held', 'NodeGone', 'True(NodeGone)');
  await cluster.claims.delete('held', { namespace: cluster.team });
  await eventually(async () => expect(await cluster.nodes.get('n')).toBeUndefined());
  expect(await controller.terminate()).toEqual({ code: 0, signal: null });
  expect(controller.said('a write failed; it is tried again')).toEqual([]);
});
