import { expect, inject, test } from 'vitest';
import { eventually } from './eventually.ts';
import type { FakeHostFile } from './host-file.ts';
import { conditionOf, GI, NOTHING, reasonsOf, Scene } from './scene.ts';
import { told } from './told.ts';

const HOST: FakeHostFile = { totals: { vcpus: 4, memory: '4Gi', disk: '10Gi' } };
const REASON = 'this hypervisor tells nothing';
const HUGE = { flavor: { vcpus: 99, memory: '99Ti' } };

const open = (faults: FakeHostFile['faults']) =>
  Scene.open(inject('kubeconfigPath'), { ...HOST, ...(faults !== undefined && { faults }) });

const untilNodeIs = (scene: Scene, type: string, expected: object) =>
  eventually(async () =>
    expect(conditionOf((await scene.readNode()).status?.conditions, type)).toMatchObject(expected),
  );

test('On a host whose hypervisor cannot report, claims are granted without accounting until it can, and are counted then.', async () => {
  const scene = await open({ cannotReport: REASON });
  const agent = await scene.startReady();
  await scene.claim('huge', HUGE);
  const huge = await scene.decided('huge');
  expect(huge.status).toMatchObject({ phase: 'Claimed', nodeName: scene.nodeName, launchedOn: scene.nodeName });
  expect(conditionOf(huge.status?.conditions, 'Claimed')).toMatchObject({
    status: 'True',
    reason: 'TrackingDisabled',
    message: `claimed on node ${scene.nodeName} without accounting: ${REASON}`,
  });
  await scene.claim('devices', { pciRequests: [{ name: 'gpu', count: 1, selectors: [{ vendorID: '10de' }] }] });
  expect(reasonsOf(await scene.decided('devices'))).toEqual(['InsufficientPCIDevices']);
  await untilNodeIs(scene, 'TrackingEnabled', {
    status: 'False',
    reason: 'TrackingDisabled',
    message: `claims are granted without accounting: ${REASON}`,
  });
  await untilNodeIs(scene, 'HardwareReportCurrent', { status: 'False', reason: 'CannotReport', message: REASON });
  expect((await scene.readNode()).status).not.toHaveProperty('used');
  await eventually(async () =>
    expect(await told(scene, scene.nodeName, 'default')).toContain('Warning TrackingDisabled'),
  );
  expect(await agent.untilHealth('/readyz', 200)).toContain('ok');

  await scene.writeHost(HOST);
  await untilNodeIs(scene, 'TrackingEnabled', { status: 'True', reason: 'Tracking' });
  expect(await scene.sumsAreRight()).toEqual({ vcpus: 99, memory: 99n * 1024n * GI, disk: 0n });
  await eventually(async () =>
    expect(conditionOf((await scene.read('huge')).status?.conditions, 'Claimed')).toMatchObject({ reason: 'Claimed' }),
  );
  await scene.claim('small');
  expect(reasonsOf(await scene.decided('small'))).toEqual(['InsufficientMemory', 'InsufficientVCPUs']);
});

test('While the first report is broken claims wait, and the node says which keys are missing.', async () => {
  const scene = await open({ omit: ['totals', 'cpuInfo', 'used'] });
  const agent = scene.start();
  await scene.claim('early');
  await untilNodeIs(scene, 'HardwareReportCurrent', {
    status: 'False',
    reason: 'AuditFailed',
    message: "the driver's report lacks cpuInfo.arch, cpuInfo.features, totals.memoryBytes, totals.diskBytes, used",
  });
  await untilNodeIs(scene, 'TrackingEnabled', { status: 'False', reason: 'NoReportYet' });
  expect((await scene.read('early')).status?.phase ?? 'Pending').toBe('Pending');
  expect(await agent.untilHealth('/readyz', 503)).toContain('not audited yet');
  const { text } = await agent.health('/metrics');
  expect(text).toMatch(/resource_tracker_driver_errors_total\{code="InvalidReport"\} [1-9]/);
  await scene.writeHost(HOST);
  expect((await scene.decided('early')).status?.phase).toBe('Claimed');
});

test('When a later report is broken the figures of the last one stand, marked as old, and are tested against.', async () => {
  const scene = await open(undefined);
  await scene.startReady();
  expect(await scene.sumsAreRight()).toEqual(NOTHING);
  await scene.writeHost({ ...HOST, faults: { omit: ['totals'] } });
  await untilNodeIs(scene, 'HardwareReportCurrent', {
    status: 'False',
    reason: 'AuditFailed',
    message: expect.stringMatching(
      /^the driver's report lacks totals.memoryBytes, totals.diskBytes; the figures are as of 20\d\d-.*Z$/,
    ),
  });
  expect((await scene.readNode()).status?.total).toEqual({ vcpus: 4, memory: '4Gi', disk: '10Gi' });
  await scene.claim('huge', HUGE);
  expect(reasonsOf(await scene.decided('huge'))).toEqual(['InsufficientMemory', 'InsufficientVCPUs']);
  await scene.writeHost(HOST);
  await untilNodeIs(scene, 'HardwareReportCurrent', { status: 'True', reason: 'Current' });
});
