import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DomainFacts, parseDomainXml } from '../../../src/drivers/libvirt/domain-xml.ts';

const GIB = 1n << 30n;
const UUID = '6695eb01-f6a4-8304-79aa-97f2502e193f';
const PLAIN = '<name>web</name><memory unit="GiB">2</memory><vcpu>2</vcpu>';
const CLAIM_NS = 'https://resourcetracker.dev/v1alpha1';

interface Case {
  readonly title: string;
  readonly xml: string;
  readonly expected: Partial<DomainFacts>;
}

const domain = (inside: string, attributes = ''): string => `<domain type="kvm"${attributes}>${inside}</domain>`;
const memory = (inside: string): string => domain(`<vcpu>1</vcpu>${inside}`);
const devices = (inside: string): string => domain(`${PLAIN}<devices>${inside}</devices>`);
const metadata = (inside: string, attributes = ''): string =>
  domain(`${PLAIN}<metadata>${inside}</metadata>`, attributes);
const address = (text: string): string => `<address ${text}/>`;
const hostdev = (source: string, type = 'pci'): string =>
  `<hostdev mode="subsystem" type="${type}"><source>${source}</source></hostdev>`;
const NIC = 'domain="0x0000" bus="0x5e" slot="0x02" function="0x3"';

const readable: readonly Case[] = [
  {
    title: 'a usual domain',
    xml: domain(`<uuid>${UUID.toUpperCase()}</uuid>${PLAIN}<os><type arch="x86_64">hvm</type></os>`),
    expected: { uuid: UUID, name: 'web', memoryBytes: 2n * GIB, vcpus: 2n, currentVcpus: 2n, osType: 'hvm' },
  },
  {
    title: 'no cputune, numatune or any device',
    xml: domain(PLAIN),
    expected: { memoryBytes: 2n * GIB, vcpus: 2n, devices: [] },
  },
  {
    title: 'vCPUs that are not online count',
    xml: domain('<memory>1</memory><vcpu current="2">8</vcpu>'),
    expected: { vcpus: 8n, currentVcpus: 2n },
  },
  { title: 'no vcpu element means one', xml: domain('<memory>1</memory>'), expected: { vcpus: 1n, currentVcpus: 1n } },
  {
    title: 'maxMemory is room for hot-plug, not memory',
    xml: memory('<maxMemory slots="4" unit="GiB">64</maxMemory><memory unit="GiB">4</memory>'),
    expected: { memoryBytes: 4n * GIB },
  },
  {
    title: 'a smaller balloon is not what counts',
    xml: memory('<memory unit="GiB">4</memory><currentMemory unit="GiB">1</currentMemory>'),
    expected: { memoryBytes: 4n * GIB },
  },
  { title: 'KiB without a unit', xml: memory('<memory>1024</memory>'), expected: { memoryBytes: 1024n * 1024n } },
  { title: 'KiB', xml: memory('<memory unit="KiB">3</memory>'), expected: { memoryBytes: 3072n } },
  { title: 'k', xml: memory('<memory unit="k">3</memory>'), expected: { memoryBytes: 3072n } },
  { title: 'KB', xml: memory('<memory unit="KB">3</memory>'), expected: { memoryBytes: 3000n } },
  { title: 'b', xml: memory('<memory unit="b">3</memory>'), expected: { memoryBytes: 3n } },
  { title: 'bytes', xml: memory('<memory unit="bytes">3</memory>'), expected: { memoryBytes: 3n } },
  { title: 'MB', xml: memory('<memory unit="MB">3</memory>'), expected: { memoryBytes: 3_000_000n } },
  { title: 'M', xml: memory('<memory unit="M">3</memory>'), expected: { memoryBytes: 3n << 20n } },
  { title: 'G', xml: memory('<memory unit="G">3</memory>'), expected: { memoryBytes: 3n * GIB } },
  { title: 'TiB', xml: memory('<memory unit="TiB">3</memory>'), expected: { memoryBytes: 3n << 40n } },
  { title: 'a unit in other case', xml: memory('<memory unit="gib">3</memory>'), expected: { memoryBytes: 3n * GIB } },
  {
    title: 'a PCI device',
    xml: devices(hostdev(address(NIC))),
    expected: { devices: ['0000:5e:02.3'] },
  },
  {
    title: 'a PCI device without a domain, in decimal',
    xml: devices(hostdev(address('bus="94" slot="2" function="3"'))),
    expected: { devices: ['0000:5e:02.3'] },
  },
  {
    title: 'a PCI domain beyond four digits',
    xml: devices(hostdev(address('domain="0x10000" bus="0x01" slot="0x00" function="0x0"'))),
    expected: { devices: ['10000:01:00.0'] },
  },
  {
    title: 'an interface of type hostdev',
    xml: devices(`<interface type="hostdev"><source>${address(`type="pci" ${NIC}`)}</source></interface>`),
    expected: { devices: ['0000:5e:02.3'] },
  },
  {
    title: 'an NVMe disk',
    xml: devices(`<disk type="nvme"><source type="pci" namespace="1">${address(NIC)}</source></disk>`),
    expected: { devices: ['0000:5e:02.3'] },
  },
  {
    title: 'devices of other kinds are none of PCI, and their guest addresses mean nothing',
    xml: devices(
      `${hostdev(address('bus="1" device="2"'), 'usb')}${hostdev('<address uuid="x"/>', 'mdev')}<interface type="network">${address(`type="pci" ${NIC}`)}</interface><flux/>`,
    ),
    expected: { devices: [] },
  },
  {
    title: 'devices are sorted and named once',
    xml: devices([1, 0, 1].map((slot) => hostdev(address(`bus="0x01" slot="${slot}" function="0"`))).join('')),
    expected: { devices: ['0000:01:00.0', '0000:01:01.0'] },
  },
  {
    title: 'a claim with a prefix of its own',
    xml: metadata(`<rt:claim xmlns:rt="${CLAIM_NS}" namespace="team-a" name="web-1"/>`),
    expected: { claim: { namespace: 'team-a', name: 'web-1' } },
  },
  {
    title: 'a claim without a prefix',
    xml: metadata(`<claim xmlns="${CLAIM_NS}" namespace="team-a" name="web-1"/>`),
    expected: { claim: { namespace: 'team-a', name: 'web-1' } },
  },
  {
    title: 'a claim whose prefix is declared on the domain',
    xml: metadata('<x:claim namespace="team-a" name="web-1"/>', ` xmlns:x="${CLAIM_NS}"`),
    expected: { claim: { namespace: 'team-a', name: 'web-1' } },
  },
  {
    title: "another project's claim is not ours",
    xml: metadata('<rt:claim xmlns:rt="https://example.com/other" namespace="team-a" name="web-1"/>'),
    expected: {},
  },
  {
    title: 'libosinfo knows Windows',
    xml: metadata(
      '<l:libosinfo xmlns:l="http://libosinfo.org/xmlns/libvirt/domain/1.0"><l:os id="http://microsoft.com/win/11"/></l:libosinfo>',
    ),
    expected: { osType: 'windows' },
  },
  {
    title: 'libosinfo knows Linux',
    xml: metadata(
      '<l:libosinfo xmlns:l="http://libosinfo.org/xmlns/libvirt/domain/1.0"><l:os id="http://fedoraproject.org/fedora/40"/></l:libosinfo>',
    ),
    expected: { osType: 'linux' },
  },
  {
    title: 'entities and line breaks in a name',
    xml: domain('<name>a&amp;b&#10;c</name><memory>1</memory>'),
    expected: { name: 'a&b\nc' },
  },
  {
    title: 'a declaration, comments and CDATA',
    xml: `<?xml version="1.0"?><!-- ${PLAIN} -->${domain('<name><![CDATA[<x>]]></name><memory>1</memory>')}`,
    expected: { name: '<x>', memoryBytes: 1024n },
  },
];

const broken: readonly (Case & { readonly problem: RegExp })[] = [
  { title: 'nothing', xml: '', problem: /cannot be read/, expected: { devices: [] } },
  { title: 'no XML', xml: 'error: no domain', problem: /cannot be read/, expected: { devices: [] } },
  { title: 'another document', xml: '<network/>', problem: /is a <network>/, expected: { devices: [] } },
  {
    title: 'what was cut off is not believed in part',
    xml: domain(PLAIN).slice(0, -12),
    problem: /cannot be read/,
    expected: { devices: [] },
  },
  {
    title: 'a document type with entities',
    xml: `<!DOCTYPE d [<!ENTITY a "b">]>${domain(PLAIN)}`,
    problem: /document type/,
    expected: { devices: [] },
  },
  {
    title: 'elements a thousand deep',
    xml: domain(`${'<a>'.repeat(1000)}${'</a>'.repeat(1000)}`),
    problem: /cannot be read/,
    expected: { devices: [] },
  },
  { title: 'no memory', xml: domain('<vcpu>2</vcpu>'), problem: /no <memory>/, expected: { vcpus: 2n } },
  {
    title: 'memory that is no number',
    xml: memory('<memory>much</memory>'),
    problem: /"much"/,
    expected: { vcpus: 1n },
  },
  { title: 'memory that is empty', xml: memory('<memory/>'), problem: /is empty/, expected: {} },
  { title: 'memory of nothing', xml: memory('<memory>0</memory>'), problem: /"0"/, expected: {} },
  { title: 'an unknown unit', xml: memory('<memory unit="pages">1</memory>'), problem: /pages/, expected: {} },
  {
    title: 'vCPUs that are no number',
    xml: domain('<memory>1</memory><vcpu>-1</vcpu>'),
    problem: /<vcpu>/,
    expected: { memoryBytes: 1024n },
  },
  {
    title: 'a PCI device without an address',
    xml: devices(`${hostdev('')}${hostdev(address(NIC))}`),
    problem: /<hostdev> has no PCI source address/,
    expected: { devices: ['0000:5e:02.3'] },
  },
  {
    title: 'a PCI address that cannot be',
    xml: devices(hostdev(address('bus="0x100" slot="0x00" function="0x9"'))),
    problem: /no PCI source address/,
    expected: { devices: [] },
  },
  {
    title: 'a claim without a name',
    xml: metadata(`<claim xmlns="${CLAIM_NS}" namespace="team-a"/>`),
    problem: /namespace and name/,
    expected: { memoryBytes: 2n * GIB },
  },
];

describe('what a domain says in its XML', () => {
  it.each(readable)('$title', ({ xml, expected }) => {
    const facts = parseDomainXml(xml);
    expect(facts).toMatchObject(expected);
    expect(facts.problems).toEqual([]);
  });

  it("another project's claim leaves the domain without one", () => {
    expect(parseDomainXml(metadata('<claim namespace="a" name="b"/>'))).not.toHaveProperty('claim');
  });
});

describe('what is broken in a domain is a problem, and the rest is read', () => {
  it.each(broken)('$title', ({ xml, expected, problem }) => {
    const facts = parseDomainXml(xml);
    expect(facts).toMatchObject(expected);
    expect(facts.problems.join('; ')).toMatch(problem);
  });

  it('no text at all makes it throw', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => expectTotal(text)));
  });

  it('no damage to a good document makes it throw', () => {
    const good = devices(hostdev(address(NIC)));
    const damage = fc.tuple(fc.nat(good.length), fc.nat(40), fc.string({ unit: 'binary', maxLength: 8 }));
    fc.assert(
      fc.property(damage, ([at, length, text]) => expectTotal(good.slice(0, at) + text + good.slice(at + length))),
      { numRuns: 500 },
    );
  });
});

function expectTotal(xml: string): void {
  expect(parseDomainXml(xml).devices).toBeInstanceOf(Array);
}
