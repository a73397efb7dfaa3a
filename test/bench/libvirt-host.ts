/** Hosts for libvirt's test driver: a real libvirt with an embedded hypervisor, in this or the agent's own process. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from './bench.ts';

/** Writes a host of 128 CPUs and 4 TiB with this many running instances; resolves to its connection URI. */
export async function libvirtHost(bench: Bench, instances: number): Promise<string> {
  const path = join(await bench.folder(), `host-${instances}.xml`);
  await writeFile(path, hostXml(instances));
  return `test://${path}`;
}

/** Of the instance of this number, on every host. */
export function instanceUuid(index: number): string {
  return `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;
}

function hostXml(instances: number): string {
  const domains = Array.from({ length: instances }, (_, index) => domainXml(index));
  return `<node>
  <cpu>
    <mhz>2450</mhz><model>EPYC-Milan</model><active>128</active>
    <nodes>2</nodes><sockets>1</sockets><cores>32</cores><threads>2</threads>
  </cpu>
  <memory>${4 * 1024 ** 3}</memory>
${domains.join('\n')}
</node>
`;
}

function domainXml(index: number): string {
  return `  <domain type="test">
    <name>instance-${index}</name>
    <uuid>${instanceUuid(index)}</uuid>
    <memory unit="MiB">1024</memory>
    <vcpu>1</vcpu>
    <os><type>hvm</type></os>
  </domain>`;
}
