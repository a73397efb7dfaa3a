import { describe, expect, it } from 'vitest';
import type {
  InstanceClaim,
  InstanceClaimStatus,
  Migration,
  MigrationLock,
  MigrationSpec,
  MigrationStatus,
} from '../../src/api/generated/v1alpha1.ts';
import type { Lease } from '../../src/api/lease.ts';
import { DrivenTracker, START_MS } from '../hostile/driven-tracker.ts';
import { type ClaimParts, claim as claimOf, GIBIBYTE } from '../simulation/world/objects.ts';

const FLAVOR = { vcpus: 1, memory: '1Gi' };
const ALIVE: Lease = { metadata: { name: 'node-b', resourceVersion: '7' }, spec: { leaseDurationSeconds: 40 } };

function timeOf(afterSeconds: number): string {
  return new Date(START_MS + afterSeconds * 1000).toISOString().replace('.000', '');
}

function claim(parts: ClaimParts, status?: InstanceClaimStatus): InstanceClaim {
  const { metadata, ...rest } = claimOf(parts);
  const stored = { ...metadata, uid: `uid-${metadata.name}`, generation: 1, creationTimestamp: timeOf(0) };
  return { ...rest, metadata: stored, ...(status !== undefined && { status }) };
}

function elsewhere(migration?: MigrationLock): InstanceClaim {
  const lock = migration === undefined ? {} : { migration };
  return claim({ name: 'db', nodeName: 'node-b' }, { phase: 'Claimed', nodeName: 'node-b', flavor: FLAVOR, ...lock });
}

function migration(name: string, spec: Partial<MigrationSpec> = {}, status?: MigrationStatus): Migration {
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'Migration',
    metadata: { name, namespace: 'default', uid: `m-${name}`, generation: 1, creationTimestamp: timeOf(60) },
    spec: { claimName: 'db', type: 'ColdMigration', targetNodeName: 'node-a', ...spec },
    ...(status !== undefined && { status }),
  };
}

/** To node-b, from here. */
const LOCK: MigrationLock = {
  uid: 'm-away',
  name: 'away',
  sourceNodeName: 'node-a',
  targetNodeName: 'node-b',
  oldFlavor: FLAVOR,
  newFlavor: FLAVOR,
};
const FINISHED: MigrationStatus = { phase: 'Finished', claimUID: 'uid-db', sourceNodeName: 'node-a' };

describe('a watch of claims that is behind', () => {
  it('does not have a migration back refused for the one before, which has ended by now', () => {
    const away = migration('away', { targetNodeName: 'node-b' }, FINISHED);
    const locked = elsewhere({ ...LOCK, arrived: true });
    const driven = new DrivenTracker({ claims: [locked], migrations: [away], peer: ALIVE });
    driven.settle();
    driven.changeUnseen(elsewhere());
    driven.seeMigration(migration('back'));
    driven.settle();
    expect(driven.migration('back').status?.phase).toBe('PreMigrating');
  });

  it('has a refusal that is due all the same told after one look at the claim', () => {
    const driven = new DrivenTracker({ claims: [claim({ name: 'db', nodeName: 'node-a' })] });
    driven.settle();
    driven.seeMigration(migration('same'));
    driven.turn();
    expect(driven.asked).toEqual(['lookUpClaim']);
    driven.turn();
    expect(driven.asked).toEqual(['writeMigration']);
    expect(driven.migration('same').status?.conditions).toMatchObject([{ reason: 'SameNode' }]);
  });

  it('does not have the claim looked up again and again while it does not show a lock', () => {
    const driven = new DrivenTracker();
    driven.settle();
    driven.changeUnseen(elsewhere(LOCK));
    driven.seeMigration(migration('away', { targetNodeName: 'node-b' }, FINISHED));
    const asked: string[] = [];
    for (let turns = 0; turns < 20; turns += 1) {
      driven.turn();
      asked.push(...driven.asked);
    }
    expect(asked.filter((kind) => kind === 'lookUpClaim')).toHaveLength(1);
    expect(driven.node.status?.used?.vcpus).toBe(1);
  });
});

it('a migration is not refused for want of what a claim held that was deleted before', () => {
  const totals = { vcpus: 64n, memoryBytes: 4n * GIBIBYTE, diskBytes: 1n << 50n };
  const driven = new DrivenTracker({
    claims: [claim({ name: 'full', memoryMi: 3_500 }), elsewhere()],
    report: { totals },
  });
  driven.settle();
  expect(driven.claim('full').status?.phase).toBe('Claimed');
  driven.delayReads();
  driven.delete('full');
  driven.seeMigration(migration('come'));
  driven.settle();
  expect(driven.migration('come').status?.phase).toBeUndefined();
  driven.answerReads();
  driven.settle();
  expect(driven.migration('come').status?.phase).toBe('PreMigrating');
});
