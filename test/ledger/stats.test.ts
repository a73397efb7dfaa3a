import { describe, expect, test } from 'vitest';
import { Ledger } from '../../src/ledger/ledger.ts';
import type { InstanceFacts } from '../../src/ledger/types.ts';
import { PLAIN_HOST } from './hosts.ts';

const FACTS: InstanceFacts = { vmState: 'Active', taskState: null, osType: 'Linux', project: '1234' };

function ledgerOf(...instances: Partial<InstanceFacts>[]): Ledger {
  const ledger = new Ledger(PLAIN_HOST);
  for (const [index, facts] of instances.entries()) put(ledger, `i${index}`, { ...FACTS, ...facts });
  return ledger;
}

function put(ledger: Ledger, key: string, facts?: InstanceFacts, vcpus = 1n): void {
  const amounts = { vcpus, memoryBytes: 0n, diskBytes: 0n };
  ledger.hold({ key, amounts, overheadMemoryBytes: 0n, devices: [], ...(facts === undefined ? {} : { facts }) });
}

describe('workloads', () => {
  test.each([
    // states, I/O workload, workload
    [{}, 0, 0],
    [{ vmState: 'Building' }, 1, 0],
    [{ vmState: 'building', taskState: 'spawning' }, 1, 1],
    [{ vmState: 'building', taskState: 'resize_migrating' }, 2, 1],
    [{ taskState: 'ResizeMigrating' }, 1, 1],
    [{ taskState: 'resize_prep' }, 1, 1],
    [{ taskState: 'rebuilding' }, 1, 1],
    [{ taskState: 'image_snapshot' }, 1, 1],
    [{ taskState: 'image_backup' }, 1, 1],
    [{ taskState: 'rescuing' }, 1, 1],
    [{ taskState: 'unshelving' }, 1, 1],
    [{ taskState: 'deleting' }, 0, 1],
    [{ taskState: 'powering-off' }, 0, 1],
  ] as const)('of %j: I/O %i, in all %i', (facts, ioWorkload, currentWorkload) => {
    expect(ledgerOf(facts).view().stats).toMatchObject({ ioWorkload, currentWorkload });
  });

  test('ST-06: tasks that only look like I/O do not count as such', () => {
    const tasks = [
      'image_snapshot_pending',
      'image_uploading',
      'rebuild_spawning',
      'resize_migrated',
      'resize_finish',
      'migrating',
      'spawning',
    ];
    expect(ledgerOf(...tasks.map((taskState) => ({ taskState }))).view().stats.ioWorkload).toBe(0);
  });

  test('ST-02: the workload is the number of instances in any task', () => {
    expect(ledgerOf({ taskState: 'spawning' }, { taskState: 'deleting' }, {}).view().stats.currentWorkload).toBe(2);
  });
});

describe('counters', () => {
  test('ST-15: count null under None', () => {
    const { stats } = ledgerOf({ osType: null, project: null, vmState: null }).view();
    expect(stats).toMatchObject({
      byOSType: { None: 1 },
      byProject: { None: 1 },
      byVMState: { None: 1 },
      byTaskState: { None: 1 },
    });
  });

  test('ST-17: move to the new keys when project and OS type change', () => {
    const ledger = ledgerOf({});
    put(ledger, 'i0', { ...FACTS, osType: 'Win', project: '9' });
    expect(ledger.view().stats).toMatchObject({ byOSType: { Win: 1 }, byProject: { 9: 1 } });
  });

  test('vanish at zero', () => {
    const ledger = ledgerOf({});
    ledger.release('i0');
    expect(ledger.view().stats).toEqual(new Ledger(PLAIN_HOST).view().stats);
  });

  test('are sorted by key, so that the same instances give the same text', () => {
    const one = JSON.stringify(ledgerOf({ project: 'b' }, { project: 'a' }).view().stats);
    expect(one).toBe(JSON.stringify(ledgerOf({ project: 'a' }, { project: 'b' }).view().stats));
  });

  test('take any text for a key', () => {
    const { byOSType } = ledgerOf({ osType: '__proto__' }, { osType: '__proto__' }, { osType: 'constructor' }).view()
      .stats;
    expect(Object.entries(byOSType)).toEqual([
      ['__proto__', 2],
      ['constructor', 1],
    ]);
  });

  test('ST-13: a holding without facts counts its vCPUs alone', () => {
    const ledger = ledgerOf({});
    const before = ledger.view().stats;
    put(ledger, 'migration', undefined, 3n);
    expect(ledger.view().stats).toEqual({ ...before, vcpusUsed: 4 });
  });
});
