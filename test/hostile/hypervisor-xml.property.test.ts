import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCapabilitiesXml } from '../../src/drivers/libvirt/capabilities-xml.ts';
import { parseDomainXml } from '../../src/drivers/libvirt/domain-xml.ts';
import { parseNodeDeviceXml } from '../../src/drivers/libvirt/node-device-xml.ts';

const DOMAIN = `<domain type='kvm' id='7'>
  <name>web-1</name><uuid>3f0c1d7e-9a52-4c5b-8f57-0d3b6a1e2c44</uuid>
  <metadata><rt:claim xmlns:rt="https://resourcetracker.dev/v1alpha1" namespace="team-a" name="web-1"/>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0"><libosinfo:os id="http://ubuntu.com/ubuntu/24.04"/></libosinfo:libosinfo></metadata>
  <maxMemory slots='16' unit='KiB'>16777216</maxMemory><memory unit='KiB'>8388608</memory><currentMemory unit='KiB'>4194304</currentMemory>
  <vcpu placement='static' current='2'>4</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices><hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x3b' slot='0x00' function='0x1'/></source></hostdev>
    <interface type='hostdev'><mac address='52:54:00:6d:90:02'/><source><address type='pci' domain='0x0000' bus='0x3b' slot='0x10' function='0x2'/></source></interface></devices>
</domain>`;
const NODE_DEVICE = `<device><name>pci_0000_3b_00_1</name><path>/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.1</path><parent>pci_0000_3a_00_0</parent>
  <capability type='pci'><class>0x020000</class><domain>0</domain><bus>59</bus><slot>0</slot><function>1</function>
    <product id='0x1572'>Ethernet Controller X710</product><vendor id='0x8086'>Intel Corporation</vendor>
    <capability type='virt_functions' maxCount='64'><address domain='0x0000' bus='0x3b' slot='0x02' function='0x0'/></capability>
    <iommuGroup number='31'><address domain='0x0000' bus='0x3b' slot='0x00' function='0x1'/></iommuGroup><numa node='0'/></capability></device>`;
const CAPABILITIES = `<capabilities><host><uuid>a</uuid><cpu><arch>x86_64</arch><model>Skylake-Server-IBRS</model><vendor>Intel</vendor>
  <topology sockets='1' dies='1' cores='16' threads='2'/><feature name='ds'/><feature name='acpi'/></cpu>
  <topology><cells num='2'><cell id='0'><memory unit='KiB'>98765432</memory><cpus num='2'><cpu id='0' socket_id='0'/><cpu id='1'/></cpus></cell>
    <cell id='1'><memory unit='KiB'>98765432</memory><cpus num='1'><cpu id='2'/></cpus></cell></cells></topology></host></capabilities>`;

const PARSERS = [
  ['a domain', DOMAIN, parseDomainXml],
  ['a node device', NODE_DEVICE, parseNodeDeviceXml],
  ['the capabilities', CAPABILITIES, parseCapabilitiesXml],
] as const;

const MAX_INT64 = 2n ** 63n - 1n;

/** What no reader may ever say: an amount that no status has room for. */
function isSound(facts: unknown): void {
  JSON.stringify(facts, (_key, value: unknown) => {
    if (typeof value !== 'bigint') return value;
    expect(value).toBeGreaterThanOrEqual(0n);
    expect(value).toBeLessThanOrEqual(MAX_INT64);
    return `${value}`;
  });
}

const fragment = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '<',
    '>',
    '/>',
    '</',
    '&',
    '&#0;',
    '&#x110000;',
    '&lt;',
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '<?',
    "'",
    '"',
  ),
  fc.constantFrom(
    '<!DOCTYPE x [<!ENTITY a "b">]>',
    '<!doctype x>',
    '&a;',
    '__proto__',
    'constructor',
    'xmlns:rt=""',
    '\0',
  ),
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
);

/** Pieces of the text are left out, doubled, or replaced. */
function mutated(text: string): fc.Arbitrary<string> {
  const mutation = fc.record({ at: fc.nat(text.length), length: fc.nat(40), by: fragment, isDoubled: fc.boolean() });
  return fc.array(mutation, { minLength: 1, maxLength: 6 }).map((mutations) =>
    mutations.reduce((xml, { at, length, by, isDoubled }) => {
      const piece = xml.slice(at, at + length);
      return `${xml.slice(0, at)}${isDoubled ? piece + piece : by}${xml.slice(at + length)}`;
    }, text),
  );
}

describe.each(PARSERS)('the XML of %s', (_what, real, parse) => {
  it('is read or is a problem, whatever was done to it', () => {
    fc.assert(
      fc.property(mutated(real), (xml) => isSound(parse(xml))),
      { numRuns: 1_000 },
    );
  });

  it('may be any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (xml) => isSound(parse(xml))),
      { numRuns: 500 },
    );
  });

  it('may have any number in the place of each of its numbers', () => {
    const number = fc.oneof(
      fc.bigInt({ min: 0n, max: 10n ** 22n }).map(String),
      fc.constantFrom('-1', '0x', '1e9', '', '9999999999999999999', '18446744073709551615'),
    );
    fc.assert(
      fc.property(fc.array(number, { minLength: 30, maxLength: 30 }), (numbers) => {
        let next = 0;
        isSound(parse(real.replace(/\b(0x)?\d+\b/g, () => numbers[next++] ?? '7')));
      }),
      { numRuns: 500 },
    );
  });

  const inside = (content: string): string => real.replace(/>/, `>${content}`);
  const bombs: readonly [string, string][] = [
    ['nested a hundred thousand deep', inside(`${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}`)],
    ['nested and never closed', inside('<a>'.repeat(200_000))],
    [
      'a bomb of entities',
      `<!DOCTYPE x [<!ENTITY a "${'x'.repeat(1_000)}"><!ENTITY b "${'&a;'.repeat(1_000)}">]>${real}`,
    ],
    ['of entities in lower case', `<!doctype x [<!ENTITY a "x">]>${inside('&a;'.repeat(10_000))}`],
    ['an attribute of a megabyte', inside(`<a b="${'x'.repeat(1_000_000)}"/>`)],
    ['50,000 attributes', inside(`<a ${Array.from({ length: 50_000 }, (_, index) => `a${index}="1"`).join(' ')}/>`)],
    ['200,000 elements', inside('<a/>'.repeat(200_000))],
    ['100,000 comments', inside('<!-- - -->'.repeat(100_000))],
    ['500,000 ampersands', inside(`<a>${'&'.repeat(500_000)}</a>`)],
    ['500,000 spaces in a tag', inside(`<a ${' '.repeat(500_000)}/>`)],
    ['500,000 brackets', inside('<'.repeat(500_000))],
    ['20 megabytes', inside(' '.repeat(20_000_000))],
    ['4 million elements', inside('<a/>'.repeat(4_000_000))],
    ['100,000 devices of which none says which', inside("<devices><hostdev type='pci'/></devices>".repeat(50_000))],
  ];
  it.each(bombs)('is done with in a bounded time: %s', (_bomb, xml) => {
    const startedAtMs = performance.now();
    isSound(parse(xml));
    // A tenth of it on an idle machine.
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });
});
