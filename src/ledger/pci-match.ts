import { matchesGlob } from './glob.ts';
import type { PciDevice, PciRequest, PciSelector } from './types.ts';

/** Whether the device has every property that the selector gives; IDs and addresses fold case. An empty selector matches all. */
export function matchesSelector(device: PciDevice, selector: PciSelector): boolean {
  const { vendorID, productID, deviceType, address, numaNode, physicalNetwork, tags = [] } = selector;
  return (
    sameID(vendorID, device.vendorID) &&
    sameID(productID, device.productID) &&
    same(deviceType, device.deviceType) &&
    same(numaNode, device.numaNode) &&
    same(physicalNetwork, device.physicalNetwork) &&
    (address === undefined || matchesGlob(address.toLowerCase(), device.address.toLowerCase())) &&
    tags.every((tag) => device.tags?.includes(tag) ?? false)
  );
}

/** Whether any of the request's selectors matches; without a selector nothing does. */
export function matchesRequest(device: PciDevice, request: PciRequest): boolean {
  return request.selectors.some((selector) => matchesSelector(device, selector));
}

function same<T>(wanted: T | undefined, actual: T | undefined): boolean {
  return wanted === undefined || wanted === actual;
}

function sameID(wanted: string | undefined, actual: string): boolean {
  return wanted === undefined || wanted.toLowerCase() === actual.toLowerCase();
}
