import { byText } from './order.ts';
import type { DeviceCandidate } from './pci-families.ts';
import type { PciInventory } from './pci-inventory.ts';
import { matchesRequest } from './pci-match.ts';
import { preferFewerCells } from './pci-numa.ts';
import { PciSearch } from './pci-search.ts';
import type { AssignedDevice, PciDevice, PciRequest, Refusal } from './types.ts';

const PRESENT = -1;

export type PciRefusal = Extract<Refusal, { reason: 'InsufficientPCIDevices' }>;

/** The devices from which requests are to be met. */
export interface PciSupply {
  readonly inventory: PciInventory;
  /** Free devices, sorted by address. */
  readonly free: readonly PciDevice[];
  /** Addresses that the instance has already. */
  readonly present: ReadonlySet<string>;
}

/**
 * Meets all requests or none, and says which device serves which. An assignment is found whenever there is one, and the same one every time.
 * In order of importance it prefers: devices that the instance has already; those whose taking makes no other device unavailable; VFs of PFs that are whole
 * (all of one PF first); PFs with free VFs, the fewer the better; fewer NUMA cells; lower addresses.
 */
export function assignDevices(requests: readonly PciRequest[], supply: PciSupply): AssignedDevice[] | PciRefusal {
  if (!requests.every(isCountable)) return refusalOf(requests, supply);
  const needs = requests.map((request) => request.count);
  const candidates = candidatesFor(requests, supply);
  if (needs.reduce((sum, need) => sum + need, 0) > candidates.length) return refusalOf(requests, supply);
  const search = new PciSearch(needs);
  const served = search.find(candidates);
  if (served === undefined) return refusalOf(requests, supply);
  return listed(requests, preferFewerCells(served, candidates, search));
}

function isCountable({ count }: PciRequest): boolean {
  return Number.isSafeInteger(count) && count > 0;
}

function candidatesFor(requests: readonly PciRequest[], { inventory, free, present }: PciSupply): DeviceCandidate[] {
  const freeAddresses = new Set(free.map((device) => device.address));
  const candidates = free.flatMap((device) => {
    const fits = requests.flatMap((request, index) => (matchesRequest(device, request) ? [index] : []));
    if (fits.length === 0) return [];
    const isPresent = present.has(device.address);
    const rank = isPresent ? PRESENT : rankOf(device, inventory, freeAddresses);
    return [{ device, fits, group: fits.join(), isPresent, rank }];
  });
  return candidates.toSorted(byPreference);
}

/** 0: spoils nothing; 1: a VF, which spoils its free PF; 1 + n: a PF with n VFs, all free. */
function rankOf(device: PciDevice, inventory: PciInventory, free: ReadonlySet<string>): number {
  const { deviceType, parentAddress, address } = device;
  if (deviceType === 'VF') return parentAddress !== undefined && free.has(parentAddress) ? 1 : 0;
  const functions = inventory.functionsOf(address).length;
  return functions === 0 ? 0 : functions + 1;
}

function byPreference(left: DeviceCandidate, right: DeviceCandidate): number {
  if (left.rank !== right.rank) return left.rank - right.rank;
  return byText(familyKey(left.device), familyKey(right.device)) || byText(left.device.address, right.device.address);
}

function familyKey({ deviceType, parentAddress, address }: PciDevice): string {
  return deviceType === 'VF' && parentAddress !== undefined ? parentAddress : address;
}

/** In the order of the requests, then by address. */
function listed(requests: readonly PciRequest[], served: readonly DeviceCandidate[][]): AssignedDevice[] {
  return requests.flatMap(({ name }, index) => {
    const addresses = (served[index] ?? []).map(({ device }) => device.address);
    return addresses.toSorted(byText).map((address) => ({ request: name, address }));
  });
}

function refusalOf(requests: readonly PciRequest[], { free }: PciSupply): PciRefusal {
  const figures = requests.map((request) => ({
    name: request.name,
    count: request.count,
    free: free.filter((device) => matchesRequest(device, request)).length,
    isShort: !isCountable(request),
  }));
  const short = figures.filter((figure) => figure.isShort || figure.free < figure.count);
  const told = (short.length > 0 ? short : figures).map(({ isShort: _isShort, ...figure }) => figure);
  return { reason: 'InsufficientPCIDevices', requests: told };
}
