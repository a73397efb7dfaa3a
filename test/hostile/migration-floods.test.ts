import { describe, expect, it } from 'vitest';
import type { InstanceClaim, Migration, MigrationSpec } from '../../src/api/generated/v1alpha1.ts';
import type { Lease } from '../../src/api/lease.ts';
import { type ClaimParts, claim as claimOf } from '../simulation/world/objects.ts';
import { type DrivenParts, DrivenTracker, START_MS } from './driven-tracker.ts';

const MAX_BATCH = 100;
const FLOOD = 3_000;
/** More than the node has. */
const TOO_MUCH = { vcpus: 1, memory: '4Pi' };
const LARGER = { vcpus: 2, memory: '2Gi' };

let created = 0;

function claim(parts: ClaimParts): InstanceClaim {
  created += 1;
  const { metadata, ...rest } = claimOf(parts);
  return { ...rest, metadata: { ...metadata, uid: `uid-${created}`, generation: 1, creationTimestamp: timeOf(0) } };
}

function timeOf(afterSeconds: number): string {
  return new Date(START_MS + afterSeconds * 1000).toISOString().replace('.000', '');
}

function migration(
  name: string,
  afterSeconds: number,
  { namespace = 'default', ...spec }: Partial<MigrationSpec> & { namespace?: string },
): Migration {
  created += 1;
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'Migration',
    metadata: { name, namespace, uid: `m-${created}`, generation: 1, creationTimestamp: timeOf(afterSeconds) },
    spec: { claimName: 'victim', type: 'Resize', targetNodeName: 'node-a', flavor: LARGER, ...spec },
  };
}

function flood(spec: Partial<MigrationSpec>): Migration[] {
  return Array.from({ length: FLOOD }, (_, index) =>
    migration(`flood-${index}`, 1, {
      namespace: 'flood',
      ...spec,
      ...(spec.claimName !== undefined && { claimName: spec.claimName.replace('#', String(index)) }),
    }),
  );
}

/** Claims that the flood is about: one that is here, and one that is elsewhere. */
function claims(): InstanceClaim[] {
  const elsewhere = claim({ name: 'elsewhere', namespace: 'flood', nodeName: 'node-b' });
  const status = { phase: 'Claimed', nodeName: 'node-b', flavor: { vcpus: 1, memory: '1Gi' } } as const;
  return [claim({ name: 'held', namespace: 'flood' }), { ...elsewhere, status }, claim({ name: 'quiet' })];
}

function flooded(migrations: readonly Migration[], parts: DrivenParts = {}): DrivenTracker {
  const driven = new DrivenTracker({ claims: claims(), ...parts });
  driven.settle();
  for (const one of migrations) driven.seeMigration(one);
  return driven;
}

function phaseOf(driven: DrivenTracker, name: string, namespace?: string): string | undefined {
  return driven.migration(name, namespace).status?.phase;
}

function turnsUntil(driven: DrivenTracker, isDone: () => boolean, most: number): number {
  for (let turns = 1; turns <= most; turns += 1) {
    driven.turn();
    if (isDone()) return turns;
  }
  return Number.POSITIVE_INFINITY;
}

/** Requests about migrations that a turn may have under way. */
const MOST = MAX_BATCH / 4;
const ABOUT_MIGRATIONS: ReadonlySet<string> = new Set([
  'writeMigration',
  'ownMigration',
  'readMigration',
  'lookUpClaim',
]);

/** It is looked up, held, gets its owner, and is told. */
const TURNS_OF_ONE = 4;

describe('a tenant whose migrations come by the thousands', () => {
  const rows: readonly [string, Partial<MigrationSpec>][] = [
    ['of one claim, with no room for any', { claimName: 'held', flavor: TOO_MUCH }],
    ['of one claim, with room for each', { claimName: 'held' }],
    ['of one claim on another node', { claimName: 'elsewhere' }],
    ['of claims that are not there', { claimName: 'no-#' }],
    [
      'that ask for an alias that nobody knows',
      { claimName: 'held', pciRequests: [{ name: 'x', count: 1, alias: 'x' }] },
    ],
    ['that are aborted before they are taken up', { claimName: 'held', decision: 'Abort' }],
  ];

  it.each(rows)('%s, delays nobody else, neither a claim nor a migration', (_what, spec) => {
    const driven = flooded(flood(spec));
    driven.see(claim({ name: 'later' }));
    driven.seeMigration(migration('mine', 60, { claimName: 'quiet' }));
    driven.turn();
    expect(driven.claim('later').status?.phase).toBe('Claimed');
    const turns = turnsUntil(driven, () => phaseOf(driven, 'mine') === 'PreMigrating', 10);
    expect(turns).toBeLessThanOrEqual(TURNS_OF_ONE);
  });

  it.each(rows)('%s, has all of them decided, by few requests at a time and in all', (_what, spec) => {
    const driven = flooded(flood(spec));
    let all = 0;
    let isQuiet = false;
    for (let turns = 0; turns < (3 * FLOOD) / MOST && !isQuiet; turns += 1) {
      driven.turn();
      const asked = driven.asked.filter((kind) => ABOUT_MIGRATIONS.has(kind)).length;
      // A turn's writes are answered at once here, and the lookups that they make room for come in the next one.
      expect(asked).toBeLessThanOrEqual(MOST);
      all += asked;
      isQuiet = driven.asked.length === 0;
    }
    const pending = [...driven.migrations.values()].filter(({ status }) => (status?.phase ?? 'Pending') === 'Pending');
    expect(pending).toEqual([]);
    expect(all).toBeLessThanOrEqual(2 * FLOOD + 2);
  });

  it('and who has hundreds of namespaces for it delays the others by one round of all of them', () => {
    const namespaces = Array.from({ length: 300 }, (_, index) => `flood-${index}`);
    const many = namespaces.flatMap((namespace) =>
      Array.from({ length: 10 }, (_, index) => migration(`m-${index}`, 0, { namespace, claimName: `no-${index}` })),
    );
    const driven = flooded(many);
    driven.seeMigration(migration('mine', 60, { claimName: 'quiet' }));
    const turns = turnsUntil(driven, () => phaseOf(driven, 'mine') === 'PreMigrating', 100);
    // Each is looked up first.
    expect(turns).toBeLessThanOrEqual(TURNS_OF_ONE + (2 * namespaces.length) / MOST);
  });

  it('is served oldest first among its own', () => {
    const aged = flood({ claimName: 'held', flavor: TOO_MUCH }).slice(0, 300);
    const driven = flooded(
      aged.map((one, index) => ({ ...one, metadata: { ...one.metadata, creationTimestamp: timeOf(300 - index) } })),
    );
    driven.turn();
    expect(driven.writtenMigrations[0]?.metadata.name).toBe('flood-299');
  });
});

describe('evacuations by the thousands that wait until it is known whether the source is dead', () => {
  const peer: Lease = { metadata: { name: 'node-b', resourceVersion: '7' }, spec: { leaseDurationSeconds: 40 } };
  const waiting = () => flood({ claimName: 'elsewhere', type: 'Evacuation', flavor: undefined as never });

  it('do not delay another one of the same namespace', () => {
    const driven = flooded(waiting(), { peer });
    driven.settle();
    driven.seeMigration(migration('mine', 60, { namespace: 'flood', claimName: 'held' }));
    expect(turnsUntil(driven, () => phaseOf(driven, 'mine', 'flood') === 'PreMigrating', 10)).toBeLessThanOrEqual(4);
  });

  it('cost one read of its Lease every five seconds, and no other request', () => {
    const driven = flooded(waiting(), { peer });
    driven.settle();
    driven.nowMs += 5_000;
    driven.turn();
    expect(driven.asked).toEqual(['readPeer']);
    driven.turn();
    expect(driven.asked).toEqual([]);
  });

  it('are decided once it is dead: one is held, and the others are refused', () => {
    const driven = flooded(waiting(), { peer });
    driven.settle();
    for (let looks = 0; looks < 10; looks += 1) {
      driven.nowMs += 5_000;
      driven.turn();
    }
    driven.settle();
    const phases = [...driven.migrations.values()].map(({ status }) => status?.phase);
    expect(phases.filter((phase) => phase === 'PreMigrating')).toHaveLength(1);
    expect(phases.filter((phase) => phase === 'Rejected')).toHaveLength(FLOOD - 1);
  });
});

describe('migrations whose status the API server never accepts', () => {
  it('delay nobody else, however many they are and however long the pauses between tries', () => {
    const driven = flooded(flood({ claimName: 'no-#' }), { refuses: (name) => name.startsWith('flood-') });
    driven.settle();
    driven.seeMigration(migration('mine', 60, { claimName: 'quiet' }));
    driven.settle();
    expect(phaseOf(driven, 'mine')).toBe('PreMigrating');
  });
});

it('a resize in place that nobody ends does not keep what was granted for a time', () => {
  const driven = new DrivenTracker({ claims: [claim({ name: 'victim', expirationSeconds: 600 })] });
  driven.settle();
  driven.seeMigration(migration('for-good', 60, {}));
  driven.settle();
  expect(phaseOf(driven, 'for-good')).toBe('PreMigrating');
  driven.nowMs += 700_000;
  driven.settle();
  expect(driven.claim('victim').status).toMatchObject({ phase: 'Expired' });
  expect(driven.claim('victim').status).not.toHaveProperty('migration');
  expect(phaseOf(driven, 'for-good')).toBe('Failed');
  expect(driven.node.status?.used?.vcpus).toBe(0);
});
