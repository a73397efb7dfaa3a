import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { missingForLibvirtd } from '../../../dev/libvirtd.ts';
import { describeDriverContract } from '../../drivers/contract/contract.ts';
import { createRecorder } from '../../drivers/contract/harness.ts';
import { createLibvirtdHarness, type LibvirtdHarness, stopSharedLibvirtd } from './libvirtd-harness.ts';

const missing = await missingForLibvirtd();
const GUEST = { uuid: 'bbbbbbbb-0000-4000-8000-000000000001', name: 'guest', memoryMiB: 64, vcpus: 1 };

afterAll(stopSharedLibvirtd);

describeDriverContract('a real libvirtd with QEMU guests', { makeHarness: () => createLibvirtdHarness(), missing });

describe.skipIf(missing !== undefined)('a real libvirtd', () => {
  let harness: LibvirtdHarness;
  const recorder = createRecorder();

  beforeEach(async () => {
    recorder.events.length = 0;
    harness = await createLibvirtdHarness({ callTimeoutMs: 1_000 });
    await harness.define(GUEST);
    await harness.startPaused(GUEST.name);
    await harness.driver.start(recorder.options);
    await recorder.waitFor(({ kind }) => kind === 'connected');
  });
  afterEach(async () => {
    harness.libvirtd.signal('SIGCONT');
    await harness.dispose();
  });

  it('a guest whose QEMU hangs does not hold up the audit', async () => {
    const pid = await harness.libvirtd.guestPid(GUEST.name);
    process.kill(pid, 'SIGSTOP');
    const { instances } = await harness.driver.audit();
    process.kill(pid, 'SIGCONT');
    expect(instances).toMatchObject([{ uuid: GUEST.uuid, memoryBytes: 64n << 20n }]);
  });

  it('a daemon that hangs costs a time-out and the connection, which comes back with it', async () => {
    harness.libvirtd.signal('SIGSTOP');
    await expect(harness.driver.audit()).rejects.toMatchObject({ code: 'Timeout' });
    await recorder.waitFor(({ kind }) => kind === 'disconnected');
    const from = recorder.events.length;
    harness.libvirtd.signal('SIGCONT');
    await recorder.waitFor(({ kind }) => kind === 'connected', from);
    await expect(harness.driver.audit()).resolves.toMatchObject({ instances: [{ uuid: GUEST.uuid }] });
  });

  it('stop does not wait for a daemon that hangs', async () => {
    harness.libvirtd.signal('SIGSTOP');
    const audit = harness.driver.audit().catch((error: unknown) => error);
    await harness.driver.stop();
    expect(await audit).toMatchObject({ name: 'DriverError' });
  });

  it('metadata that is set later gives the instance its claim, with an event', async () => {
    const claim = '<claim namespace="team-a" name="late"/>';
    const uri = 'https://resourcetracker.dev/v1alpha1';
    await harness.libvirtd.virsh('metadata', GUEST.name, '--live', '--uri', uri, '--key', 'rt', '--set', claim);
    const event = await recorder.waitFor((candidate) => candidate.kind === 'instanceChanged');
    expect(event).toMatchObject({ instance: { claim: { namespace: 'team-a', name: 'late' } } });
  });

  it("a guest that was restored and left paused is told in libvirt's words, as migrating, until it is resumed", async () => {
    await harness.resume(GUEST.name);
    await harness.libvirtd.virsh('managedsave', GUEST.name);
    await harness.startPaused(GUEST.name);
    const restored = { uuid: GUEST.uuid, vmState: 'Paused', taskState: 'Migrating' };
    await expect(harness.driver.audit()).resolves.toMatchObject({ instances: [restored] });
    await harness.resume(GUEST.name);
    const { instances } = await harness.driver.audit();
    expect(instances).toMatchObject([{ uuid: GUEST.uuid, vmState: 'Active' }]);
    expect(instances[0]).not.toHaveProperty('taskState');
  });

  it('a saved guest is suspended, also after libvirtd has forgotten why it is off', async () => {
    await harness.libvirtd.virsh('managedsave', GUEST.name);
    await expect(harness.driver.audit()).resolves.toMatchObject({ instances: [{ vmState: 'Suspended' }] });
    const from = recorder.events.length;
    await harness.loseHypervisor();
    await harness.bringHypervisorBack();
    await recorder.waitFor(({ kind }) => kind === 'connected', from);
    await expect(harness.driver.audit()).resolves.toMatchObject({ instances: [{ vmState: 'Suspended' }] });
  });
});
