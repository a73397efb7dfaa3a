/** A host report for people (tables) and for programs (JSON, YAML with the API's names and quantities). */
import { stringify } from 'yaml';
import type { HostReport, ReportedInstance } from '../drivers/driver.ts';
import { formatBytes } from '../quantity/quantity.ts';
import type { OutputFormat } from './command-option.ts';
import { formatTable } from './inspect-table.ts';

/** The report as text, ended by a line break. */
export function formatReport(report: HostReport, format: OutputFormat): string {
  if (format === 'json') return `${JSON.stringify(toDocument(report), undefined, 2)}\n`;
  if (format === 'yaml') return stringify(toDocument(report), { lineWidth: 0 });
  return toTables(report);
}

/** Amounts as canonical quantities, whole numbers as numbers. */
function toDocument(report: HostReport): object {
  const amounts = ({ vcpus, memoryBytes, diskBytes }: HostReport['used']): object => ({
    ...(vcpus !== undefined && { vcpus: Number(vcpus) }),
    ...(memoryBytes !== undefined && { memory: formatBytes(memoryBytes) }),
    ...(diskBytes !== undefined && { disk: formatBytes(diskBytes) }),
  });
  return {
    hostname: report.hostname,
    hypervisor: report.hypervisor,
    cpuInfo: report.cpuInfo,
    numaCells: report.numaCells.map(({ memoryBytes, ...cell }) => ({ ...cell, memory: formatBytes(memoryBytes) })),
    total: amounts(report.totals),
    used: amounts(report.used),
    instances: report.instances.map(({ vcpus, memoryBytes, ...instance }) => ({
      ...instance,
      vcpus: Number(vcpus),
      memory: formatBytes(memoryBytes),
    })),
    ...(report.devices !== undefined && { devices: report.devices }),
    problems: report.problems,
  };
}

function toTables(report: HostReport): string {
  const parts = [
    head(report),
    amountTable(report),
    section('NUMA cells', ['CELL', 'MEMORY', 'CPUS'], cellRows(report)),
    section('Instances', ['NAME', 'STATE', 'VCPUS', 'MEMORY', 'DEVICES', 'CLAIM', 'UUID'], instanceRows(report)),
    section('PCI devices', ['ADDRESS', 'ID', 'TYPE', 'CELL', 'IOMMU GROUP', 'GIVEN TO'], deviceRows(report)),
    section(
      'Problems',
      ['SUBJECT', 'MESSAGE'],
      report.problems.map(({ subject, message }) => [subject, message]),
    ),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function head({ hostname, hypervisor, cpuInfo }: HostReport): string {
  const { topology, features } = cpuInfo;
  const cpu = [
    cpuInfo.model ?? cpuInfo.arch,
    ...(cpuInfo.model === undefined ? [] : [cpuInfo.arch]),
    ...(cpuInfo.vendor === undefined ? [] : [cpuInfo.vendor]),
    ...(topology === undefined ? [] : [`${topology.sockets} x ${topology.cores} cores x ${topology.threads} threads`]),
    ...(features.length === 0 ? [] : [`${features.length} features`]),
  ];
  return `${hostname}: ${hypervisor.type} ${hypervisor.version}\n${cpu.join(', ')}`;
}

function amountTable({ totals, used }: HostReport): string {
  const count = (value: bigint | undefined): string => value?.toString() ?? UNKNOWN;
  return formatTable(
    ['', 'TOTAL', 'USED'],
    [
      ['vCPUs', count(totals.vcpus), count(used.vcpus)],
      ['memory', humanBytes(totals.memoryBytes), humanBytes(used.memoryBytes)],
      ['disk', humanBytes(totals.diskBytes), humanBytes(used.diskBytes)],
    ],
  );
}

const UNKNOWN = '-';

function section(title: string, header: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : `${title}\n${formatTable(header, rows)}`;
}

function cellRows({ numaCells }: HostReport): readonly (readonly string[])[] {
  return numaCells.map(({ id, memoryBytes, cpus }) => [`${id}`, humanBytes(memoryBytes), formatRanges(cpus)]);
}

function instanceRows({ instances }: HostReport): readonly (readonly string[])[] {
  return instances.map((instance) => [
    instance.name,
    instance.taskState === undefined ? instance.vmState : `${instance.vmState} (${instance.taskState})`,
    `${instance.vcpus}`,
    humanBytes(instance.memoryBytes),
    `${instance.devices.length}`,
    claimOf(instance),
    instance.uuid,
  ]);
}

function claimOf({ claim }: ReportedInstance): string {
  return claim === undefined ? UNKNOWN : `${claim.namespace}/${claim.name}`;
}

function deviceRows({ devices = [], instances }: HostReport): readonly (readonly string[])[] {
  const holders = new Map(instances.flatMap(({ name, devices: held }) => held.map((address) => [address, name])));
  return devices.map((device) => [
    device.address,
    `${device.vendorID}:${device.productID}`,
    device.parentAddress === undefined ? device.deviceType : `${device.deviceType} of ${device.parentAddress}`,
    device.numaNode?.toString() ?? UNKNOWN,
    device.iommuGroup?.toString() ?? UNKNOWN,
    holders.get(device.address) ?? UNKNOWN,
  ]);
}

const UNITS = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** For eyes only: at most one decimal, rounded down. Programs read the exact quantity from JSON or YAML. */
export function humanBytes(bytes: bigint | undefined): string {
  if (bytes === undefined) return UNKNOWN;
  const magnitude = bytes < 0n ? -bytes : bytes;
  const unit = Math.min(UNITS.length - 1, Math.floor((magnitude.toString(2).length - 1) / 10));
  const tenths = (magnitude * 10n) >> BigInt(10 * unit);
  const fraction = tenths % 10n === 0n ? '' : `.${tenths % 10n}`;
  return `${bytes < 0n ? '-' : ''}${tenths / 10n}${fraction}${UNITS[unit]}`;
}

/** `0-7,16-23`. */
export function formatRanges(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const value of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && value === last[1] + 1) last[1] = value;
    else ranges.push([value, value]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}
