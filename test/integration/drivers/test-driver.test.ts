import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadLibvirt } from '../../../src/drivers/libvirt/bindings.ts';
import { createLibvirtDriver } from '../../../src/drivers/libvirt/libvirt-driver.ts';
import { describeDriverContract } from '../../drivers/contract/contract.ts';
import { createRecorder } from '../../drivers/contract/harness.ts';
import { createTestDriverHarness } from './test-driver-harness.ts';

const missing = await loadLibvirt().then(
  () => undefined,
  (error: unknown) => String(error),
);

describeDriverContract("libvirt's test driver", {
  makeHarness: createTestDriverHarness,
  missing,
  lacks: {
    'loses the hypervisor': 'the test driver is in this process and cannot go away',
    'cannot report': 'the test driver always knows its host',
  },
});

/** What each example host is for. */
const examples = [
  [
    'gpu.xml',
    { vcpus: 64n, memoryGiB: 256n, instances: 4, devices: { PCI: 3, PF: 1, VF: 8 }, unclaimed: ['left-behind'] },
  ],
  ['small.xml', { vcpus: 4n, memoryGiB: 16n, instances: 1, devices: { PCI: 1 }, unclaimed: [] }],
  ['big.xml', { vcpus: 128n, memoryGiB: 1024n, instances: 0, devices: {}, unclaimed: [] }],
] as const;

describe.skipIf(missing !== undefined)('the example hosts', () => {
  it('have the CPU counters that the test driver makes up, to the nanosecond', async () => {
    const path = fileURLToPath(new URL('../../../examples/hosts/small.xml', import.meta.url));
    const driver = createLibvirtDriver({ uri: `test://${path}`, storagePool: 'instances' });
    const recorder = createRecorder();
    await driver.start(recorder.options);
    await recorder.waitFor(({ kind }) => kind === 'connected');
    const counters = await driver.cpuCounters?.();
    await driver.stop();
    expect(counters).toEqual({
      userNs: 9_797_400_000n,
      kernelNs: 34_678_723_400_000n,
      idleNs: 87_264_900_000n,
      iowaitNs: 763_600_000n,
      frequencyMhz: 1_800,
    });
  });

  it.each(examples)('%s is what it says, without a problem', async (file, expected) => {
    const path = fileURLToPath(new URL(`../../../examples/hosts/${file}`, import.meta.url));
    const driver = createLibvirtDriver({ uri: `test://${path}`, storagePool: 'instances' });
    const recorder = createRecorder();
    await driver.start(recorder.options);
    await recorder.waitFor(({ kind }) => kind === 'connected');
    const { totals, instances, devices = [], problems } = await driver.audit();
    await driver.stop();
    const types = Object.groupBy(devices, ({ deviceType }) => deviceType);
    expect({
      vcpus: totals.vcpus,
      memoryGiB: totals.memoryBytes >> 30n,
      instances: instances.length,
      devices: Object.fromEntries(Object.entries(types).map(([type, members]) => [type, members.length])),
      unclaimed: instances.filter(({ claim }) => claim === undefined).map(({ name }) => name),
    }).toEqual(expected);
    expect(problems).toEqual([]);
  });
});
