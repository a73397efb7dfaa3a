/** A fake host from a YAML file, checked field by field: a mistake names its line, its field and what to write instead. */
import type { PciDevice } from '../../ledger/types.ts';
import type { CpuCounters, CpuInfo, CpuTopology, NumaCell, ReportedInstance, TaskState, VmState } from '../driver.ts';
import { type FakeFaults, type FakeHost, NO_FAULTS, REPORT_KEYS, type ReportKey } from './fake-host.ts';
import type { FakeState } from './fake-hypervisor.ts';
import { createFieldReader, type FieldReader } from './field-reader.ts';

export type HostFile =
  | { readonly kind: 'read'; readonly state: FakeState }
  /** One line each: `hosts.yaml:12: devices[0].vendorID: ...`. */
  | { readonly kind: 'mistakes'; readonly mistakes: readonly string[] };

const VM_STATES: readonly VmState[] = [
  'Building',
  'Active',
  'Paused',
  'Suspended',
  'Stopped',
  'Rescued',
  'Resized',
  'Error',
];
const TASK_STATES: readonly TaskState[] = [
  'Spawning',
  'Migrating',
  'Suspending',
  'ImageSnapshot',
  'Dumping',
  'PoweringOff',
];
const DEVICE_TYPES: readonly PciDevice['deviceType'][] = ['PCI', 'PF', 'VF'];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/;
const HEX4 = /^[0-9a-f]{4}$/;
const HOST_FIELDS = [
  'hostname',
  'hypervisor',
  'cpuInfo',
  'cpuCounters',
  'numaCells',
  'totals',
  'instances',
  'devices',
  'problems',
];

/** Reads the text of a host file. Never throws. */
export function readHostFile(text: string, fileName: string): HostFile {
  const { root, mistakes } = createFieldReader(text, fileName);
  const host = root.isBroken ? undefined : readHost(root.only([...HOST_FIELDS, 'faults']));
  const faults = root.isBroken ? NO_FAULTS : readFaults(root.at('faults'));
  const found = mistakes();
  if (found.length > 0 || host === undefined) return { kind: 'mistakes', mistakes: found };
  return { kind: 'read', state: { host, faults } };
}

function readHost(root: FieldReader): FakeHost {
  const hypervisor = root.at('hypervisor').only(['type', 'version']);
  const totals = root.at('totals');
  const vcpus = totals.only(['vcpus', 'memory', 'disk']).at('vcpus');
  return {
    hostname: root.at('hostname').text(),
    hypervisor: {
      type: hypervisor.at('type').textOr('fake'),
      version: hypervisor.at('version').textOr('1.0.0'),
    },
    cpuInfo: readCpuInfo(root.at('cpuInfo').only(['arch', 'model', 'vendor', 'topology', 'features'])),
    numaCells: root.at('numaCells').list(readCell),
    totals: {
      ...(vcpus.isPresent && { vcpus: vcpus.count() }),
      memoryBytes: totals.at('memory').bytes(),
      diskBytes: totals.at('disk').bytes(),
    },
    instances: root.at('instances').uniqueList('uuid', readInstance),
    ...(root.at('devices').isPresent && { devices: root.at('devices').uniqueList('address', readDevice) }),
    problems: root.at('problems').list((problem) => ({
      subject: problem.only(['subject', 'message']).at('subject').text(),
      message: problem.at('message').text(),
    })),
    ...(root.at('cpuCounters').isPresent && { cpuCounters: readCpuCounters(root.at('cpuCounters')) }),
  };
}

function readCpuInfo(field: FieldReader): CpuInfo {
  const topology = field.at('topology').only(['sockets', 'cores', 'threads']);
  const read = (): CpuTopology => ({
    sockets: Number(topology.at('sockets').count()),
    cores: Number(topology.at('cores').count()),
    threads: Number(topology.at('threads').count()),
  });
  return {
    arch: field.at('arch').textOr('x86_64'),
    ...(field.at('model').isPresent && { model: field.at('model').text() }),
    ...(field.at('vendor').isPresent && { vendor: field.at('vendor').text() }),
    ...(topology.isPresent && { topology: read() }),
    features: field.at('features').list((feature) => feature.text()),
  };
}

/** Times in nanoseconds. */
function readCpuCounters(field: FieldReader): CpuCounters {
  field.only(['user', 'kernel', 'idle', 'iowait', 'frequencyMhz']);
  return {
    userNs: field.at('user').count(),
    kernelNs: field.at('kernel').count(),
    idleNs: field.at('idle').count(),
    iowaitNs: field.at('iowait').count(),
    frequencyMhz: Number(field.at('frequencyMhz').count()),
  };
}

function readCell(field: FieldReader): NumaCell {
  return {
    id: Number(field.only(['id', 'memory', 'cpus']).at('id').count()),
    memoryBytes: field.at('memory').bytes(),
    cpus: field
      .at('cpus')
      .list((cpu) => Number(cpu.count()))
      .toSorted((one, other) => one - other),
  };
}

function readInstance(field: FieldReader): ReportedInstance {
  field.only(['uuid', 'name', 'vmState', 'taskState', 'vcpus', 'memory', 'devices', 'osType', 'claim']);
  const claim = field.at('claim').only(['namespace', 'name']);
  const taskState = field.at('taskState').choice(TASK_STATES);
  return {
    uuid: field.at('uuid').matching(UUID, 'a UUID in lower case'),
    name: field.at('name').text(),
    vmState: field.at('vmState').choice(VM_STATES) ?? 'Active',
    ...(taskState !== undefined && { taskState }),
    vcpus: field.at('vcpus').count(),
    memoryBytes: field.at('memory').bytes(),
    devices: field.at('devices').list((device) => device.matching(PCI_ADDRESS, 'a PCI address such as 0000:3b:00.0')),
    ...(field.at('osType').isPresent && { osType: field.at('osType').text() }),
    ...(claim.isPresent && { claim: { namespace: claim.at('namespace').text(), name: claim.at('name').text() } }),
  };
}

function readDevice(field: FieldReader): PciDevice {
  field.only(['address', 'vendorID', 'productID', 'deviceType', 'parentAddress', 'numaNode', 'iommuGroup']);
  const parent = field.at('parentAddress');
  return {
    address: field.at('address').matching(PCI_ADDRESS, 'a PCI address such as 0000:3b:00.0'),
    vendorID: field.at('vendorID').matching(HEX4, 'four lower-case hex digits in quotes, such as "10de"'),
    productID: field.at('productID').matching(HEX4, 'four lower-case hex digits in quotes, such as "20b5"'),
    deviceType: field.at('deviceType').choice(DEVICE_TYPES) ?? 'PCI',
    ...(parent.isPresent && { parentAddress: parent.matching(PCI_ADDRESS, 'the PCI address of the PF') }),
    ...(field.at('numaNode').isPresent && { numaNode: Number(field.at('numaNode').count()) }),
    ...(field.at('iommuGroup').isPresent && { iommuGroup: Number(field.at('iommuGroup').count()) }),
  };
}

function readFaults(field: FieldReader): FakeFaults {
  field.only(['disconnected', 'auditDelayMs', 'failAudit', 'cannotReport', 'omit']);
  const delay = field.at('auditDelayMs');
  const failure = field.at('failAudit');
  const cannotReport = field.at('cannotReport');
  const omitted = field.at('omit');
  return {
    disconnected: field.at('disconnected').flagOr(false),
    auditDelayMs: delay.isPresent ? Number(delay.count()) : 0,
    ...(failure.isPresent && { failAudit: failure.text() }),
    ...(cannotReport.isPresent && { cannotReport: cannotReport.text() }),
    ...(omitted.isPresent && { omit: omitted.list((key) => key.choice(REPORT_KEYS)).filter(isKey) }),
  };
}

/** What is no key is noted as a mistake. */
function isKey(key: ReportKey | undefined): key is ReportKey {
  return key !== undefined;
}
