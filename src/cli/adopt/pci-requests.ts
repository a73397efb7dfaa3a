/** Requests that describe the devices an instance has, so that its claim asks for as many of the same kind wherever it goes. Pure. */
import type { PciDevice, PciRequest } from '../../api/generated/v1alpha1.ts';

/** As many as a claim has room for. */
const MAX_REQUESTS = 16;

export interface DescribedDevices {
  readonly requests: readonly PciRequest[];
  /** Devices that no request stands for: the node's status does not say what they are, or there are too many kinds. */
  readonly undescribed: readonly string[];
}

/** One request for each kind of device, by vendor, product and type. `known`: what the node's status says of its devices. */
export function describeDevices(addresses: readonly string[], known: readonly PciDevice[]): DescribedDevices {
  const byAddress = new Map(known.map((device) => [device.address, device]));
  const requests = new Map<string, PciRequest>();
  const undescribed: string[] = [];
  for (const address of addresses) {
    const described = requestFor(byAddress.get(address));
    const isListed = described !== undefined && (requests.has(described.name) || requests.size < MAX_REQUESTS);
    if (!isListed) undescribed.push(address);
    else requests.set(described.name, { ...described, count: (requests.get(described.name)?.count ?? 0) + 1 });
  }
  return { requests: [...requests.values()], undescribed };
}

function requestFor(device: PciDevice | undefined): PciRequest | undefined {
  const { vendorID, productID, deviceType } = device ?? {};
  if (vendorID === undefined || productID === undefined || deviceType === undefined) return undefined;
  const name = `${vendorID}-${productID}${deviceType === 'PCI' ? '' : `-${deviceType.toLowerCase()}`}`;
  return { name, count: 0, selectors: [{ vendorID, productID, deviceType }] };
}
