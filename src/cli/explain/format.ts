/** An explanation for people (tables, amounts as refusals have them) and for programs (the API's names and quantities). */
import { stringify } from 'yaml';
import type { HostFigures } from '../../ledger/limits.ts';
import type { HeldFlavor } from '../../ledger/migration.ts';
import type { NodePolicy } from '../../ledger/types.ts';
import { diskWords, memoryWords } from '../../protocol/amount-words.ts';
import { formatBytes, formatRatio } from '../../quantity/quantity.ts';
import type { OutputFormat } from '../command-option.ts';
import { formatTable } from '../inspect-table.ts';
import type { DeviceDifference } from './devices.ts';
import { type Difference, type Explanation, FIGURES } from './explanation.ts';
import { devicesOf, type Line } from './lines.ts';

/** The explanation as text, ended by a line break. */
export function formatExplanation(explanation: Explanation, format: OutputFormat): string {
  if (format === 'json') return `${JSON.stringify(toDocument(explanation), undefined, 2)}\n`;
  if (format === 'yaml') return stringify(toDocument(explanation), { lineWidth: 0 });
  return toText(explanation);
}

type PartialFigures = Partial<HostFigures>;

function amounts({ vcpus, memoryBytes, diskBytes }: PartialFigures): object {
  return {
    ...(vcpus !== undefined && { vcpus: Number(vcpus) }),
    ...(memoryBytes !== undefined && { memory: formatBytes(memoryBytes) }),
    ...(diskBytes !== undefined && { disk: formatBytes(diskBytes) }),
  };
}

function toDocument(explanation: Explanation): object {
  const { nodeName, policy, lines, sums, published, differences, deviceDifferences, reasons } = explanation;
  const isEqual = differences.length + deviceDifferences.length === 0;
  return {
    node: nodeName,
    policy: policyDocument(policy),
    lines: [{ kind: 'reserved', ...amounts(policy.reserved) }, ...lines.map(lineDocument)],
    sums: Object.fromEntries(FIGURES.map((figure) => [figure, amounts(sums[figure])])),
    status: Object.fromEntries(FIGURES.map((figure) => [figure, amounts(published[figure])])),
    isEqual,
    differences: differences.map(differenceDocument),
    deviceDifferences,
    reasons,
  };
}

function policyDocument({ limitPolicy, allocationRatios: { vcpus, memory, disk } }: NodePolicy): object {
  const allocationRatios = { vcpus: formatRatio(vcpus), memory: formatRatio(memory), disk: formatRatio(disk) };
  return { limitPolicy, allocationRatios };
}

function lineDocument(line: Line): object {
  const { holding, doubts, notes, ...rest } = line;
  return {
    ...rest,
    ...amounts(holding.amounts),
    overhead: { memory: formatBytes(holding.overheadMemoryBytes) },
    pciDevices: devicesOf(line),
    notes: [...notes, ...doubts],
  };
}

function differenceDocument({ figure, resource, summed, published }: Difference): object {
  const name = { memoryBytes: 'memory', diskBytes: 'disk', vcpus: 'vcpus' }[resource];
  const show = (amount: bigint): number | string => (resource === 'vcpus' ? Number(amount) : formatBytes(amount));
  return { figure, resource: name, summed: show(summed), ...(published !== undefined && { status: show(published) }) };
}

function toText(explanation: Explanation): string {
  const { nodeName, policy } = explanation;
  const title = `Node ${nodeName}: what is used, line by line (${policy.limitPolicy})`;
  const parts = [title, tableOf(explanation), notesOf(explanation), verdict(explanation)];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

const HEADER = ['WHAT', 'FLAVOR', 'VCPUS', 'MEMORY', 'OVERHEAD', 'DISK', 'PCI DEVICES'];
const FLAVOR_WORDS: Readonly<Record<HeldFlavor, string>> = { InForce: 'in force', Old: 'old', New: 'new' };

function tableOf({ policy, lines, sums }: Explanation): string {
  const { vcpus, memoryBytes, diskBytes } = policy.reserved;
  const reserved = ['reserved', '', `${vcpus}`, memoryWords(memoryBytes), '', diskWords(diskBytes)];
  const figures = FIGURES.map((figure) => [figure, '', ...figureCells(sums[figure])]);
  return formatTable(HEADER, [reserved, ...lines.map(lineCells), ...figures]);
}

function lineCells(line: Line): string[] {
  const { flavor, holding } = line;
  const { vcpus, memoryBytes, diskBytes } = holding.amounts;
  return [
    whatOf(line),
    flavor === undefined ? '' : FLAVOR_WORDS[flavor],
    `${vcpus}`,
    memoryWords(memoryBytes),
    memoryWords(holding.overheadMemoryBytes),
    diskWords(diskBytes),
    devicesOf(line).join(' '),
  ];
}

function whatOf({ kind, namespace, name, uid, migration }: Line): string {
  if (kind === 'orphan') return `orphan ${name} ${uid}`;
  const { name: by, sourceNodeName, targetNodeName } = migration ?? {};
  const route = sourceNodeName === targetNodeName ? 'in place' : `${sourceNodeName} -> ${targetNodeName}`;
  return `claim ${namespace}/${name}${by === undefined ? '' : ` (migration ${by}, ${route})`}`;
}

/** Sums have overhead in their memory. */
function figureCells({ vcpus, memoryBytes, diskBytes }: HostFigures): string[] {
  return [vcpus?.toString() ?? '-', memoryWords(memoryBytes), '', diskWords(diskBytes)];
}

function notesOf({ lines }: Explanation): string {
  return lines.flatMap((line) => line.notes.map((note) => `${whatOf(line)}: ${note}`)).join('\n');
}

function verdict({ differences, deviceDifferences, reasons }: Explanation): string {
  if (differences.length + deviceDifferences.length === 0) return 'ComputeNode.status says the same.';
  return [
    'ComputeNode.status says otherwise:',
    ...differences.map((difference) => `  ${differenceWords(difference)}`),
    ...deviceDifferences.map((difference) => `  ${deviceWords(difference)}`),
    'Likely because:',
    ...reasons.map((reason) => `  ${reason}`),
  ].join('\n');
}

const WORDS = {
  memoryBytes: ['memory', memoryWords],
  diskBytes: ['disk', diskWords],
  vcpus: ['vCPUs', String],
} as const;

function differenceWords({ figure, resource, summed, published }: Difference): string {
  const [name, show] = WORDS[resource];
  if (published === undefined) return `${name}: ${figure} ${show(summed)}, of which the status says nothing`;
  const more = published > summed ? `${show(published - summed)} more` : `${show(summed - published)} less`;
  return `${name}: ${figure} ${show(summed)}, in the status ${show(published)}: ${more}`;
}

function deviceWords({ address, claimed, published }: DeviceDifference): string {
  const here = claimed.length === 0 ? 'no claim' : `the claim with UID ${claimed.join(', ')}`;
  const there = published === undefined ? 'to no claim' : `to the claim with UID ${published}`;
  return `PCI device ${address}: held by ${here}, in the status given ${there}`;
}
