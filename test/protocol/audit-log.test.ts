import { describe, expect, it } from 'vitest';
import type { HostReport } from '../../src/drivers/driver.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import type { Holding, Host } from '../../src/ledger/types.ts';
import { AuditLog } from '../../src/protocol/audit-log.ts';

const GIB = 1n << 30n;
const ONE = { numerator: 1n, denominator: 1n };

function report(changes: Partial<HostReport> = {}): HostReport {
  return {
    hostname: 'host',
    hypervisor: { type: 'QEMU', version: '9.0.0' },
    cpuInfo: { arch: 'x86_64', features: [] },
    numaCells: [],
    totals: { vcpus: 16n, memoryBytes: 64n * GIB, diskBytes: 100n * GIB },
    used: { vcpus: 4n, memoryBytes: 8n * GIB, diskBytes: 0n },
    instances: [],
    devices: [],
    problems: [],
    ...changes,
  };
}

function viewOf({ totals, devices = [] }: HostReport, ...holdings: readonly Holding[]) {
  const host: Host = {
    totals,
    policy: {
      reserved: { vcpus: 0n, memoryBytes: GIB, diskBytes: 0n },
      allocationRatios: { vcpus: ONE, memory: ONE, disk: ONE },
      limitPolicy: 'Capped',
    },
    devices,
  };
  return new Ledger(host, holdings).view();
}

const INSTANCE: Holding = {
  key: 'a',
  amounts: { vcpus: 2n, memoryBytes: 4n * GIB, diskBytes: 10n * GIB },
  overheadMemoryBytes: 1n,
  devices: ['0000:01:00.0'],
  facts: { vmState: 'Active', taskState: null, osType: null, project: 'p' },
};
const DEVICES: NonNullable<HostReport['devices']> = [0, 1].map((slot) => ({
  address: `0000:01:00.${slot}`,
  vendorID: '10de',
  productID: '20b5',
  deviceType: 'PCI',
  numaNode: 1,
}));

describe('an audit tells', () => {
  it('what the hypervisor measures as free, then what is accounted', () => {
    const host = report({ devices: DEVICES });
    expect(new AuditLog().lines(host, viewOf(host, INSTANCE), 3)).toEqual([
      {
        kind: 'log',
        level: 'info',
        message: "audit: the hypervisor's view",
        fields: { freeMemory: '56Gi', freeDisk: '100Gi', freeVcpus: 12, pciDevices: 2 },
      },
      {
        kind: 'log',
        level: 'info',
        message: 'audit: the final view',
        fields: {
          memory: { total: '64Gi', used: '5368709121', free: '63350767615' },
          disk: { total: '100Gi', used: '10Gi', free: '90Gi' },
          vcpus: { total: 16, used: 2, free: 14 },
          instances: 1,
          orphans: 3,
          pciPools: ['PCI 10de:20b5 on cell 1: 1 of 2 free'],
        },
      },
    ]);
  });

  it('nothing of what the hypervisor cannot tell', () => {
    const { devices: _devices, ...host } = report({ totals: { memoryBytes: GIB, diskBytes: GIB }, used: {} });
    const [measured, accounted] = new AuditLog().lines(host, viewOf(host), 0);
    expect(measured?.fields).toEqual({});
    expect(accounted?.fields).toMatchObject({ vcpus: { total: 'unknown', used: 0, free: 'unknown' } });
  });

  it('of many kinds of PCI devices the first ones, and how many more there are', () => {
    const devices = Array.from({ length: 20 }, (_, index) => ({
      ...DEVICES[0],
      address: `0000:${index + 10}:00.0`,
      vendorID: '10de',
      productID: `${1000 + index}`,
      deviceType: 'PCI' as const,
    }));
    const host = report({ devices });
    const [, accounted] = new AuditLog().lines(host, viewOf(host), 0);
    expect(accounted?.fields).toMatchObject({ morePciPools: 4, pciPools: { length: 16 } });
  });

  it('everything as text or number, which a log can hold', () => {
    const host = report({ devices: DEVICES });
    expect(() => JSON.stringify(new AuditLog().lines(host, viewOf(host, INSTANCE), 0))).not.toThrow();
  });
});

describe('an audit tells as info', () => {
  const before = report();
  const used = before.used;
  const rows: readonly [string, HostReport, readonly Holding[], number, readonly string[]][] = [
    ['neither view when nothing has happened', before, [], 0, ['debug', 'debug']],
    ['not that a 32nd of the memory is used more', moved({ memoryBytes: 10n * GIB }), [], 0, ['debug', 'debug']],
    ['that more memory is used', moved({ memoryBytes: 10n * GIB + 1n }), [], 0, ['info', 'debug']],
    ['that much less disk is used', moved({ diskBytes: 90n * GIB }), [], 0, ['info', 'debug']],
    ['that a vCPU is used more', moved({ vcpus: 5n }), [], 0, ['info', 'debug']],
    ['that a figure is not told any more', report({ used: { vcpus: 4n, diskBytes: 0n } }), [], 0, ['info', 'debug']],
    ['that devices came', report({ devices: DEVICES }), [], 0, ['info', 'info']],
    [
      'that memory was put in',
      report({ totals: { ...before.totals, memoryBytes: 65n * GIB } }),
      [],
      0,
      ['info', 'info'],
    ],
    ['that an instance is accounted', before, [INSTANCE], 0, ['debug', 'info']],
    ['that there is an orphan', before, [], 1, ['debug', 'info']],
  ];
  it.each(rows)('%s', (_what, now, holdings, orphans, levels) => {
    const log = new AuditLog();
    log.lines(before, viewOf(before), 0);
    expect(log.lines(now, viewOf(now, ...holdings), orphans).map(({ level }) => level)).toEqual(levels);
  });

  it('a change by small steps, once they have come to a large one', () => {
    const log = new AuditLog();
    const levels = Array.from({ length: 8 }, (_, step) => {
      const now = moved({ memoryBytes: 8n * GIB + BigInt(step) * GIB });
      return log.lines(now, viewOf(now), 0)[0]?.level;
    });
    expect(levels).toEqual(['info', 'debug', 'debug', 'info', 'debug', 'debug', 'info', 'debug']);
  });

  function moved(changes: Partial<HostReport['used']>): HostReport {
    return report({ used: { ...used, ...changes } });
  }
});
