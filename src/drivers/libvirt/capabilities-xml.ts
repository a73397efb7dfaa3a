/** CPU and NUMA cells of the host from the capabilities XML (https://libvirt.org/formatcaps.html). Pure and total. */
import type { CpuInfo, CpuTopology, NumaCell } from '../driver.ts';
import { memoryBytes } from './memory-unit.ts';
import { childrenOf, descend, parseXml, textAt, wholeNumber, type XmlElement, XmlError } from './xml.ts';

export interface HostCapabilities {
  /** Absent where libvirt does not say. */
  readonly arch?: string;
  readonly model?: string;
  readonly vendor?: string;
  /** Sockets are per NUMA cell, as libvirt counts them. */
  readonly topology?: CpuTopology;
  readonly features: CpuInfo['features'];
  readonly numaCells: readonly NumaCell[];
  readonly problems: readonly string[];
}

/** Reads the capabilities. Never throws. */
export function parseCapabilitiesXml(xml: string): HostCapabilities {
  try {
    return read(parseXml(xml));
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    return { features: [], numaCells: [], problems: [`the capabilities cannot be read: ${error.message}`] };
  }
}

function read(root: XmlElement): HostCapabilities {
  const problems: string[] = [];
  const cpu = descend(root, 'host', 'cpu');
  const arch = textAt(cpu, 'arch');
  const model = textAt(cpu, 'model');
  const vendor = textAt(cpu, 'vendor');
  const topology = topologyOf(descend(cpu, 'topology'));
  return {
    ...(arch !== undefined && { arch }),
    ...(model !== undefined && { model }),
    ...(vendor !== undefined && { vendor }),
    ...(topology !== undefined && { topology }),
    features: featuresOf(cpu),
    numaCells: cellsOf(root, problems),
    problems,
  };
}

/** libvirt splits a socket in dies (and clusters); the published topology has none, so the cores of all dies are counted. */
function topologyOf(element: XmlElement | undefined): CpuTopology | undefined {
  const figure = (name: string) => wholeNumber(element?.attributes.get(name));
  const sockets = figure('sockets');
  const cores = figure('cores');
  const threads = figure('threads');
  if (sockets === undefined || cores === undefined || threads === undefined) return undefined;
  return { sockets, cores: cores * (figure('dies') ?? 1) * (figure('clusters') ?? 1), threads };
}

/** `<feature name='x'/>` of the CPU model, and the older `<features><pae/></features>`. */
function featuresOf(cpu: XmlElement | undefined): readonly string[] {
  const named = childrenOf(cpu, 'feature').flatMap((feature) => feature.attributes.get('name') ?? []);
  const old = descend(cpu, 'features')?.children.map((feature) => feature.name) ?? [];
  return [...new Set([...named, ...old])].sort();
}

function cellsOf(root: XmlElement, problems: string[]): readonly NumaCell[] {
  const cells = childrenOf(descend(root, 'host', 'topology', 'cells'), 'cell').flatMap((cell) => {
    const id = wholeNumber(cell.attributes.get('id'));
    if (id === undefined) {
      problems.push('a NUMA cell has no id');
      return [];
    }
    const memory = descend(cell, 'memory');
    const bytes = memory === undefined ? undefined : memoryBytes(memory.text, memory.attributes.get('unit'));
    if (bytes === undefined) problems.push(`NUMA cell ${id} has no memory`);
    return [{ id, memoryBytes: bytes ?? 0n, cpus: cpusOf(cell) }];
  });
  return cells.sort((one, other) => one.id - other.id);
}

function cpusOf(cell: XmlElement): readonly number[] {
  return childrenOf(descend(cell, 'cpus'), 'cpu')
    .flatMap((cpu) => wholeNumber(cpu.attributes.get('id')) ?? [])
    .sort((one, other) => one - other);
}
