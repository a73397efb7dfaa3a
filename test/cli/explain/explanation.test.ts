import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  ComputeNodeStatus,
  InstanceClaim,
  Migration,
  MigrationLock,
} from '../../../src/api/generated/v1alpha1.ts';
import { explain } from '../../../src/cli/explain/explanation.ts';
import { devicesOf, type Line } from '../../../src/cli/explain/lines.ts';
import type { NodeView } from '../../../src/cli/explain/node-view.ts';
import type { InstanceSize } from '../../../src/drivers/driver.ts';
import { formatBytes } from '../../../src/quantity/quantity.ts';
import { GIBIBYTE, gpu, instance, MEBIBYTE, settings } from '../../simulation/world/objects.ts';
import { settled, settledView, stored } from './explained.ts';

const UUID = 'aaaaaaaa-0000-4000-8000-00000000000';
const uuid = (index: number): string => `${UUID}${index}`;
const overheadMemoryBytes = ({ vcpus, memoryBytes }: InstanceSize): bigint => (vcpus << 23n) + memoryBytes / 64n;
const RESERVED = settings({
  overheadMemoryBytes,
  defaults: {
    reserved: { vcpus: 1n, memoryBytes: 512n * MEBIBYTE, diskBytes: GIBIBYTE },
    allocationRatios: {
      vcpus: { numerator: 16n, denominator: 1n },
      memory: { numerator: 3n, denominator: 2n },
      disk: { numerator: 1n, denominator: 1n },
    },
    limitPolicy: 'Capped',
  },
});

/** `what flavor vcpus memory+overhead disk`. */
function lineWords(line: Line): string {
  const { kind, name, flavor, holding } = line;
  const { vcpus, memoryBytes, diskBytes } = holding.amounts;
  const memory = `${formatBytes(memoryBytes)}+${formatBytes(holding.overheadMemoryBytes)}`;
  return `${kind} ${name} ${flavor ?? '-'} ${vcpus} ${memory} ${formatBytes(diskBytes)} [${devicesOf(line).join(' ')}]`;
}

describe('the lines of a node', () => {
  it('are its claims by name, then its orphans, and add up to what its agent publishes', () => {
    const { lines, differences, deviceDifferences, reasons, sums } = settled({
      settings: RESERVED,
      report: {
        devices: [gpu(1), gpu(2)],
        instances: [instance({ uuid: uuid(1), name: 'stray', vcpus: 2n, devices: ['0000:02:00.0'] })],
      },
      claims: [
        stored({ name: 'web', vcpus: 4, memoryMi: 4096, diskGi: 20 }),
        stored({ name: 'gpu', diskGi: 5, pciRequests: [{ name: 'gpu', count: 1, alias: 'gpu' }] }),
        stored({ name: 'db', namespace: 'a-team' }),
        stored({ name: 'far-too-big', memoryMi: 2 ** 31 }),
      ],
    });
    expect(lines.map(lineWords)).toEqual([
      'claim db InForce 1 1Gi+24Mi 0 []',
      'claim gpu InForce 1 1Gi+24Mi 5Gi [0000:01:00.0]',
      'claim web InForce 4 4Gi+96Mi 20Gi []',
      'orphan stray - 2 1Gi+32Mi 0 [0000:02:00.0]',
    ]);
    expect(sums.used).toEqual({ vcpus: 9n, memoryBytes: 7856n * MEBIBYTE, diskBytes: 26n * GIBIBYTE });
    expect([differences, deviceDifferences, reasons]).toEqual([[], [], []]);
  });

  it('have of an instance that is larger than its claim what it really has, as its claim tells', () => {
    const { lines, differences } = settled({
      settings: RESERVED,
      claims: [stored({ name: 'web', instance: { uuid: uuid(1) } })],
      report: { instances: [instance({ uuid: uuid(1), vcpus: 3n, memoryBytes: 5n * GIBIBYTE + 1n })] },
    });
    expect(lines.map(lineWords)).toEqual(['claim web InForce 3 5368709121+24Mi 0 []']);
    expect(lines[0]?.notes).toEqual([
      'its instance has more than its claim: memory: claimed 1Gi, has 5368709121; vCPUs: claimed 1, has 3; the larger counts',
    ]);
    expect(differences).toEqual([]);
  });

  it('have of orphans no vCPUs and no devices under ClaimOnly', () => {
    const { lines, differences, deviceDifferences } = settled({
      settings: { defaults: { ...RESERVED.defaults, limitPolicy: 'ClaimOnly' } },
      report: {
        devices: [gpu(1)],
        instances: [instance({ uuid: uuid(1), name: 'stray', vcpus: 2n, devices: ['0000:01:00.0'] })],
      },
    });
    expect(lines.map(lineWords)).toEqual(['orphan stray - 0 1Gi+0 0 [0000:01:00.0]']);
    expect([differences, deviceDifferences]).toEqual([[], []]);
  });
});

const OLD = { vcpus: 2, memory: '2Gi', rootDisk: '10Gi' };
const NEW = { vcpus: 4, memory: '8Gi', rootDisk: '40Gi' };
const OVERHEADS = { before: '48Mi', after: '160Mi' };

/** A claim that a migration locks, before it has moved or after. */
function locked(from: string, to: string, when: keyof typeof OVERHEADS): InstanceClaim {
  const [nodeName, flavor] = when === 'before' ? [from, OLD] : [to, NEW];
  const nodes = { sourceNodeName: from, targetNodeName: to };
  const [overhead, other] = (when === 'before' ? (['before', 'after'] as const) : (['after', 'before'] as const)).map(
    (of) => ({
      memory: OVERHEADS[of],
    }),
  );
  const flavors = { oldFlavor: OLD, newFlavor: NEW, ...(other !== undefined && { overhead: other }) };
  const migration = { uid: 'm', name: 'move', ...nodes, ...flavors, arrived: when === 'after' };
  const told = overhead === undefined ? {} : { overhead };
  return stored({ name: 'web' }, { status: { phase: 'Claimed', nodeName, flavor, ...told, migration } });
}

/** Its Migration, at a phase in which its agents wait for somebody else. */
function migrationOf({ status }: InstanceClaim): Migration {
  const { sourceNodeName = '', targetNodeName = '', arrived } = status?.migration ?? {};
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'Migration',
    metadata: { name: 'move', namespace: 'default', uid: 'm' },
    spec: { claimName: 'web', type: 'ColdMigration', targetNodeName },
    status: {
      phase: arrived === true ? 'Finished' : 'PreMigrating',
      claimUID: 'uid-web',
      sourceNodeName,
      newFlavor: NEW,
    },
  };
}

describe('a migration', () => {
  it.each<[string, InstanceClaim, string[]]>([
    ['at its source, before the move', locked('node-a', 'node-b', 'before'), ['claim web InForce 2 2Gi+48Mi 10Gi []']],
    ['at its source, after the move', locked('node-a', 'node-b', 'after'), ['claim web Old 2 2Gi+48Mi 10Gi []']],
    ['at its target, before the move', locked('node-b', 'node-a', 'before'), ['claim web New 4 8Gi+160Mi 40Gi []']],
    ['at its target, after the move', locked('node-b', 'node-a', 'after'), ['claim web InForce 4 8Gi+160Mi 40Gi []']],
    [
      'in place, before the resize',
      locked('node-a', 'node-a', 'before'),
      ['claim web InForce 2 2Gi+48Mi 10Gi []', 'claim web New 4 8Gi+160Mi 40Gi []'],
    ],
    [
      'in place, after the resize',
      locked('node-a', 'node-a', 'after'),
      ['claim web InForce 4 8Gi+160Mi 40Gi []', 'claim web Old 2 2Gi+48Mi 10Gi []'],
    ],
  ])('is held %s', (_when, claim, expected) => {
    const { lines, differences } = explain(settledView({ settings: RESERVED, claims: [claim] }, [migrationOf(claim)]));
    expect(lines.map(lineWords)).toEqual(expected);
    expect(lines.flatMap(({ doubts }) => doubts)).toEqual([]);
    expect(differences).toEqual([]);
  });

  it.each([
    ['its source', locked('node-a', 'node-b', 'before'), 'claim web InForce 9 9Gi+48Mi 10Gi []'],
    ['its target', locked('node-b', 'node-a', 'before'), 'claim web New 4 8Gi+160Mi 40Gi []'],
  ])(
    'of an instance that is larger than its claim counts it where it is: at %s',
    (_where, { status, ...claim }, expected) => {
      const excess = {
        type: 'InstanceMatchesClaim',
        status: 'False',
        reason: 'InstanceExceedsClaim',
        message: 'memory: claimed 2Gi, has 9Gi; vCPUs: claimed 2, has 9; the larger counts',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      } as const;
      const large = { ...claim, status: { ...status, conditions: [excess] } };
      const report = { instances: [instance({ uuid: 'uid-web', vcpus: 9n, memoryBytes: 9n * GIBIBYTE })] };
      const isHere = status?.nodeName === 'node-a';
      const { lines, differences } = explain(
        settledView({ settings: RESERVED, claims: [large], ...(isHere && { report }) }, [migrationOf(large)]),
      );
      expect(lines.map(lineWords)).toEqual([expected]);
      expect(differences).toEqual([]);
    },
  );

  it('whose lock does not tell the overhead counts with that of the flavor in force, and the difference is told', () => {
    const { status, ...claim } = locked('node-b', 'node-a', 'before');
    const { overhead: _overhead, ...lock } = status?.migration ?? {};
    const silent = { ...claim, status: { ...status, migration: lock as MigrationLock } };
    const view = settledView({ settings: RESERVED, claims: [silent] }, [migrationOf(silent)]);
    const { lines, differences, reasons } = explain(view);
    expect(lines.map(lineWords)).toEqual(['claim web New 4 8Gi+48Mi 40Gi []']);
    expect(differences).toHaveLength(3);
    expect(reasons).toEqual([
      'claim default/web: its status does not tell the overhead: that of the flavor in force, or none, is taken',
    ]);
  });
});

describe('a status that says otherwise', () => {
  const view = settledView({
    claims: [stored({ name: 'web', pciRequests: [{ name: 'gpu', count: 1, alias: 'gpu' }] })],
    report: { devices: [gpu(1), gpu(2)], instances: [instance({ uuid: uuid(1), name: 'stray' })] },
  });
  const withStatus = (status: ComputeNodeStatus, more: Partial<NodeView['node']['metadata']> = {}): NodeView => {
    const { node } = view;
    return {
      ...view,
      node: { ...node, metadata: { ...node.metadata, ...more }, status: { ...node.status, ...status } },
    };
  };
  const condition = (type: string) =>
    ({ type, status: 'False', reason: 'R', message: '', lastTransitionTime: '' }) as const;
  const used = { vcpus: 2, memory: '3Gi', disk: '0' };

  it.each<[string, NodeView, string]>([
    ['because orphans are not listed', withStatus({ used, omitted: { orphans: 7 } }), '7 orphans count'],
    ['because its agent is silent', withStatus({ used, conditions: [condition('AgentAlive')] }), 'agent is silent'],
    ['because libvirt is away', withStatus({ used, conditions: [condition('HypervisorConnected')] }), 'not connected'],
    [
      'because nothing is counted',
      withStatus({ used, conditions: [condition('TrackingEnabled')] }),
      'without accounting',
    ],
    ['because an audit failed', withStatus({ used, conditions: [condition('HardwareReportCurrent')] }), 'audit failed'],
    ['because its spec was changed', withStatus({ used }, { generation: 2 }), 'spec was changed'],
    [
      'for a reason that nobody knows',
      withStatus({ used, agent: { deciding: [] } }),
      'was decided or given back since',
    ],
    [
      'because it has just decided',
      withStatus({
        used,
        agent: {
          deciding: [1, 2, 3, 4, 5, 6].map((n) => ({
            kind: 'InstanceClaim',
            namespace: 'a',
            name: `c${n}`,
            uid: `${n}`,
          })),
        },
      }),
      'a/c1, a/c2, a/c3, a/c4, a/c5 and 1 more',
    ],
  ])('%s is told with figures and the likely reason', (_why, seen, words) => {
    const { differences, reasons } = explain(seen);
    expect(differences).toEqual([
      { figure: 'used', resource: 'memoryBytes', summed: 2n * GIBIBYTE, published: 3n * GIBIBYTE },
    ]);
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toContain(words);
  });

  it('in what cannot be read, or is missing, is told', () => {
    const seen = withStatus({ used: { vcpus: 2, memory: 'much', disk: '0' }, limit: {} });
    const found = explain(seen).differences.map(({ figure, resource, published }) => [figure, resource, published]);
    expect(found).toEqual([
      ['used', 'memoryBytes', undefined],
      ['limit', 'memoryBytes', undefined],
      ['limit', 'diskBytes', undefined],
      ['limit', 'vcpus', undefined],
    ]);
  });

  it.each<[string, string | undefined, 'Claimed' | 'Allocated', string[]]>([
    ['to its claim', 'uid-web', 'Allocated', []],
    ['to another claim', 'uid-x', 'Allocated', ['0000:01:00.0: uid-web, uid-x']],
    ['to nobody', undefined, 'Claimed', ['0000:01:00.0: uid-web, undefined']],
  ])('gives a device %s', (_to, claimUID, state, expected) => {
    const [first, second] = view.node.status?.pciDevices ?? [];
    if (first === undefined || second === undefined) throw new Error('the host has two devices');
    const { claimUID: _before, ...device } = first;
    const given = { ...device, state, ...(claimUID !== undefined && { claimUID }) };
    const { deviceDifferences } = explain(withStatus({ pciDevices: [given, second] }));
    expect(deviceDifferences.map(({ address, claimed, published }) => `${address}: ${claimed}, ${published}`)).toEqual(
      expected,
    );
  });

  it('that gives an instance a device beyond its claim knows more than the claims do: that is no difference', () => {
    const [first, second] = view.node.status?.pciDevices ?? [];
    if (first === undefined || second === undefined) throw new Error('the host has two devices');
    const extra = { ...second, state: 'Allocated', claimUID: 'uid-web' } as const;
    expect(explain(withStatus({ pciDevices: [first, extra] })).deviceDifferences).toEqual([]);
  });
});

const size = fc.record({ vcpus: fc.integer({ min: 1, max: 64 }), memoryMi: fc.integer({ min: 1, max: 1 << 17 }) });

/** A claim, with an instance of any size or none. */
const claimed = fc.record({
  flavor: size,
  diskGi: fc.integer({ min: 0, max: 100 }),
  gpus: fc.integer({ min: 0, max: 2 }),
  has: fc.option(size),
});

it('Whatever a node holds, its explanation adds up to what its agent publishes.', () => {
  const lives = fc.record({
    claims: fc.array(claimed, { maxLength: 12 }),
    orphans: fc.array(size, { maxLength: 5 }),
    limitPolicy: fc.constantFrom('Capped' as const, 'ClaimOnly' as const),
  });
  fc.assert(
    fc.property(lives, ({ claims, orphans, limitPolicy }) => {
      const idOf = (index: number): string => `aaaaaaaa-0000-4000-8000-${index.toString().padStart(12, '0')}`;
      const instanceOf = (index: number, { vcpus, memoryMi }: { vcpus: number; memoryMi: number }) =>
        instance({ uuid: idOf(index), vcpus: BigInt(vcpus), memoryBytes: BigInt(memoryMi) * MEBIBYTE });
      const explanation = settled({
        settings: { ...RESERVED, defaults: { ...RESERVED.defaults, limitPolicy } },
        claims: claims.map(({ flavor, diskGi, gpus }, index) =>
          stored({
            name: `c${index}`,
            ...flavor,
            diskGi,
            instance: { uuid: idOf(index) },
            ...(gpus > 0 && { pciRequests: [{ name: 'gpu', count: gpus, alias: 'gpu' }] }),
          }),
        ),
        report: {
          devices: [1, 2, 3, 4, 5, 6].map(gpu),
          instances: [
            ...claims.flatMap(({ has }, index) => (has === null ? [] : [instanceOf(index, has)])),
            ...orphans.map((of, index) => instanceOf(100 + index, of)),
          ],
        },
      });
      expect([explanation.differences, explanation.deviceDifferences]).toEqual([[], []]);
    }),
    { numRuns: 60 },
  );
});
