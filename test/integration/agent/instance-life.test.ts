import { expect, inject, test } from 'vitest';
import { eventually } from './eventually.ts';
import type { FakeInstance } from './host-file.ts';
import { conditionOf, GI, Scene } from './scene.ts';
import { told } from './told.ts';

const HOST = { totals: { vcpus: 4, memory: '4Gi', disk: '10Gi' } };
const UUID = '5d1c0f3a-6b1e-4f5c-9d55-3f1f0a7b9c01';
const INSTANCE: FakeInstance = { uuid: UUID, name: 'one', vcpus: 1, memory: '1Gi' };

async function claimedScene(): Promise<Scene> {
  const scene = await Scene.open(inject('kubeconfigPath'), HOST);
  await scene.claim('one', { instance: { uuid: UUID } });
  return scene;
}

const show = (scene: Scene, ...instances: readonly FakeInstance[]) => scene.writeHost({ ...HOST, instances });

/** Waits until the claim has this condition. */
async function untilCondition(scene: Scene, type: string, expected: object): Promise<void> {
  await eventually(async () =>
    expect(conditionOf((await scene.read('one')).status?.conditions, type)).toMatchObject(expected),
  );
}

test('What happens to a claimed instance is told once: as a condition, an Event and a metric.', async () => {
  const scene = await claimedScene();
  const agent = await scene.startReady();
  await scene.decided('one');
  await show(scene, INSTANCE);
  await untilCondition(scene, 'InstanceRunning', { status: 'True', reason: 'Active' });
  await show(scene, { ...INSTANCE, vcpus: 2, memory: '3Gi' });
  await untilCondition(scene, 'InstanceMatchesClaim', {
    status: 'False',
    message: 'memory: claimed 1Gi, has 3Gi; vCPUs: claimed 1, has 2; the larger counts',
  });
  await eventually(async () =>
    expect((await scene.readNode()).status?.used).toMatchObject({ vcpus: 2, memory: '3Gi' }),
  );
  await scene.claim('no-room', { flavor: { vcpus: 1, memory: '2Gi' } });
  expect((await scene.decided('no-room')).status?.phase).toBe('Rejected');
  await show(scene, INSTANCE);
  await untilCondition(scene, 'InstanceMatchesClaim', { status: 'True' });
  await show(scene);
  await untilCondition(scene, 'InstanceRunning', { status: 'False', reason: 'InstanceMissing' });
  expect(await scene.sumsAreRight()).toEqual({ vcpus: 1, memory: GI, disk: 0n });
  await eventually(async () =>
    expect(await told(scene, 'one')).toEqual([
      'Normal Claimed',
      'Normal InstanceAppeared',
      'Warning InstanceExceedsClaim',
      'Normal InstanceMatchesClaim',
      'Warning InstanceMissing',
    ]),
  );
  const { text } = await agent.health('/metrics');
  expect(text).toContain('resource_tracker_claim_notices_total{reason="InstanceMissing"} 1');
  expect(text).toContain('resource_tracker_claims_in_trouble{reason="InstanceMissing"} 1');
  expect(text).toContain('resource_tracker_claims_in_trouble{reason="InstanceExceedsClaim"} 0');
});

test("The hypervisor's task is shown while it lasts, also over a restart, and an executor's is left alone.", async () => {
  const scene = await claimedScene();
  const agent = await scene.startReady();
  await show(scene, { ...INSTANCE, vmState: 'Paused', taskState: 'Migrating' });
  await eventually(async () =>
    expect((await scene.read('one')).status).toMatchObject({ vmState: 'Paused', taskState: 'Migrating' }),
  );
  await agent.kill();
  await show(scene, INSTANCE);
  await scene.startReady();
  await eventually(async () => expect((await scene.read('one')).status?.taskState).toBeUndefined());
  await scene.claims.patch(
    'one',
    { status: { taskState: 'rebuilding' } },
    { namespace: scene.namespace, type: 'merge', subresource: 'status' },
  );
  await show(scene, { ...INSTANCE, vmState: 'Stopped', taskState: 'PoweringOff' });
  await eventually(async () =>
    expect((await scene.read('one')).status).toMatchObject({ vmState: 'Stopped', taskState: 'rebuilding' }),
  );
});
