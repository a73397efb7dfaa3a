/**
 * What the accounting needs from a domain's XML (https://libvirt.org/formatdomain.html). Pure and total: whatever is strange is a
 * problem in the result, and what could be read stands beside it.
 */

import { memoryBytes } from './memory-unit.ts';
import { pciAddress } from './pci-address.ts';
import { childrenOf, descend, parseXml, textAt, type XmlElement, XmlError } from './xml.ts';

/** Namespace of the element that names a domain's claim: `<rt:claim xmlns:rt="..." namespace="team-a" name="web-1"/>` in `<metadata>`. */
const CLAIM_NAMESPACE = 'https://resourcetracker.dev/v1alpha1';

/** What a domain's XML says. Absent: it does not say, or nothing that could be understood. */
export interface DomainFacts {
  readonly uuid?: string;
  readonly name?: string;
  /** `<memory>`, up to which the balloon can grow. `<maxMemory>` is no more than address space for hot-plug, which is an event of its own. */
  readonly memoryBytes?: bigint;
  /** The maximum, whatever is online now. */
  readonly vcpus?: bigint;
  /** Online now. */
  readonly currentVcpus?: bigint;
  /** PCI addresses of the host that the guest has, sorted. */
  readonly devices: readonly string[];
  readonly osType?: string;
  readonly claim?: { readonly namespace: string; readonly name: string };
  readonly problems: readonly string[];
}

/** Reads a domain's XML. Never throws. */
export function parseDomainXml(xml: string): DomainFacts {
  const problems: string[] = [];
  const domain = rootOf(xml, problems);
  if (domain === undefined) return { devices: [], problems };
  const uuid = textAt(domain, 'uuid')?.toLowerCase();
  const name = textAt(domain, 'name');
  const memoryFigure = memory(domain, problems);
  const vcpus = vcpuCount(domain, problems);
  const currentVcpus = positive(descend(domain, 'vcpu')?.attributes.get('current')) ?? vcpus;
  const osType = osTypeOf(domain);
  const claim = claimOf(domain, problems);
  return {
    ...(uuid !== undefined && { uuid }),
    ...(name !== undefined && { name }),
    ...(memoryFigure !== undefined && { memoryBytes: memoryFigure }),
    ...(vcpus !== undefined && { vcpus }),
    ...(currentVcpus !== undefined && { currentVcpus }),
    devices: devicesOf(domain, problems),
    ...(osType !== undefined && { osType }),
    ...(claim !== undefined && { claim }),
    problems,
  };
}

function rootOf(xml: string, problems: string[]): XmlElement | undefined {
  try {
    const root = parseXml(xml);
    if (root.name === 'domain') return root;
    problems.push(`its XML is a <${root.name}>, not a <domain>`);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    problems.push(`its XML cannot be read: ${error.message}`);
  }
  return undefined;
}

function memory(domain: XmlElement, problems: string[]): bigint | undefined {
  const element = descend(domain, 'memory') ?? descend(domain, 'currentMemory');
  if (element === undefined) {
    problems.push('has no <memory>');
    return undefined;
  }
  const unit = element.attributes.get('unit') ?? 'KiB';
  const bytes = memoryBytes(element.text, unit);
  if (bytes !== undefined && bytes > 0n) return bytes;
  problems.push(`<${element.name}> is ${element.text === '' ? 'empty' : `"${element.text}" ${unit}`}`.slice(0, 200));
  return undefined;
}

function vcpuCount(domain: XmlElement, problems: string[]): bigint | undefined {
  const element = descend(domain, 'vcpu');
  // libvirt: "the default is 1 when omitted".
  if (element === undefined) return 1n;
  const count = positive(element.text);
  if (count === undefined) problems.push(`<vcpu> is "${element.text.slice(0, 100)}"`);
  return count;
}

/** libvirt counts vCPUs in 32 bits. */
const MAX_COUNT = 2n ** 32n - 1n;

function positive(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined;
  const count = BigInt(text);
  return count > 0n && count <= MAX_COUNT ? count : undefined;
}

/** Everything through which a guest gets a PCI function of the host: hostdev, an interface of type hostdev, an NVMe disk. */
function devicesOf(domain: XmlElement, problems: string[]): readonly string[] {
  const devices = descend(domain, 'devices');
  const holders = [
    ...childrenOf(devices, 'hostdev').filter((device) => device.attributes.get('type') === 'pci'),
    ...childrenOf(devices, 'interface').filter((device) => device.attributes.get('type') === 'hostdev'),
    ...childrenOf(devices, 'disk').filter((device) => device.attributes.get('type') === 'nvme'),
  ];
  const addresses = holders.flatMap((holder) => {
    const source = descend(holder, 'source', 'address');
    // A USB interface handed through is no PCI function.
    if ((source?.attributes.get('type') ?? 'pci') !== 'pci') return [];
    const address = pciAddress(source);
    if (address === undefined) problems.push(`a <${holder.name}> has no PCI source address`);
    return address === undefined ? [] : [address];
  });
  return [...new Set(addresses)].sort();
}

/** libosinfo's identifier where someone wrote it, else what kind of guest the hypervisor boots (`hvm`, `linux`, `exe`). */
function osTypeOf(domain: XmlElement): string | undefined {
  const id = descend(domain, 'metadata', 'libosinfo', 'os')?.attributes.get('id');
  if (id !== undefined && /\bmicrosoft\.com\b/.test(id)) return 'windows';
  if (id !== undefined && /\b(free|open|net)bsd\.org\b/.test(id)) return 'bsd';
  return id === undefined ? textAt(domain, 'os', 'type') : 'linux';
}

function claimOf(domain: XmlElement, problems: string[]): DomainFacts['claim'] {
  const metadata = descend(domain, 'metadata');
  const element = childrenOf(metadata, 'claim').find(
    (candidate) => namespaceOf(candidate, [metadata, domain]) === CLAIM_NAMESPACE,
  );
  if (element === undefined) return undefined;
  const namespace = element.attributes.get('namespace');
  const name = element.attributes.get('name');
  if (namespace && name) return { namespace, name };
  problems.push('its <claim> needs the attributes namespace and name');
  return undefined;
}

function namespaceOf(element: XmlElement, ancestors: readonly (XmlElement | undefined)[]): string | undefined {
  const declaration = element.prefix === '' ? 'xmlns' : `xmlns:${element.prefix}`;
  return [element, ...ancestors].map((scope) => scope?.attributes.get(declaration)).find((uri) => uri !== undefined);
}
