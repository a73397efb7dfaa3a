import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NodeDeviceFacts, parseNodeDeviceXml } from '../../../src/drivers/libvirt/node-device-xml.ts';

const ADDRESS = '<domain>0</domain><bus>94</bus><slot>2</slot><function>1</function>';
const IDS = '<product id="0x1889">VF</product><vendor id="0x8086">Intel Corporation</vendor>';
const pci = (inside: string): string =>
  `<device><name>pci_0000_5e_02_1</name><capability type="pci">${inside}</capability></device>`;
const plain = { address: '0000:5e:02.1', vendorID: '8086', productID: '1889' } as const;
const pf = '<address domain="0x0000" bus="0x5e" slot="0x00" function="0x0"/>';

const cases: readonly { readonly title: string; readonly xml: string; readonly expected: NodeDeviceFacts }[] = [
  {
    title: 'a plain function',
    xml: pci(`<class>0x020000</class>${ADDRESS}${IDS}`),
    expected: { kind: 'device', device: { ...plain, deviceType: 'PCI' } },
  },
  {
    title: 'its NUMA cell and IOMMU group',
    xml: pci(`${ADDRESS}${IDS}<iommuGroup number="31">${pf}</iommuGroup><numa node="1"/>`),
    expected: { kind: 'device', device: { ...plain, deviceType: 'PCI', numaNode: 1, iommuGroup: 31 } },
  },
  {
    title: 'a virtual function names its parent',
    xml: pci(`${ADDRESS}${IDS}<capability type="phys_function">${pf}</capability>`),
    expected: { kind: 'device', device: { ...plain, deviceType: 'VF', parentAddress: '0000:5e:00.0' } },
  },
  {
    title: 'a physical function, also while it has no virtual ones',
    xml: pci(`${ADDRESS}${IDS}<capability type="virt_functions" maxCount="8"/>`),
    expected: { kind: 'device', device: { ...plain, deviceType: 'PF' } },
  },
  {
    title: 'a bridge is not assignable',
    xml: pci(`<class>0x060400</class>${ADDRESS}${IDS}`),
    expected: { kind: 'notAssignable' },
  },
  {
    title: 'a device that is no PCI function',
    xml: '<device><name>computer</name><capability type="system"/></device>',
    expected: { kind: 'notAssignable' },
  },
  {
    title: 'no address',
    xml: pci(`<domain>0</domain>${IDS}`),
    expected: { kind: 'broken', message: 'has no PCI address' },
  },
  {
    title: 'a slot that cannot be',
    xml: pci(`<domain>0</domain><bus>1</bus><slot>99</slot><function>0</function>${IDS}`),
    expected: { kind: 'broken', message: 'has no PCI address' },
  },
  {
    title: 'no vendor',
    xml: pci(`${ADDRESS}<product id="0x1889"/>`),
    expected: { kind: 'broken', message: 'has no vendor or product ID' },
  },
];

describe('what a node device says in its XML', () => {
  it.each(cases)('$title', ({ xml, expected }) => {
    expect(parseNodeDeviceXml(xml)).toEqual(expected);
  });

  it('what is no XML is broken', () => {
    expect(parseNodeDeviceXml('<device><capab')).toMatchObject({ kind: 'broken' });
  });

  it('no text at all makes it throw', () => {
    fc.assert(fc.property(fc.string(), (text) => typeof parseNodeDeviceXml(text).kind === 'string'));
  });
});
