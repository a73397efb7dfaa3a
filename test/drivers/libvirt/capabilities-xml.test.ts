import { describe, expect, it } from 'vitest';
import { parseCapabilitiesXml } from '../../../src/drivers/libvirt/capabilities-xml.ts';

const capabilities = (cpu: string, cells: string): string =>
  `<capabilities><host><cpu>${cpu}</cpu><topology><cells>${cells}</cells></topology></host><guest/></capabilities>`;

describe("what the host's capabilities say", () => {
  it('CPU, features and cells are read and sorted', () => {
    const cpu =
      '<arch>x86_64</arch><model>Icelake-Server</model><vendor>Intel</vendor><topology sockets="1" dies="2" cores="8" threads="2"/><feature name="vmx"/><feature name="aes"/>';
    const cells =
      '<cell id="1"><memory unit="KiB">2048</memory><cpus><cpu id="3"/><cpu id="2"/></cpus></cell><cell id="0"><memory unit="MiB">4</memory><cpus><cpu id="0"/><cpu id="1"/></cpus></cell>';
    expect(parseCapabilitiesXml(capabilities(cpu, cells))).toEqual({
      arch: 'x86_64',
      model: 'Icelake-Server',
      vendor: 'Intel',
      topology: { sockets: 1, cores: 16, threads: 2 },
      features: ['aes', 'vmx'],
      numaCells: [
        { id: 0, memoryBytes: 4n << 20n, cpus: [0, 1] },
        { id: 1, memoryBytes: 2n << 20n, cpus: [2, 3] },
      ],
      problems: [],
    });
  });

  it("the test driver's older form of features is read", () => {
    expect(parseCapabilitiesXml(capabilities('<features><pae/><nonpae/></features>', '')).features).toEqual([
      'nonpae',
      'pae',
    ]);
  });

  it('a cell without memory is a problem and stays', () => {
    const { numaCells, problems } = parseCapabilitiesXml(capabilities('', '<cell id="0"/>'));
    expect(numaCells).toEqual([{ id: 0, memoryBytes: 0n, cpus: [] }]);
    expect(problems).toEqual(['NUMA cell 0 has no memory']);
  });

  it('what is no XML is a problem', () => {
    expect(parseCapabilitiesXml('<cap').problems).toHaveLength(1);
  });
});
