import { byText } from './order.ts';
import type { Holding } from './types.ts';

interface DeviceUse {
  readonly held: boolean;
  readonly attached: boolean;
}

/** Who uses one address: the first holder by key, if anyone holds it. */
export interface AddressUse {
  readonly user: string;
  readonly held: boolean;
  /** Who has it attached: one that holds it, or only others. */
  readonly attached: 'byHolder' | 'byOther' | 'no';
}

/**
 * Which keys use which PCI addresses, whether the host has these devices or not. More than one may use a device, as recounting
 * refuses nothing; it is free again when the last one lets go.
 */
export class PciUsage {
  readonly #uses = new Map<string, Map<string, DeviceUse>>();

  add(holding: Holding): void {
    const held = new Set(holding.devices);
    const attached = new Set(holding.devicesInUse);
    for (const address of new Set([...held, ...attached])) {
      const use = { held: held.has(address), attached: attached.has(address) };
      const users = this.#uses.get(address);
      if (users === undefined) this.#uses.set(address, new Map([[holding.key, use]]));
      else users.set(holding.key, use);
    }
  }

  remove(holding: Holding): void {
    for (const address of [...holding.devices, ...(holding.devicesInUse ?? [])]) {
      const users = this.#uses.get(address);
      users?.delete(holding.key);
      if (users?.size === 0) this.#uses.delete(address);
    }
  }

  /** Whether anyone but `except` uses the address. */
  isUsed(address: string, except?: string): boolean {
    const users = this.#uses.get(address);
    if (users === undefined) return false;
    return except === undefined || users.size > 1 || !users.has(except);
  }

  useOf(address: string): AddressUse | undefined {
    const users = this.#uses.get(address);
    if (users === undefined) return undefined;
    const holders = [...users].filter(([, use]) => use.held);
    const keys = (holders.length > 0 ? holders : [...users]).map(([key]) => key);
    const [user = ''] = keys.toSorted(byText);
    return { user, held: holders.length > 0, attached: attachmentOf([...users.values()]) };
  }

  addresses(): Iterable<string> {
    return this.#uses.keys();
  }
}

function attachmentOf(uses: readonly DeviceUse[]): AddressUse['attached'] {
  const attached = uses.filter((use) => use.attached);
  if (attached.length === 0) return 'no';
  return attached.some((use) => use.held) ? 'byHolder' : 'byOther';
}
