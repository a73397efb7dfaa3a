import { matchesSelector } from './pci-match.ts';
import type { PciDevice, PciDeviceType } from './types.ts';

/**
 * Devices that may be handed out: every property given must match, `physicalNetwork` and `tags` are what it adds to them.
 * (Nova: pci_passthrough_whitelist; IDs fold case here, semantics of Nova's later address globs.)
 */
export interface WhitelistEntry {
  readonly vendorID?: string;
  readonly productID?: string;
  readonly deviceType?: PciDeviceType;
  /** Glob: `*`, `?`. */
  readonly address?: string;
  readonly numaNode?: number;
  readonly physicalNetwork?: string;
  readonly tags?: readonly string[];
}

/** The devices that an entry matches, in their order, with what the first such entry adds. An empty whitelist gives nothing. */
export function assignableDevices(devices: readonly PciDevice[], whitelist: readonly WhitelistEntry[]): PciDevice[] {
  return devices.flatMap((device) => {
    const entry = whitelist.find((candidate) => admits(candidate, device));
    return entry === undefined ? [] : [labelled(device, entry)];
  });
}

function admits({ physicalNetwork: _network, tags: _tags, ...selector }: WhitelistEntry, device: PciDevice): boolean {
  return matchesSelector(device, selector);
}

function labelled(device: PciDevice, { physicalNetwork, tags }: WhitelistEntry): PciDevice {
  return {
    ...device,
    ...(physicalNetwork === undefined ? {} : { physicalNetwork }),
    ...(tags === undefined ? {} : { tags }),
  };
}
