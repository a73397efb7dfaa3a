import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Driver } from '../../../src/drivers/driver.ts';
import { type LibvirtLibrary, loadLibvirt } from '../../../src/drivers/libvirt/bindings.ts';
import type { Pointer } from '../../../src/drivers/libvirt/declarations.ts';
import { createLibvirtDriver } from '../../../src/drivers/libvirt/libvirt-driver.ts';
import { createRecorder } from '../../drivers/contract/harness.ts';

const missing = await loadLibvirt().then(
  () => undefined,
  (error: unknown) => String(error),
);
const INSTANCES = 300;
const PCI = [0, 1, 2, 3].map(
  (slot) => `<device><name>pci_0000_01_0${slot}_0</name><capability type="pci">
    <class>0x020000</class><domain>0</domain><bus>1</bus><slot>${slot}</slot><function>0</function>
    <product id="0x1592">NIC</product><vendor id="0x8086">Intel</vendor></capability></device>`,
);

function hostXml(): string {
  const domains = Array.from({ length: INSTANCES }, (_, index) => {
    const uuid = `cccccccc-0000-4000-8000-${String(index).padStart(12, '0')}`;
    return `<domain type="test"><name>d${index}</name><uuid>${uuid}</uuid><memory unit="GiB">1</memory><os><type>hvm</type></os></domain>`;
  });
  return `<node><memory>1073741824</memory>${domains.join('')}${PCI.join('')}</node>`;
}

/** Counts the calls that go to the hypervisor, and remembers the connection. */
function counting(real: LibvirtLibrary): {
  library: LibvirtLibrary;
  calls: Map<string, number>;
  connection(): Pointer;
} {
  const calls = new Map<string, number>();
  let connection: Pointer | null = null;
  const library = new Proxy(real, {
    get: (target, name: keyof LibvirtLibrary, receiver) => {
      if (name.startsWith('vir')) calls.set(name, (calls.get(name) ?? 0) + 1);
      if (name !== 'virConnectOpenReadOnly') return Reflect.get(target, name, receiver) as unknown;
      return async (uri: string) => {
        connection = await real.virConnectOpenReadOnly(uri);
        return connection;
      };
    },
  });
  return { library, calls, connection: () => connection ?? 0n };
}

describe.skipIf(missing !== undefined)('the libvirt driver', () => {
  const recorder = createRecorder();
  let folder: string;
  let driver: Driver;
  let counted: ReturnType<typeof counting>;

  beforeEach(async () => {
    recorder.events.length = 0;
    folder = await mkdtemp(join(tmpdir(), 'rt-libvirt-'));
    await writeFile(join(folder, 'host.xml'), hostXml());
    counted = counting(await loadLibvirt());
    const seams = { loadLibrary: async () => counted.library, random: Math.random };
    driver = createLibvirtDriver({ uri: `test://${join(folder, 'host.xml')}`, instancesPath: folder }, seams);
  });
  afterEach(async () => {
    await driver.stop();
    await rm(folder, { recursive: true });
  });
  const connect = async (): Promise<void> => {
    await driver.start(recorder.options);
    await recorder.waitFor(({ kind }) => kind === 'connected');
  };

  it('makes no call per instance once it has seen them', async () => {
    await connect();
    const first = await driver.audit();
    expect(first.instances).toHaveLength(INSTANCES);
    counted.calls.clear();
    await driver.audit();
    const local = new Set(['virDomainGetUUIDString', 'virDomainGetName', 'virNodeDeviceGetName', 'virDomainFree']);
    const remote = [...counted.calls].filter(([name]) => !local.has(name));
    const total = remote.reduce((sum, [, count]) => sum + count, 0);
    expect(total, JSON.stringify(remote)).toBeLessThan(20);
    expect(counted.calls.get('virConnectGetAllDomainStats')).toBe(1);
    expect(counted.calls.get('virConnectListAllNodeDevices')).toBe(1);
    expect(counted.calls.has('virNodeDeviceGetXMLDesc')).toBe(false);
  });

  it('a burst of changes of PCI devices is told once, and all of them are read anew', async () => {
    await connect();
    await driver.audit();
    counted.calls.clear();
    // The test driver cannot change PCI devices: the notice is given in its place.
    const listener = counted.library.listeners.get(counted.connection());
    await counted.library.virConnectListAllNodeDevices(counted.connection(), 1 << 1, (device) =>
      listener?.nodeDeviceEvent(device),
    );
    await recorder.waitFor(({ kind }) => kind === 'hostChanged');
    await driver.audit();
    expect(counted.calls.get('virNodeDeviceGetXMLDesc')).toBe(PCI.length);
    expect(recorder.events.filter(({ kind }) => kind === 'hostChanged')).toHaveLength(1);
  });

  it('a device that cannot be understood is a problem, and the others are reported', async () => {
    const real = counted.library.virNodeDeviceGetXMLDesc;
    counted.library.virNodeDeviceGetXMLDesc = async (device, flags) =>
      counted.library.virNodeDeviceGetName(device) === 'pci_0000_01_02_0' ? '<device><cap' : real(device, flags);
    await connect();
    const { devices, problems } = await driver.audit();
    expect(devices?.map(({ address }) => address)).toEqual(['0000:01:00.0', '0000:01:01.0', '0000:01:03.0']);
    expect(problems).toMatchObject([{ subject: 'device 0000:01:02.0' }]);
  });

  it('disk that cannot be read is a problem, and the rest of the report is right', async () => {
    const elsewhere = createLibvirtDriver({ uri: 'test:///default', instancesPath: join(folder, 'none') });
    await elsewhere.start(recorder.options);
    await recorder.waitFor(({ kind }) => kind === 'connected');
    const { totals, problems } = await elsewhere.audit();
    await elsewhere.stop();
    expect(problems).toMatchObject([{ subject: 'disk', message: expect.stringContaining('ENOENT') }]);
    expect(totals).toMatchObject({ diskBytes: 0n, vcpus: 16n });
  });

  it('a hypervisor that cannot be reached is told once, with the reason, while it tries on', async () => {
    const uri = `qemu+unix:///system?socket=${join(folder, 'none')}`;
    const away = createLibvirtDriver({ uri, reconnect: { initialDelayMs: 1, maxDelayMs: 2 } });
    let attempts = 0;
    const tried = Promise.withResolvers<void>();
    await away.start({
      ...recorder.options,
      log: () => {
        attempts += 1;
        if (attempts === 3) tried.resolve();
      },
    });
    await tried.promise;
    await away.stop();
    expect(recorder.events).toMatchObject([{ kind: 'disconnected', message: expect.stringContaining('socket') }]);
  });

  it('a process that crashes while connected says why and ends', async () => {
    const script = join(folder, 'crash.ts');
    const module = new URL('../../../src/drivers/libvirt/libvirt-driver.ts', import.meta.url);
    await writeFile(
      script,
      `import { createLibvirtDriver } from '${module.href}';
       const driver = createLibvirtDriver({ uri: 'test:///default' });
       await driver.start({ onEvent: () => { setTimeout(() => { throw new Error('bang'); }, 0); } });`,
    );
    const crash = promisify(execFile)(process.execPath, [script], { timeout: 20_000 });
    await expect(crash).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('bang') });
  });

  it('opens and closes without keeping files open', async () => {
    const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
    const cycle = async (): Promise<void> => {
      const recorded = createRecorder();
      const one = createLibvirtDriver({ uri: 'test:///default', instancesPath: folder });
      await one.start(recorded.options);
      await recorded.waitFor(({ kind }) => kind === 'connected');
      await one.audit();
      await one.stop();
    };
    await cycle();
    const before = await openFiles();
    for (let round = 0; round < 20; round += 1) await cycle();
    expect(await openFiles()).toBe(before);
  });
});
