import { Ledger } from '../../src/ledger/ledger.ts';
import type { AssignedDevice, Holding, Host, PciDevice, PciRequest } from '../../src/ledger/types.ts';
import type { EventName, Figure } from './outcome.ts';

const ONE = { numerator: 1n, denominator: 1n };
const NOTHING = { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n };
const NOVA_STATES = {
  Available: 'available',
  Claimed: 'claimed',
  Allocated: 'allocated',
  Unavailable: 'unavailable',
} as const;

/** Nova's PCI tracker on top of a ledger that holds nothing but devices. */
export class PciWorld {
  readonly ledger: Ledger;
  readonly events = new Set<EventName>();
  readonly assumed = new Set<Figure>();
  devices: readonly PciDevice[];
  error: string | undefined;
  picked = 0;
  /** The device of which the scenario says that the hypervisor reports it otherwise. */
  reported: string | undefined;
  readonly #known = new Set<string>();

  constructor(devices: readonly PciDevice[] = []) {
    this.devices = devices;
    this.ledger = new Ledger(hostOf(devices));
    for (const { address } of devices) this.#known.add(address);
  }

  /** The hypervisor lists these now. */
  list(devices: readonly PciDevice[]): void {
    this.devices = devices;
    this.ledger.setHost(hostOf(devices));
    for (const { address } of devices) this.#known.add(address);
    if (new Set(devices.map(({ address }) => address)).size < devices.length) this.events.add('DuplicateAddress');
  }

  /** Whether the requests can be met; they are then held under the key. */
  take(key: string, pciRequests: readonly PciRequest[], isAttached: boolean): boolean {
    const addresses = this.choose(pciRequests);
    this.picked = addresses?.length ?? 0;
    if (addresses !== undefined) this.hold(key, addresses, isAttached);
    return addresses !== undefined;
  }

  choose(pciRequests: readonly PciRequest[]): readonly string[] | undefined {
    return this.assign(pciRequests)?.map(({ address }) => address);
  }

  assign(pciRequests: readonly PciRequest[]): readonly AssignedDevice[] | undefined {
    const decision = this.ledger.test({ amounts: NOTHING, overheadMemoryBytes: 0n, limits: {}, pciRequests });
    return decision.kind === 'granted' ? decision.devices : undefined;
  }

  hold(key: string, devices: readonly string[], isAttached: boolean): void {
    this.ledger.hold({
      key,
      amounts: NOTHING,
      overheadMemoryBytes: 0n,
      devices,
      devicesInUse: isAttached ? devices : [],
    });
  }

  free(): string[] {
    const { pciDevices } = this.ledger.view();
    return pciDevices.filter(({ state }) => state === 'Available').map(({ address }) => address);
  }

  /** Instances that hold devices which are attached to them, or not. */
  owners(isAttached: boolean): string[] {
    const holdings = [...this.ledger.holdings()].filter(
      (holding) => (isAttached ? attachedOf(holding) : waitingOf(holding)).length > 0,
    );
    return [...new Set(holdings.map(({ key }) => ownerOf(key)))].toSorted();
  }

  /** Every address ever listed, its state in Nova's words, and its owner. */
  rows(): [string, string, string | null][] {
    const { pciDevices, missingDevices } = this.ledger.view();
    return [...this.#known].toSorted().map((address) => {
      const device = pciDevices.find((other) => other.address === address);
      const missing = missingDevices.find((other) => other.address === address);
      const holder = device?.holder ?? missing?.holder;
      return [
        address,
        device === undefined ? 'removed' : NOVA_STATES[device.state],
        holder === undefined ? null : ownerOf(holder),
      ];
    });
  }
}

/** A migration's holding belongs to its instance. */
export function ownerOf(key: string): string {
  return key.split('/')[0] ?? key;
}

function attachedOf({ devicesInUse = [] }: Holding): readonly string[] {
  return devicesInUse;
}

function waitingOf({ devices, devicesInUse = [] }: Holding): readonly string[] {
  return devices.filter((address) => !devicesInUse.includes(address));
}

function hostOf(devices: readonly PciDevice[]): Host {
  return {
    totals: NOTHING,
    policy: { reserved: NOTHING, allocationRatios: { vcpus: ONE, memory: ONE, disk: ONE }, limitPolicy: 'ClaimOnly' },
    devices,
  };
}
