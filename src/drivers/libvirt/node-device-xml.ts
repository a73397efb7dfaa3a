/** PCI functions of the host from node device XML (https://libvirt.org/formatnode.html). Pure and total. */
import type { PciDevice } from '../../ledger/types.ts';
import { formatPciAddress, pciAddress } from './pci-address.ts';
import { child, childrenOf, parseXml, textAt, wholeNumber, type XmlElement, XmlError } from './xml.ts';

export type NodeDeviceFacts =
  | { readonly kind: 'device'; readonly device: PciDevice }
  /** A bridge or something that is no PCI function: nothing that a guest could be given. */
  | { readonly kind: 'notAssignable' }
  | { readonly kind: 'broken'; readonly message: string };

/** Base class and subclass of PCI-to-PCI and CardBus bridges: their header type cannot be handed to a guest. */
const BRIDGE_CLASSES: readonly number[] = [0x0604, 0x0607];

/** Reads a node device's XML. Never throws. */
export function parseNodeDeviceXml(xml: string): NodeDeviceFacts {
  try {
    const root = parseXml(xml);
    const capability = childrenOf(root, 'capability').find((candidate) => candidate.attributes.get('type') === 'pci');
    if (capability === undefined) return { kind: 'notAssignable' };
    return isBridge(capability) ? { kind: 'notAssignable' } : readDevice(capability);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    return { kind: 'broken', message: `its XML cannot be read: ${error.message}` };
  }
}

function isBridge(capability: XmlElement): boolean {
  const deviceClass = wholeNumber(textAt(capability, 'class'));
  return deviceClass !== undefined && BRIDGE_CLASSES.includes(deviceClass >> 8);
}

function readDevice(capability: XmlElement): NodeDeviceFacts {
  const part = (name: string) => textAt(capability, name);
  const address = formatPciAddress(part('domain'), part('bus'), part('slot'), part('function'));
  const vendorID = hexId(child(capability, 'vendor'));
  const productID = hexId(child(capability, 'product'));
  if (address === undefined) return { kind: 'broken', message: 'has no PCI address' };
  if (vendorID === undefined || productID === undefined) {
    return { kind: 'broken', message: 'has no vendor or product ID' };
  }
  const numaNode = wholeNumber(child(capability, 'numa')?.attributes.get('node'));
  const iommuGroup = wholeNumber(child(capability, 'iommuGroup')?.attributes.get('number'));
  return {
    kind: 'device',
    device: {
      address,
      vendorID,
      productID,
      ...virtualization(capability),
      ...(numaNode !== undefined && { numaNode }),
      ...(iommuGroup !== undefined && { iommuGroup }),
    },
  };
}

/** A function that can have virtual functions is a PF, also while it has none: what it is must not depend on how it is set up today. */
function virtualization(capability: XmlElement): Pick<PciDevice, 'deviceType' | 'parentAddress'> {
  const roles = childrenOf(capability, 'capability');
  const physical = roles.find((role) => role.attributes.get('type') === 'phys_function');
  if (physical !== undefined) {
    const parentAddress = pciAddress(child(physical, 'address'));
    return { deviceType: 'VF', ...(parentAddress !== undefined && { parentAddress }) };
  }
  return { deviceType: roles.some((role) => role.attributes.get('type') === 'virt_functions') ? 'PF' : 'PCI' };
}

function hexId(element: XmlElement | undefined): string | undefined {
  const id = wholeNumber(element?.attributes.get('id'));
  return id === undefined || id > 0xffff ? undefined : id.toString(16).padStart(4, '0');
}
