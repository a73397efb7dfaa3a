/** Instances that are really moved, and what two agents account for meanwhile: real libvirtds, QEMU guests, API server and policies. */
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installCrds } from '../../../dev/control-plane/crds.ts';
import { type ControlPlane, startControlPlane } from '../../../dev/control-plane.ts';
import { applyManifests, applyObjects } from '../../../dev/deploy.ts';
import { missingForLibvirtd } from '../../../dev/libvirtd.ts';
import { type LibvirtdPair, startLibvirtdPair } from '../../../dev/libvirtd-pair.ts';
import { ensureTools } from '../../../dev/tools.ts';
import { eventually } from '../agent/eventually.ts';
import { EXECUTOR, Stage, type StageParts } from './stage.ts';

const DEPLOY = resolve(import.meta.dirname, '../../../deploy');
const missing = await missingForLibvirtd();
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;
/** As slow as virsh can; then as fast as it can. MiB a second. */
const SLOW = '1';
const FAST = '100000';
const TIMEOUT_MS = 300_000;

let parts: StageParts;
let controlPlane: ControlPlane | undefined;
let pair: LibvirtdPair | undefined;

beforeAll(async () => {
  if (missing !== undefined) return;
  const tools = await ensureTools({ tools: ['kubectl'], env: process.env });
  [controlPlane, pair] = await Promise.all([startControlPlane({ unsafeNoFsync: true }), startLibvirtdPair()]);
  await installCrds(controlPlane);
  await applyManifests(controlPlane, DEPLOY);
  await applyObjects(controlPlane, rightsOfExecutor());
  parts = { controlPlane, pair, tools };
});
afterAll(async () => {
  await Promise.all([controlPlane?.stop(), pair?.stop()]);
});

describe.skipIf(missing !== undefined)(`The example executor${skipped}`, () => {
  test(
    'Moves an instance alive: both nodes hold until it has arrived or the move is over, whatever happens on the way.',
    async () => {
      const stage = await Stage.open(parts);
      const { guest, nodeA, nodeB } = stage;
      const { source, target } = parts.pair;
      await stage.untilUsed('1 64Mi', '0 0');

      await source.virsh('migrate-setspeed', guest.name, SLOW);
      await stage.migrate('there', { type: 'LiveMigration' });
      await stage.untilFound('running', 'paused');
      await stage.untilUsed('1 64Mi', '1 64Mi');
      await stage.untilPhase('there', 'Migrating');
      await stage.untilClaimed(nodeA);

      await stage.killExecutor();
      await stage.untilFound('running', 'nothing');
      await stage.untilUsed('1 64Mi', '1 64Mi');
      await source.virsh('migrate-setspeed', guest.name, FAST);
      await stage.startExecutor();
      await stage.untilPhase('there', 'Confirmed');
      await stage.untilUsed('0 0', '1 64Mi');
      await stage.untilClaimed(nodeB);
      await stage.untilFound('nothing', 'running');

      await target.virsh('migrate-setspeed', guest.name, SLOW);
      await stage.migrate('back', { type: 'LiveMigration', targetNodeName: nodeA });
      await stage.untilFound('paused', 'running');
      await stage.untilUsed('1 64Mi', '1 64Mi');
      await stage.decide('back', 'Abort');
      await stage.untilPhase('back', 'Failed');
      await stage.untilUsed('0 0', '1 64Mi');
      await stage.untilClaimed(nodeB);
      await stage.untilFound('nothing', 'running');

      await target.virsh('destroy', guest.name);
      await target.virsh('undefine', guest.name);
      await stage.untilUsed('0 0', '1 64Mi');
      await stage.scene.delete('guest');
      await stage.untilUsed('0 0', '0 0');
      // The garbage collector's work.
      await eventually(async () =>
        expect(await stage.migrations.list({ namespace: stage.scene.namespace })).toMatchObject({ items: [] }),
      );
    },
    TIMEOUT_MS,
  );

  test(
    'Stops an instance to resize it, elsewhere and in place, takes it back, and says why a move failed.',
    async () => {
      const stage = await Stage.open(parts);
      const { nodeA, nodeB } = stage;
      const flavor = { vcpus: 2, memory: '96Mi' };
      await stage.migrate('elsewhere', { type: 'Resize', flavor });
      await stage.untilPhase('elsewhere', 'Finished');
      await stage.untilUsed('1 64Mi', '2 96Mi');
      await stage.untilClaimed(nodeB, 'Resized');
      await stage.untilFound('nothing', 'running');
      await stage.decide('elsewhere', 'Revert');
      await stage.untilPhase('elsewhere', 'Reverted');
      await stage.untilUsed('1 64Mi', '0 0');
      await stage.untilClaimed(nodeA);
      await stage.untilFound('running', 'nothing');

      await stage.migrate('in-place', { type: 'Resize', targetNodeName: nodeA, flavor });
      await stage.untilPhase('in-place', 'Finished');
      await stage.untilUsed('3 160Mi', '0 0');
      await stage.decide('in-place', 'Confirm');
      await stage.untilPhase('in-place', 'Confirmed');
      await stage.untilUsed('2 96Mi', '0 0');
      await stage.untilClaimed(nodeA);
      await stage.untilFound('running', 'nothing');

      await stage.startExecutor(`unix://${parts.pair.target.instancesPath}/none/socket`);
      await stage.migrate('nowhere', { type: 'LiveMigration' });
      await stage.untilPhase('nowhere', 'Failed');
      await stage.untilUsed('2 96Mi', '0 0');
      await stage.untilFound('running', 'nothing');
      expect(await stage.told('nowhere')).toContain('Failed to bind socket');
    },
    TIMEOUT_MS,
  );
});

/** A service account with the executor's role everywhere. */
function rightsOfExecutor() {
  const { namespace, serviceAccount } = EXECUTOR;
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: serviceAccount, namespace } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: serviceAccount },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'resource-tracker-executor' },
      subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace }],
    },
  ];
}
