/** A real libvirtd with QEMU guests as a world, moved by virsh: nothing of the driver's own is used to move it. */
import { guestXml, type Libvirtd, startLibvirtd } from '../../../dev/libvirtd.ts';
import { type LibvirtLibrary, loadLibvirt } from '../../../src/drivers/libvirt/bindings.ts';
import { ErrorNumber } from '../../../src/drivers/libvirt/constants.ts';
import { createLibvirtDriver } from '../../../src/drivers/libvirt/libvirt-driver.ts';
import type { DriverHarness } from '../../drivers/contract/harness.ts';
import { claimXml, hostdevXml } from './test-driver-harness.ts';

export interface LibvirtdHarness extends DriverHarness {
  readonly libvirtd: Libvirtd;
}

let shared: Promise<Libvirtd> | undefined;

/** Stops the libvirtd that all harnesses of this process share. */
export async function stopSharedLibvirtd(): Promise<void> {
  const running = await shared;
  shared = undefined;
  await running?.stop();
}

/** Puts a driver before a libvirtd without guests. A new one would have to learn for seconds what its QEMU can do, so one is shared. */
export async function createLibvirtdHarness(config: { callTimeoutMs?: number } = {}): Promise<LibvirtdHarness> {
  shared ??= startLibvirtd();
  const libvirtd = await shared;
  const broken = new Set<string>();
  let withheld: string | undefined;
  const library = async (): Promise<LibvirtLibrary> => {
    const real = await loadLibvirt();
    return {
      ...real,
      virNodeGetInfo: async (connection) => (withheld === undefined ? real.virNodeGetInfo(connection) : null),
      virConnGetLastError: (connection) =>
        withheld === undefined
          ? real.virConnGetLastError(connection)
          : { code: ErrorNumber.NoSupport, message: withheld },
      virDomainGetXMLDesc: async (domain, flags) =>
        broken.has(real.virDomainGetName(domain) ?? '') ? '<domain><na' : real.virDomainGetXMLDesc(domain, flags),
    };
  };
  const driver = createLibvirtDriver(
    {
      uri: libvirtd.uri,
      instancesPath: libvirtd.instancesPath,
      reconnect: { initialDelayMs: 50, maxDelayMs: 200 },
      ...config,
    },
    { loadLibrary: library, random: Math.random },
  );
  const virsh = async (...words: readonly string[]): Promise<void> => {
    await libvirtd.virsh(...words);
  };
  const devices = (await libvirtd.virsh('nodedev-list', '--cap', 'pci')).split('\n');
  return {
    libvirtd,
    driver,
    deviceAddress: addressOf(devices.find((name) => name.startsWith('pci_')) ?? ''),
    define: async ({ claim, devices: addresses = [], ...spec }) => {
      const xml = guestXml({ ...spec, metadata: claimXml(claim), devices: addresses.map(hostdevXml).join('') });
      await libvirtd.virshWith(xml, 'define', '{}');
    },
    startPaused: (name) => virsh('start', '--paused', name),
    pause: (name) => virsh('suspend', name),
    resume: (name) => virsh('resume', name),
    shutOff: (name) => virsh('destroy', name),
    undefine: (name) => virsh('undefine', name),
    breakInstance: async (name) => {
      broken.add(name);
    },
    withholdResources: async (reason) => {
      withheld = reason;
      // What a hypervisor can do does not change while it is connected.
      if (reason !== undefined) return;
      await libvirtd.kill();
      await libvirtd.start();
    },
    loseHypervisor: () => libvirtd.kill(),
    bringHypervisorBack: () => libvirtd.start(),
    dispose: async () => {
      await driver.stop();
      await removeGuests(libvirtd);
    },
  };
}

async function removeGuests(libvirtd: Libvirtd): Promise<void> {
  const running = await namesOf(libvirtd, '--state-running', '--state-paused');
  for (const name of running) await libvirtd.virsh('destroy', name);
  for (const name of await namesOf(libvirtd, '--inactive')) await libvirtd.virsh('undefine', '--managed-save', name);
}

async function namesOf(libvirtd: Libvirtd, ...filter: readonly string[]): Promise<readonly string[]> {
  const listed = await libvirtd.virsh('list', '--name', ...filter);
  return listed.split('\n').filter((name) => name !== '');
}

/** `pci_0000_00_01_0` -> `0000:00:01.0`. */
function addressOf(name: string): string {
  const [, domain, bus, slot, fn] = name.split('_');
  return `${domain}:${bus}:${slot}.${fn}`;
}
