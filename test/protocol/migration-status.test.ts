import { describe, expect, it } from 'vitest';
import type { InstanceClaim, Migration } from '../../src/api/generated/v1alpha1.ts';
import { locked, moved, unlocked } from '../../src/protocol/migration-status.ts';
import { claim } from '../simulation/world/objects.ts';

const FLAVOR = { vcpus: 4, memory: '4Gi' };
const MIGRATION: Migration = {
  apiVersion: 'resourcetracker.dev/v1alpha1',
  kind: 'Migration',
  metadata: { name: 'move', uid: 'm' },
  spec: { claimName: 'web', type: 'Resize', targetNodeName: 'node-b', flavor: FLAVOR },
};
const BERTH = { newFlavor: FLAVOR, overheadMemoryBytes: 160n << 20n, pciDevices: [] };
const [SOURCE, TARGET] = ['a', 'b'].map((name) => ({ nodeName: `node-${name}`, hostname: `host-${name}` }));

function claimed(): InstanceClaim {
  const status = {
    phase: 'Claimed',
    nodeName: 'node-a',
    flavor: { vcpus: 2, memory: '2Gi' },
    overhead: { memory: '48Mi' },
  } as const;
  return { ...claim({ name: 'web' }), status };
}

describe('the overhead of a migrating instance', () => {
  const before = { ...claimed(), status: locked(claimed(), MIGRATION, BERTH) };
  const lock = before.status.migration;
  if (lock === undefined || SOURCE === undefined || TARGET === undefined) throw new Error('it is locked');
  // By now the target would ask for another one: what is held stays what it is.
  const after = { ...before, status: moved(before, lock, TARGET, 999n) };

  it('is told of both sides from the lock on', () => {
    expect([before.status.overhead, lock.overhead]).toEqual([{ memory: '48Mi' }, { memory: '160Mi' }]);
  });

  it('changes sides with the instance', () => {
    expect([after.status.overhead, after.status.migration?.overhead]).toEqual([
      { memory: '160Mi' },
      { memory: '48Mi' },
    ]);
  });

  it('comes back when it is undone, and stays when it is confirmed', () => {
    const moveLock = after.status.migration;
    if (moveLock === undefined) throw new Error('it is locked');
    expect(unlocked(after, moveLock, 'Source', TARGET, 999n).overhead).toEqual({ memory: '48Mi' });
    expect(unlocked(after, moveLock, 'Target', TARGET, 999n).overhead).toEqual({ memory: '160Mi' });
    expect(unlocked(before, lock, 'Source', TARGET, 999n).overhead).toEqual({ memory: '48Mi' });
  });

  it('is computed where a lock does not tell it', () => {
    const { overhead: _overhead, ...silent } = lock;
    expect(moved(before, silent, TARGET, 7n << 20n).overhead).toEqual({ memory: '7Mi' });
  });
});
