import { byText } from './order.ts';
import type { PciInventory } from './pci-inventory.ts';
import type { PciUsage } from './pci-usage.ts';
import type { PciDevice, PciDeviceType } from './types.ts';

/** How many devices of one kind there are and are free: a view of the devices, never a second book. */
export interface PciPool {
  readonly vendorID: string;
  readonly productID: string;
  readonly deviceType: PciDeviceType;
  readonly numaNode?: number;
  readonly physicalNetwork?: string;
  /** Sorted, without repetitions. */
  readonly tags: readonly string[];
  readonly total: number;
  /** Devices in state Available. */
  readonly free: number;
}

/** The pools of the assignable devices, sorted by what they have in common; one without a free device stays. */
export function poolsOf(inventory: PciInventory, usage: PciUsage): PciPool[] {
  const pools = new Map<string, PciPool>();
  for (const device of inventory.devices) {
    const kind = kindOf(device);
    const key = JSON.stringify(Object.values(kind));
    const pool = pools.get(key) ?? { ...definedOnly(kind), total: 0, free: 0 };
    const free = inventory.isFree(device, usage) ? 1 : 0;
    pools.set(key, { ...pool, total: pool.total + 1, free: pool.free + free });
  }
  return [...pools].toSorted(([left], [right]) => byText(left, right)).map(([, pool]) => pool);
}

interface Kind {
  readonly vendorID: string;
  readonly productID: string;
  readonly deviceType: PciDeviceType;
  readonly numaNode: number | undefined;
  readonly physicalNetwork: string | undefined;
  readonly tags: readonly string[];
}

function kindOf({ vendorID, productID, deviceType, numaNode, physicalNetwork, tags = [] }: PciDevice): Kind {
  return { vendorID, productID, deviceType, numaNode, physicalNetwork, tags: [...new Set(tags)].toSorted(byText) };
}

function definedOnly({ numaNode, physicalNetwork, ...rest }: Kind): Omit<PciPool, 'total' | 'free'> {
  return {
    ...rest,
    ...(numaNode === undefined ? {} : { numaNode }),
    ...(physicalNetwork === undefined ? {} : { physicalNetwork }),
  };
}
