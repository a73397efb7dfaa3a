import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReportedInstance } from '../../src/drivers/driver.ts';
import { createFakeDriver } from '../../src/drivers/fake/fake-driver.ts';
import { fakeHost } from '../../src/drivers/fake/fake-host.ts';
import { createRecorder } from './contract/harness.ts';

const INSTANCE: ReportedInstance = {
  uuid: 'aaaaaaaa-0000-4000-8000-000000000001',
  name: 'one',
  vmState: 'Active',
  vcpus: 2n,
  memoryBytes: 1n << 30n,
  devices: [],
};

describe('a fake host in memory', () => {
  it('tells every change before the call returns', async () => {
    const driver = createFakeDriver({ host: fakeHost() });
    const { options, events } = createRecorder();
    await driver.start(options);
    driver.putInstance(INSTANCE);
    driver.putInstance({ ...INSTANCE, vmState: 'Paused' });
    driver.putInstance({ ...INSTANCE, vmState: 'Paused' });
    driver.changeHost((host) => ({ ...host, totals: { ...host.totals, memoryBytes: 1n } }));
    driver.removeInstance(INSTANCE.uuid);
    expect(events.map(({ kind }) => kind)).toEqual([
      'connected',
      'instanceChanged',
      'instanceChanged',
      'hostChanged',
      'instanceGone',
    ]);
  });

  it('fails audits on demand', async () => {
    const driver = createFakeDriver({ host: fakeHost(), faults: { failAudit: 'the disk is on fire' } });
    await driver.start(createRecorder().options);
    await expect(driver.audit()).rejects.toMatchObject({ code: 'CallFailed', message: 'the disk is on fire' });
    driver.setFaults({ failAudit: undefined });
    await expect(driver.audit()).resolves.toMatchObject({ hostname: 'fake' });
  });

  it('what changes while it is away is in the first audit after it is back', async () => {
    const driver = createFakeDriver({ host: fakeHost(), faults: { disconnected: true } });
    const { options, events } = createRecorder();
    await driver.start(options);
    driver.putInstance(INSTANCE);
    driver.setFaults({ disconnected: false });
    expect(events.map(({ kind }) => kind)).toEqual(['disconnected', 'connected']);
    await expect(driver.audit()).resolves.toMatchObject({ instances: [INSTANCE] });
  });

  it('an audit that is under way when the hypervisor goes away fails', async () => {
    const driver = createFakeDriver({ host: fakeHost(), faults: { auditDelayMs: 20 } });
    await driver.start(createRecorder().options);
    const audit = driver.audit();
    driver.setFaults({ disconnected: true });
    await expect(audit).rejects.toMatchObject({ code: 'Disconnected' });
  });

  it('a slow audit ends with its signal and with the driver', async () => {
    const driver = createFakeDriver({ host: fakeHost(), faults: { auditDelayMs: 60_000 } });
    await driver.start(createRecorder().options);
    const lifetime = new AbortController();
    const aborted = driver.audit(lifetime.signal);
    const stopped = driver.audit();
    lifetime.abort();
    await expect(aborted).rejects.toThrow();
    await driver.stop();
    await expect(stopped).rejects.toMatchObject({ code: 'Disconnected' });
  });

  it('a host without CPU counters says so, and one whose counters move has not changed', async () => {
    const driver = createFakeDriver({ host: fakeHost() });
    const { options, events } = createRecorder();
    await driver.start(options);
    await expect(driver.cpuCounters?.()).rejects.toMatchObject({ code: 'Unsupported', retryable: false });
    const cpuCounters = { userNs: 1n, kernelNs: 2n, idleNs: 3n, iowaitNs: 4n, frequencyMhz: 5 };
    driver.changeHost((host) => ({ ...host, cpuCounters }));
    await expect(driver.cpuCounters?.()).resolves.toEqual(cpuCounters);
    expect(events.map(({ kind }) => kind)).toEqual(['connected']);
  });

  it('overhead is what the configuration makes of the size, and none without one', () => {
    const size = { vcpus: 4n, memoryBytes: 1000n };
    const overhead = { fixedBytes: 100n, perVcpuBytes: 10n };
    expect(createFakeDriver({ host: fakeHost(), overhead }).overheadMemoryBytes(size)).toBe(140n);
    expect(createFakeDriver({ host: fakeHost() }).overheadMemoryBytes(size)).toBe(0n);
  });
});

describe('a fake host in a file', () => {
  const good = 'hostname: one\ntotals: { vcpus: 4, memory: 8Gi, disk: 1Gi }\n';
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rt-fake-'));
    path = join(folder, 'host.yaml');
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it('that is broken from the start is refused with all its mistakes', async () => {
    await writeFile(path, 'hostname: 1\n');
    const start = createFakeDriver({ path }).start(createRecorder().options);
    await expect(start).rejects.toMatchObject({ code: 'InvalidConfiguration', retryable: false });
    await expect(start).rejects.toThrow(/host\.yaml:1: hostname: .*\n/);
  });

  it('that is missing is refused', async () => {
    await expect(createFakeDriver({ path }).start(createRecorder().options)).rejects.toThrow(/ENOENT/);
  });

  it('keeps its last good state through a broken edit, says so, and is mended by the next good one', async () => {
    await writeFile(path, good);
    const driver = createFakeDriver({ path });
    const { options, events } = createRecorder();
    const logged: string[] = [];
    await driver.start({ ...options, log: (level, message) => logged.push(`${level}: ${message}`) });
    await writeFile(path, good.replace('8Gi', 'lots'));
    const broken = await driver.audit();
    expect(broken.totals.memoryBytes).toBe(8n << 30n);
    expect(broken.problems).toMatchObject([{ subject: 'host', message: expect.stringContaining('host.yaml:2') }]);
    expect(logged).toEqual(['error: the host file is broken, its last good state stays']);
    await writeFile(path, good.replace('8Gi', '9Gi'));
    await expect(driver.audit()).resolves.toMatchObject({ totals: { memoryBytes: 9n << 30n }, problems: [] });
    expect(events.map(({ kind }) => kind)).not.toContain('disconnected');
    await driver.stop();
  });
});
