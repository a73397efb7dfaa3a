import { byText } from './order.ts';
import type { PciUsage } from './pci-usage.ts';
import type { Host, PciDevice } from './types.ts';

/**
 * The host's devices by address, and which of them exclude each other: a PF and its VFs, as a PF that is given away takes its
 * VFs with it. Where an address is reported twice the first report counts.
 */
export class PciInventory {
  /** Assignable ones, sorted by address. */
  readonly devices: readonly PciDevice[];
  /** Addresses that were reported more than once, sorted. */
  readonly duplicates: readonly string[];
  readonly #byAddress = new Map<string, PciDevice>();
  readonly #functions = new Map<string, string[]>();

  constructor({ devices, unassignable = [] }: Pick<Host, 'devices' | 'unassignable'>) {
    const duplicates = new Set<string>();
    this.devices = this.#index(devices, duplicates).toSorted((left, right) => byText(left.address, right.address));
    this.#index(unassignable, duplicates);
    this.duplicates = [...duplicates].toSorted(byText);
  }

  #index(devices: readonly PciDevice[], duplicates: Set<string>): PciDevice[] {
    return devices.filter((device) => {
      if (this.#byAddress.has(device.address)) return !duplicates.add(device.address);
      this.#byAddress.set(device.address, device);
      this.#addFunction(device);
      return true;
    });
  }

  #addFunction({ deviceType, parentAddress, address }: PciDevice): void {
    if (deviceType !== 'VF' || parentAddress === undefined) return;
    const siblings = this.#functions.get(parentAddress);
    if (siblings === undefined) this.#functions.set(parentAddress, [address]);
    else siblings.push(address);
  }

  has(address: string): boolean {
    return this.#byAddress.has(address);
  }

  get(address: string): PciDevice | undefined {
    return this.#byAddress.get(address);
  }

  /** Addresses of the VFs of a PF that the host reports, assignable or not. */
  functionsOf(address: string): readonly string[] {
    return this.#functions.get(address) ?? [];
  }

  /** Whether nobody but `except` uses the device, its PF, or one of its VFs. */
  isFree(device: PciDevice, usage: PciUsage, except?: string): boolean {
    if (usage.isUsed(device.address, except)) return false;
    if (device.deviceType !== 'VF') return this.functionsOf(device.address).every((vf) => !usage.isUsed(vf, except));
    return device.parentAddress === undefined || !usage.isUsed(device.parentAddress, except);
  }
}
