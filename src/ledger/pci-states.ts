import { byText } from './order.ts';
import type { PciInventory } from './pci-inventory.ts';
import type { AddressUse, PciUsage } from './pci-usage.ts';
import type { PciDevice, PciDeviceType } from './types.ts';

/**
 * Available: free. Claimed: held. Allocated: held, and the hypervisor has attached it. Unavailable: not held, but its PF or one of its
 * VFs is in use; or an instance has it that does not hold it, whoever does.
 */
export type DeviceStateName = 'Available' | 'Claimed' | 'Allocated' | 'Unavailable';

export interface DeviceState {
  readonly address: string;
  readonly vendorID: string;
  readonly productID: string;
  readonly deviceType: PciDeviceType;
  readonly parentAddress?: string;
  readonly numaNode?: number;
  readonly state: DeviceStateName;
  /** Key of the holding that uses it; the first one by key if there are several. */
  readonly holder?: string;
}

/** A device that is held and that the host does not have (any more). */
export interface MissingDevice {
  readonly address: string;
  readonly holder: string;
}

/** The assignable devices and those in use that the whitelist leaves out, sorted by address. */
export function deviceStates(inventory: PciInventory, usage: PciUsage): DeviceState[] {
  const devices = new Set(inventory.devices);
  for (const address of usage.addresses()) {
    const device = inventory.get(address);
    if (device !== undefined) devices.add(device);
  }
  return [...devices].map((device) => stateOf(device, inventory, usage)).toSorted(byAddress);
}

/** Devices in use that the host does not have, sorted by address. */
export function missingDevices(inventory: PciInventory, usage: PciUsage): MissingDevice[] {
  const missing: MissingDevice[] = [];
  for (const address of usage.addresses()) {
    const use = inventory.has(address) ? undefined : usage.useOf(address);
    if (use !== undefined) missing.push({ address, holder: use.user });
  }
  return missing.toSorted(byAddress);
}

function stateOf(device: PciDevice, inventory: PciInventory, usage: PciUsage): DeviceState {
  const { address, vendorID, productID, deviceType, parentAddress, numaNode } = device;
  const use = usage.useOf(address);
  return {
    address,
    vendorID,
    productID,
    deviceType,
    ...(parentAddress === undefined ? {} : { parentAddress }),
    ...(numaNode === undefined ? {} : { numaNode }),
    state: use === undefined ? idleState(inventory.isFree(device, usage)) : busyState(use),
    ...(use === undefined ? {} : { holder: use.user }),
  };
}

function idleState(isFree: boolean): DeviceStateName {
  return isFree ? 'Available' : 'Unavailable';
}

function busyState({ held, attached }: AddressUse): DeviceStateName {
  if (!held || attached === 'byOther') return 'Unavailable';
  return attached === 'byHolder' ? 'Allocated' : 'Claimed';
}

function byAddress(left: { address: string }, right: { address: string }): number {
  return byText(left.address, right.address);
}
