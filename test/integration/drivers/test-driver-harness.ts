/**
 * libvirt's test driver as a world: a hypervisor inside this process. Every connection to a file has a host of its own, so what moves
 * that host must act on the driver's own connection, which a seam of the driver lets it see.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as koffi from 'koffi';
import { type LibvirtLibrary, loadLibvirt } from '../../../src/drivers/libvirt/bindings.ts';
import { createLibvirtDriver } from '../../../src/drivers/libvirt/libvirt-driver.ts';
import type { DriverHarness, InstanceSpec } from '../../drivers/contract/harness.ts';

const EXAMPLE = new URL('../../../examples/hosts/gpu.xml', import.meta.url);
const DEVICE = '0000:3b:00.0';

/** What moves a host, on a connection that may write. */
interface Outside {
  open(uri: string): Promise<bigint | null>;
  define(connection: bigint, xml: string): Promise<void>;
  act(connection: bigint, name: string, action: Action): Promise<void>;
}

type Action = 'create' | 'suspend' | 'resume' | 'destroy' | 'undefine';

function declareOutside(): Outside {
  const library = koffi.load('libvirt.so.0');
  const declare = (prototype: string) => {
    const declared = library.func(prototype);
    return (...values: unknown[]) =>
      new Promise<unknown>((resolve, reject) => {
        declared.async(...values, (error: unknown, value: unknown) => (error ? reject(error) : resolve(value)));
      });
  };
  const open = declare('void *virConnectOpen(str uri)');
  const define = declare('void *virDomainDefineXML(void *connection, str xml)');
  const lookup = declare('void *virDomainLookupByName(void *connection, str name)');
  const free = declare('int virDomainFree(void *domain)');
  const actions = {
    create: declare('int virDomainCreate(void *domain)'),
    suspend: declare('int virDomainSuspend(void *domain)'),
    resume: declare('int virDomainResume(void *domain)'),
    destroy: declare('int virDomainDestroy(void *domain)'),
    undefine: declare('int virDomainUndefine(void *domain)'),
  };
  return {
    open: async (uri) => (await open(uri)) as bigint | null,
    define: async (connection, xml) => {
      const domain = await define(connection, xml);
      if (domain === null) throw new Error(`libvirt refused ${xml}`);
      await free(domain);
    },
    act: async (connection, name, action) => {
      const domain = await lookup(connection, name);
      if (domain === null) throw new Error(`no domain ${name}`);
      const outcome = await actions[action](domain);
      await free(domain);
      if (outcome !== 0) throw new Error(`cannot ${action} ${name}`);
    },
  };
}

let outside: Outside | undefined;

/** An empty copy of an example host, and a driver before it. */
export async function createTestDriverHarness(): Promise<DriverHarness> {
  outside ??= declareOutside();
  const world = outside;
  const folder = await mkdtemp(join(tmpdir(), 'rt-test-driver-'));
  const path = join(folder, 'host.xml');
  const uri = `test://${path}`;
  const waiting: InstanceSpec[] = [];
  const broken = new Set<string>();
  let connection: bigint | null = null;
  await writeFile(path, withoutInstances(await readFile(EXAMPLE, 'utf8')));

  const act = async (name: string, ...actions: readonly Action[]): Promise<void> => {
    if (connection === null) throw new Error('the driver has no connection yet');
    for (const action of actions) await world.act(connection, name, action);
  };
  const library = async (): Promise<LibvirtLibrary> => {
    const real = await loadLibvirt();
    return {
      ...real,
      virConnectOpenReadOnly: async () => {
        connection = await world.open(uri);
        for (const spec of waiting) if (connection !== null) await world.define(connection, domainXml(spec));
        return connection;
      },
      virDomainGetXMLDesc: async (domain, flags) =>
        broken.has(real.virDomainGetName(domain) ?? '') ? '<domain><na' : real.virDomainGetXMLDesc(domain, flags),
    };
  };
  const driver = createLibvirtDriver({ uri, storagePool: 'instances' }, { loadLibrary: library, random: Math.random });
  return {
    driver,
    deviceAddress: DEVICE,
    define: async (spec) => {
      // Before the driver connects there is no host, after it was stopped none any more.
      if (connection === null) waiting.push(spec);
      else await world.define(connection, domainXml(spec)).catch(() => undefined);
    },
    startPaused: (name) => act(name, 'create', 'suspend'),
    pause: (name) => act(name, 'suspend'),
    resume: (name) => act(name, 'resume'),
    shutOff: (name) => act(name, 'destroy'),
    undefine: (name) => act(name, 'undefine'),
    breakInstance: async (name) => {
      broken.add(name);
    },
    withholdResources: async () => undefined,
    loseHypervisor: async () => undefined,
    bringHypervisorBack: async () => undefined,
    dispose: async () => {
      await driver.stop();
      await rm(folder, { recursive: true });
    },
  };
}

function withoutInstances(node: string): string {
  return node.replaceAll(/<domain [\s\S]*?<\/domain>/g, '');
}

function domainXml({ uuid, name, memoryMiB, vcpus, claim, devices = [] }: InstanceSpec): string {
  return `<domain type="test">
  <name>${name}</name>
  <uuid>${uuid}</uuid>
  <metadata>${claimXml(claim)}</metadata>
  <memory unit="MiB">${memoryMiB}</memory>
  <vcpu>${vcpus}</vcpu>
  <os><type>hvm</type></os>
  <devices>${devices.map(hostdevXml).join('')}</devices>
</domain>`;
}

/** The element that names an instance's claim. */
export function claimXml(claim: InstanceSpec['claim']): string {
  if (claim === undefined) return '';
  const { namespace, name } = claim;
  return `<rt:claim xmlns:rt="https://resourcetracker.dev/v1alpha1" namespace="${namespace}" name="${name}"/>`;
}

/** A PCI function of the host, handed to a guest. */
export function hostdevXml(address: string): string {
  const [domain, bus, slot, fn] = address.split(/[:.]/);
  return `<hostdev mode="subsystem" type="pci" managed="yes"><source>
    <address domain="0x${domain}" bus="0x${bus}" slot="0x${slot}" function="0x${fn}"/>
  </source></hostdev>`;
}
