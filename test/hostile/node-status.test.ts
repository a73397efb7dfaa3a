import { describe, expect, it } from 'vitest';
import type { ComputeNodeStatus, InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import type { ReportedInstance } from '../../src/drivers/driver.ts';
import type { PciDevice } from '../../src/ledger/types.ts';
import { parseBytes } from '../../src/quantity/quantity.ts';
import { type ClaimParts, claim as claimOf, GIBIBYTE, instance } from '../simulation/world/objects.ts';
import { faultsOf, statusSchema } from './crd-schema.ts';
import { type DrivenParts, DrivenTracker } from './driven-tracker.ts';

const SCHEMA = statusSchema('computenodes');
/** api.md: under 64 KiB on the largest host. */
const MAX_BYTES = 64 * 1024;
const EXBIBYTE = 1n << 60n;

const uidOf = (index: number): string => `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;

function claim(index: number, parts: Partial<ClaimParts> = {}): InstanceClaim {
  const { metadata, ...rest } = claimOf({ name: `claim-${index}`, ...parts });
  const creationTimestamp = '2026-01-01T00:00:00Z';
  return { ...rest, metadata: { ...metadata, uid: uidOf(index), generation: 1, creationTimestamp } };
}

function claims(count: number, parts: (index: number) => Partial<ClaimParts> = () => ({})): InstanceClaim[] {
  return Array.from({ length: count }, (_, index) => claim(index, parts(index)));
}

/** Physical functions with 63 virtual ones each. */
function functions(count: number): PciDevice[] {
  return Array.from({ length: count }, (_, index): PciDevice => {
    const [bus, unit] = [Math.floor(index / 64) + 16, index % 64];
    const root = `0000:${bus.toString(16)}:00.0`;
    if (unit === 0) return { address: root, vendorID: '10de', productID: '1572', deviceType: 'PF', numaNode: bus % 2 };
    const address = `0000:${bus.toString(16)}:${(unit >> 3).toString(16).padStart(2, '0')}.${unit & 7}`;
    const common = { vendorID: '10de', productID: '154c', deviceType: 'VF', parentAddress: root } as const;
    return { ...common, address, numaNode: bus % 2 };
  });
}

function orphans(count: number, name = (index: number) => `instance-${index}`): ReportedInstance[] {
  return Array.from({ length: count }, (_, index) => instance({ uuid: uidOf(1_000_000 + index), name: name(index) }));
}

/** One virtual function each, as long as there are any. */
const oneFunction = (index: number): Partial<ClaimParts> =>
  index < 500 ? { pciRequests: [{ name: 'nic', count: 1, selectors: [{ deviceType: 'VF' }] }] } : {};

function statusOf(parts: DrivenParts): ComputeNodeStatus {
  const driven = new DrivenTracker(parts);
  driven.settle();
  return driven.node.status ?? {};
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

const long = (length: number): string => 'n'.repeat(length);

describe('the status of a node with more than fits', () => {
  const rows: readonly [string, DrivenParts][] = [
    [
      '1,000 granted claims, 512 PCI functions, 1,000 orphans',
      { claims: claims(1_000, oneFunction), report: { devices: functions(512), instances: orphans(1_000) } },
    ],
    ['1,024 free PCI functions', { report: { devices: functions(1_024) } }],
    [
      '2,000 PCI functions, all of them given',
      {
        claims: claims(1_900, () => ({ pciRequests: [{ name: 'nic', count: 1, selectors: [{ deviceType: 'VF' }] }] })),
        report: { devices: functions(2_000) },
      },
    ],
    ['2,500 projects', { claims: claims(2_500, (index) => ({ namespace: `${long(50)}-${index}` })) }],
    [
      '2,500 types of guest, which tenants may invent',
      {
        claims: claims(2_500, (index) => ({ instance: { osType: `${long(50)}${index}` } })),
      },
    ],
    [
      '1,500 orphans with names at the limit',
      { report: { instances: orphans(1_500, (index) => `${index}${'ü'.repeat(250)}`) } },
    ],
    ['an orphan whose name is a novel', { report: { instances: orphans(9, () => long(50_000)) } }],
    [
      'orphans that name what is no claim, with more devices than are listed',
      {
        report: {
          instances: ['\ud83d', '\u0000', long(64), 'team-a', ''].map((namespace, index) =>
            instance({
              uuid: uidOf(index),
              devices: functions(300).map(({ address }) => address),
              claim: { namespace, name: index === 3 ? long(254) : 'web-1' },
            }),
          ),
        },
      },
    ],
    ['names that are no text', { report: { instances: orphans(9, () => '\ud83d\u0000\udc00') } }],
    [
      'more kinds of PCI devices than pools are listed',
      {
        report: {
          devices: functions(1_000).map((device, index) => ({
            ...device,
            productID: index.toString(16).padStart(4, '0'),
          })),
        },
      },
    ],
    [
      'a host that exaggerates',
      {
        report: {
          hostname: long(400),
          hypervisor: { type: long(100), version: long(100) },
          cpuInfo: {
            arch: long(100),
            model: long(200),
            vendor: long(100),
            features: Array.from({ length: 3_000 }, (_, index) => `${long(50)}${index % 2_000}`),
          },
          numaCells: Array.from({ length: 300 }, (_, index) => ({
            id: index % 200,
            memoryBytes: EXBIBYTE,
            cpus: Array.from({ length: 2_000 }, (_cpu, cpu) => cpu * 2),
          })),
          devices: [
            { address: '0000:01:00.0', vendorID: '10de', productID: '1572', deviceType: 'PCI', numaNode: 99_999 },
          ],
          problems: Array.from({ length: 2_000 }, () => ({ subject: long(1_000), message: long(50_000) })),
          totals: { vcpus: 1n << 62n, memoryBytes: 1n << 62n, diskBytes: 1n << 62n },
        },
      },
    ],
    [
      'instances that exaggerate',
      {
        report: {
          instances: Array.from({ length: 20 }, (_, index) =>
            instance({ uuid: uidOf(index), vcpus: 1n << 32n, memoryBytes: (1n << 63n) - 1n }),
          ),
        },
      },
    ],
    [
      'counters of plug-ins without end',
      {
        claims: claims(300),
        settings: {
          statistics: [
            {
              name: 'huge',
              count: () => Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`${long(60)}${n}`, 1n << 60n])),
            },
            { name: long(63), count: () => ({ [long(63)]: 1 }) },
          ],
        },
      },
    ],
    [
      'ratios as small as they can be written',
      {
        node: { spec: { allocationRatios: { vcpus: '1.2345678912e-99', memory: '1e-99', disk: '1n' } } },
      },
    ],
  ];
  it.each(rows)('is what the schema allows and within its bound: %s', (_what, parts) => {
    const status = statusOf(parts);
    expect(faultsOf(status, SCHEMA).slice(0, 5)).toEqual([]);
    expect(bytesOf(status)).toBeLessThanOrEqual(MAX_BYTES);
  });

  it('has names at the limit in `deciding`, too: fewer of them are decided at a time then', () => {
    const driven = new DrivenTracker({
      claims: claims(500, (index) => ({ name: `${long(249)}-${index}`.slice(0, 253), namespace: long(63) })),
      report: { devices: functions(512), instances: orphans(1_000) },
    });
    let most = 0;
    for (let turns = 0; turns < 50; turns += 1) {
      driven.turn();
      most = Math.max(most, bytesOf(driven.node.status));
    }
    expect(most).toBeLessThanOrEqual(MAX_BYTES);
    expect(most).toBeGreaterThan(MAX_BYTES / 2);
    expect(driven.decided).toHaveLength(500);
  });

  it('has as many figures of monitors as there is room for, and says how many it leaves out', () => {
    const driven = new DrivenTracker({
      settings: { hostMetrics: { minIntervalMs: 0, threshold: 0.1 } },
      claims: claims(1_000, oneFunction),
      report: { devices: functions(512), instances: orphans(1_000) },
    });
    const figures = Array.from({ length: 300 }, (_, index) => ({
      name: `${long(120)}${index}`,
      kind: 'level' as const,
      value: index % 2 === 0 ? 1e300 : 10n ** 50n,
      source: long(63),
      atMs: driven.nowMs,
    }));
    const failing = Array.from({ length: 100 }, (_, index) => ({ monitor: `m${index}`, message: long(5_000) }));
    driven.observe({ kind: 'hostMeasured', reading: { figures, failing } });
    driven.settle();
    const status = driven.node.status ?? {};
    expect(faultsOf(status, SCHEMA).slice(0, 5)).toEqual([]);
    expect(bytesOf(status)).toBeLessThanOrEqual(MAX_BYTES);
    expect((status.metrics?.length ?? 0) + (status.omitted?.metrics ?? 0)).toBe(300);
    expect(status.metrics?.length).toBeGreaterThan(10);
  });

  it('lists everything of a usual host', () => {
    const status = statusOf({
      claims: claims(100, oneFunction),
      report: { devices: functions(128), instances: orphans(20) },
    });
    expect([status.pciDevices?.length, status.orphans?.length, status.omitted]).toEqual([128, 20, undefined]);
    expect(status.pciDevices?.every(({ vendorID }) => vendorID === '10de')).toBe(true);
  });

  it('lists of an orphan the claim that it names only where that could be one', () => {
    const namings = [
      { namespace: 'team-a', name: 'web-1' },
      { namespace: long(64), name: 'web-1' },
      { namespace: 'team-a', name: long(254) },
      { namespace: 'team-a', name: '\ud83d' },
    ];
    const { orphans: listed = [] } = statusOf({
      report: { instances: namings.map((claim, index) => instance({ uuid: uidOf(index), claim })) },
    });
    expect(listed.map(({ claim }) => claim)).toEqual([namings[0], undefined, undefined, undefined]);
  });

  it('says how much it leaves out, and counts it all the same', () => {
    const {
      pciPools = [],
      pciDevices = [],
      omitted,
      ...status
    } = statusOf({
      claims: claims(1_000, oneFunction),
      report: { devices: functions(512), instances: orphans(1_000) },
    });
    expect((omitted?.pciDevices ?? 0) + pciDevices.length).toBe(512);
    expect((omitted?.orphans ?? 0) + (status.orphans?.length ?? 0)).toBe(1_000);
    expect(pciPools.map(({ deviceType, total, free }) => [deviceType, total, free])).toEqual([
      ['VF', 252, 0],
      ['VF', 252, 4],
      ['PF', 4, 0],
      ['PF', 4, 0],
    ]);
    expect(status.stats?.instances).toBe(1_000);
    expect(parseBytes(status.used?.memory ?? 0)).toBe(2_000n * GIBIBYTE);
  });

  it('puts projects that it does not list together', () => {
    const { byProject = {}, instances } =
      statusOf({
        claims: claims(2_500, (index) => ({ namespace: `${long(50)}-${index}` })),
      }).stats ?? {};
    expect(Object.values(byProject).reduce((sum, count) => sum + count, 0)).toBe(instances);
    expect(new Map(Object.entries(byProject)).get('Others')).toBeGreaterThan(2_000);
  });

  it('leaves out what claims tell as well before what only it can tell: the devices that are free', () => {
    const { pciDevices = [] } = statusOf({
      claims: claims(300, oneFunction),
      report: { devices: functions(512), instances: orphans(1_000) },
    });
    // 204 of the 504 virtual functions, and three physical ones whose virtual functions are all free.
    expect(pciDevices.filter(({ state }) => state === 'Available')).toHaveLength(207);
  });

  it('is the same bytes while nothing changes, and nothing is written then', () => {
    const driven = new DrivenTracker({
      claims: claims(600, oneFunction),
      report: { devices: functions(512), instances: orphans(300, () => '\ud83d') },
    });
    driven.settle();
    const { nodeWrites } = driven;
    driven.audit();
    driven.settle();
    // What the audit tidies up: the names of what is decided by now.
    driven.audit();
    driven.settle();
    expect(driven.nodeWrites - nodeWrites).toBeLessThanOrEqual(1);
  });
});

describe('sums beyond 2^63', () => {
  const huge = (): Partial<ClaimParts> => ({ memoryMi: Number((8n << 60n) / (1n << 20n)) - 1, vcpus: 1_000_000 });

  it('are published exactly, as plain numbers, which no reader cuts off', () => {
    const { used, available } = statusOf({ claims: claims(3, huge), node: { spec: { limitPolicy: 'ClaimOnly' } } });
    const sum = 3n * ((8n << 60n) - (1n << 20n));
    expect([used?.memory, used?.vcpus]).toEqual([`${sum}`, 3_000_000]);
    expect(available?.memory).toBe(`${(1n << 50n) - sum}`);
  });
});
