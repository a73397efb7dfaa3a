/** What became of the PCI devices that a claim was given. They stay its own, whatever happens to them, until it is deleted. Pure. */
import type { ConditionUpdate } from '../api/conditions.ts';
import type { ClaimedPciDevice } from '../api/generated/v1alpha1.ts';
import type { PciDevice } from '../ledger/types.ts';

type DevicesPresent = Pick<ConditionUpdate, 'status' | 'reason' | 'message'>;

/** The condition DevicesPresent for devices as they were given and the host's devices by address, as they are now. */
export function devicesPresent(
  given: readonly ClaimedPciDevice[],
  host: ReadonlyMap<string, PciDevice>,
): DevicesPresent {
  const missing = given.filter(({ address }) => !host.has(address)).map(({ address }) => address);
  const changed = given.flatMap((device) => changeOf(device, host.get(device.address)) ?? []);
  const words = [
    ...(missing.length > 0 ? [`gone from the host: ${missing.join(', ')}`] : []),
    ...(changed.length > 0 ? [`another device than was given: ${changed.join(', ')}`] : []),
  ];
  if (words.length === 0) return { status: 'True', reason: 'Present', message: 'all devices are on the host' };
  const reason = missing.length > 0 ? 'DevicesMissing' : 'DevicesChanged';
  return { status: 'False', reason, message: words.join('; ') };
}

/** An adopted device that the node knew nothing of was given without IDs. */
function changeOf({ address, vendorID, productID }: ClaimedPciDevice, now: PciDevice | undefined): string | undefined {
  if (now === undefined || vendorID === undefined || productID === undefined) return undefined;
  if (vendorID === now.vendorID && productID === now.productID) return undefined;
  return `${address} was ${vendorID}:${productID}, is ${now.vendorID}:${now.productID}`;
}
