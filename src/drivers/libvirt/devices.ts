/** The host's PCI functions. XML is read once per device and again only when something happened to PCI devices. */
import type { PciDevice } from '../../ledger/types.ts';
import type { ReportProblem } from '../driver.ts';
import type { Connection } from './connection.ts';
import { ListNodeDevices } from './constants.ts';
import { type NodeDeviceFacts, parseNodeDeviceXml } from './node-device-xml.ts';

export interface DeviceReading {
  /** Sorted by address. Absent where this hypervisor has no node devices. */
  readonly devices?: readonly PciDevice[];
  readonly problems: readonly ReportProblem[];
}

export interface DeviceReader {
  /** All PCI functions: one list, and the XML of those that are new. */
  readAll(): Promise<DeviceReading>;
  /** PCI devices came, went or changed. One changes others (a PF that gets VFs), so all are read anew. */
  forget(): void;
}

/** How libvirt names PCI functions, so that events of all other devices (a tap device for each guest) cost nothing. */
export const PCI_NAME_PREFIX = 'pci_';

/** Reads the PCI devices of one connection. */
export function createDeviceReader(connection: Connection): DeviceReader {
  let cache = new Map<string, NodeDeviceFacts>();
  return {
    forget: () => {
      cache = new Map();
    },
    readAll: async () => {
      const known = cache;
      const present = await readFacts(connection, known);
      if (present === undefined) return { problems: [] };
      known.clear();
      for (const [name, facts] of present) known.set(name, facts);
      return summarize(present);
    },
  };
}

function readFacts(
  connection: Connection,
  known: ReadonlyMap<string, NodeDeviceFacts>,
): Promise<ReadonlyMap<string, NodeDeviceFacts> | undefined> {
  return connection.run('list PCI devices', async (library, pointer) => {
    const present = new Map<string, NodeDeviceFacts>();
    const listed = await library.virConnectListAllNodeDevices(
      pointer,
      ListNodeDevices.CapPciDevice,
      async (device): Promise<void> => {
        const name = library.virNodeDeviceGetName(device);
        if (name === null) return;
        const facts = known.get(name);
        if (facts !== undefined) {
          present.set(name, facts);
          return;
        }
        const xml = await library.virNodeDeviceGetXMLDesc(device, 0);
        // Null: gone between the list and now.
        if (xml !== null) present.set(name, parseNodeDeviceXml(xml));
      },
    );
    if (listed !== null) return present;
    const error = connection.failed('list PCI devices');
    if (error.code === 'Unsupported') return undefined;
    throw error;
  });
}

function summarize(present: ReadonlyMap<string, NodeDeviceFacts>): DeviceReading {
  const devices: PciDevice[] = [];
  const problems: ReportProblem[] = [];
  for (const [name, facts] of present) {
    if (facts.kind === 'device') devices.push(facts.device);
    if (facts.kind === 'broken') problems.push({ subject: `device ${addressOfName(name)}`, message: facts.message });
  }
  devices.sort((one, other) => (one.address < other.address ? -1 : 1));
  problems.sort((one, other) => (one.subject < other.subject ? -1 : 1));
  return { devices, problems };
}

/** `pci_0000_3b_00_1` -> `0000:3b:00.1`; any other name as it is. */
function addressOfName(name: string): string {
  return name.replace(/^pci_([0-9a-f]+)_([0-9a-f]+)_([0-9a-f]+)_([0-9a-f]+)$/, '$1:$2:$3.$4');
}
