/** PCI addresses as libvirt's XML has them. */
import { wholeNumber, type XmlElement } from './xml.ts';

/** `0000:3b:00.1` from an element with the attributes domain, bus, slot and function; undefined where one is missing or absurd. */
export function pciAddress(element: XmlElement | undefined): string | undefined {
  const part = (name: string) => element?.attributes.get(name);
  return formatPciAddress(part('domain') ?? '0', part('bus'), part('slot'), part('function'));
}

/** The canonical form of an address given in parts, each decimal or with 0x hexadecimal. */
export function formatPciAddress(
  domain: string | undefined,
  bus: string | undefined,
  slot: string | undefined,
  fn: string | undefined,
): string | undefined {
  const parts = [
    bounded(domain, 0xffffffff)?.toString(16).padStart(4, '0'),
    bounded(bus, 0xff)?.toString(16).padStart(2, '0'),
    bounded(slot, 0x1f)?.toString(16).padStart(2, '0'),
    bounded(fn, 7)?.toString(16),
  ];
  if (parts.includes(undefined)) return undefined;
  const [domainHex, busHex, slotHex, functionHex] = parts;
  return `${domainHex}:${busHex}:${slotHex}.${functionHex}`;
}

function bounded(text: string | undefined, max: number): number | undefined {
  const value = wholeNumber(text);
  return value !== undefined && value <= max ? value : undefined;
}
