import { expect, it } from 'vitest';
import { fakeHost, reportOf } from '../../src/drivers/fake/fake-host.ts';
import { reportFaults } from '../../src/drivers/report-faults.ts';

const GOOD = reportOf(fakeHost());
const { totals, cpuInfo, used: _used, devices: _devices, ...rest } = GOOD;

const cases: readonly (readonly [what: string, report: unknown, faults: string | undefined])[] = [
  ['a whole report', GOOD, undefined],
  [
    'a report without what is optional',
    { ...rest, cpuInfo, used: {}, totals: { memoryBytes: 1n, diskBytes: 0n } },
    undefined,
  ],
  [
    'no report at all',
    undefined,
    'lacks hostname, hypervisor.type, hypervisor.version, cpuInfo.arch, cpuInfo.features, numaCells, totals.memoryBytes, totals.diskBytes, used, instances, problems',
  ],
  [
    'a report without totals, CPU and used figures',
    rest,
    'lacks cpuInfo.arch, cpuInfo.features, totals.memoryBytes, totals.diskBytes, used',
  ],
  ['memory that is missing', { ...GOOD, totals: { diskBytes: 0n } }, 'lacks totals.memoryBytes'],
  [
    'memory as a number',
    { ...GOOD, totals: { ...totals, memoryBytes: 1024 } },
    'totals.memoryBytes is not a bigint, 0 or above',
  ],
  [
    'less than no disk',
    { ...GOOD, totals: { ...totals, diskBytes: -1n } },
    'totals.diskBytes is not a bigint, 0 or above',
  ],
  ['vCPUs that are a text', { ...GOOD, totals: { ...totals, vcpus: '4' } }, 'totals.vcpus is not a bigint, 0 or above'],
  ['instances that are no list', { ...GOOD, instances: {} }, 'instances is not a list'],
  [
    'an empty name, and no disk',
    { ...GOOD, hostname: '', totals: { memoryBytes: 1n } },
    'lacks totals.diskBytes; hostname is not a text',
  ],
];

it.each(cases)('%s', (_what, report, faults) => {
  expect(reportFaults(report)).toBe(faults === undefined ? undefined : `the driver's report ${faults}`);
});
