import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { VmState } from '../../src/drivers/driver.ts';
import { createFakeDriver } from '../../src/drivers/fake/fake-driver.ts';
import { fakeHost } from '../../src/drivers/fake/fake-host.ts';
import { describeDriverContract } from './contract/contract.ts';
import type { DriverHarness, InstanceSpec } from './contract/harness.ts';

const DEVICE = { address: '0000:3b:00.0', vendorID: '10de', productID: '20b5', deviceType: 'PCI' } as const;

const CPU = { userNs: 100n, kernelNs: 50n, idleNs: 800n, iowaitNs: 50n, frequencyMhz: 800 };

async function inMemory(): Promise<DriverHarness> {
  const driver = createFakeDriver({ host: fakeHost({ devices: [DEVICE], cpuCounters: CPU }) });
  const find = (name: string) => driver.host().instances.find((instance) => instance.name === name);
  const become = async (name: string, vmState: VmState): Promise<void> => {
    const instance = find(name);
    if (instance !== undefined) driver.putInstance({ ...instance, vmState });
  };
  return {
    driver,
    deviceAddress: DEVICE.address,
    define: async ({ memoryMiB, vcpus, devices = [], ...spec }) =>
      driver.putInstance({
        ...spec,
        vmState: 'Stopped',
        vcpus: BigInt(vcpus),
        memoryBytes: BigInt(memoryMiB) << 20n,
        devices,
      }),
    startPaused: (name) => become(name, 'Paused'),
    pause: (name) => become(name, 'Paused'),
    resume: (name) => become(name, 'Active'),
    shutOff: (name) => become(name, 'Stopped'),
    undefine: async (name) => driver.removeInstance(find(name)?.uuid ?? ''),
    breakInstance: async (name) =>
      driver.changeHost((host) => ({ ...host, problems: [{ subject: `instance ${name}`, message: 'broken' }] })),
    withholdResources: async (cannotReport) => driver.setFaults({ cannotReport }),
    loseHypervisor: async () => driver.setFaults({ disconnected: true }),
    bringHypervisorBack: async () => driver.setFaults({ disconnected: false }),
    dispose: () => driver.stop(),
  };
}

interface HostDocument {
  faults?: { disconnected?: boolean; cannotReport?: string };
  problems?: { subject: string; message: string }[];
  instances: { uuid: string; name: string; vmState: VmState; [field: string]: unknown }[];
}

/** The same, by editing the file as a person or a demo script would: a new file in the place of the old one. */
async function inFile(): Promise<DriverHarness> {
  const folder = await mkdtemp(join(tmpdir(), 'rt-fake-'));
  const path = join(folder, 'host.yaml');
  await writeFile(
    path,
    stringify({
      hostname: 'fake',
      totals: { vcpus: 8, memory: '16Gi', disk: '100Gi' },
      cpuCounters: { user: 100, kernel: 50, idle: 800, iowait: 50, frequencyMhz: 800 },
      devices: [DEVICE],
      instances: [],
    }),
  );
  const driver = createFakeDriver({ path });
  const edit = async (change: (document: HostDocument) => void): Promise<void> => {
    const document = parse(await readFile(path, 'utf8')) as HostDocument;
    change(document);
    await writeFile(`${path}.new`, stringify(document));
    await rename(`${path}.new`, path);
  };
  const become = (name: string, vmState: VmState) =>
    edit(({ instances }) => {
      for (const instance of instances) if (instance.name === name) instance.vmState = vmState;
    });
  const toDocument = ({ memoryMiB, ...spec }: InstanceSpec) => ({
    ...spec,
    vmState: 'Stopped' as const,
    memory: `${memoryMiB}Mi`,
  });
  return {
    driver,
    deviceAddress: DEVICE.address,
    define: (spec) => edit(({ instances }) => instances.push(toDocument(spec))),
    startPaused: (name) => become(name, 'Paused'),
    pause: (name) => become(name, 'Paused'),
    resume: (name) => become(name, 'Active'),
    shutOff: (name) => become(name, 'Stopped'),
    undefine: (name) =>
      edit((document) => {
        document.instances = document.instances.filter((instance) => instance.name !== name);
      }),
    breakInstance: (name) =>
      edit((document) => {
        document.problems = [{ subject: `instance ${name}`, message: 'broken' }];
      }),
    withholdResources: (cannotReport) =>
      edit((document) => {
        document.faults = cannotReport === undefined ? {} : { cannotReport };
      }),
    loseHypervisor: () =>
      edit((document) => {
        document.faults = { disconnected: true };
      }),
    bringHypervisorBack: () =>
      edit((document) => {
        document.faults = { disconnected: false };
      }),
    dispose: async () => {
      await driver.stop();
      await rm(folder, { recursive: true });
    },
  };
}

describeDriverContract('fake, in memory', { makeHarness: inMemory });
describeDriverContract('fake, from a file', { makeHarness: inFile });
