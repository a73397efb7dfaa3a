import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import type { ComputeNodeSpec, InstanceClaim, Migration } from '../../src/api/generated/v1alpha1.ts';
import type { HostReport } from '../../src/drivers/driver.ts';
import type { Observation } from '../../src/protocol/messages.ts';
import { CLAIM_SOURCES, MIGRATION_SOURCES } from '../../src/protocol/sources.ts';
import { claim } from '../simulation/world/objects.ts';
import { anyClaim, anyInstance, anyMigration, anyNodeSpec, anyReport, conditions } from './arbitrary-objects.ts';
import { faultsOf, statusSchema } from './crd-schema.ts';
import { DrivenTracker } from './driven-tracker.ts';

const NODE = statusSchema('computenodes');
const CLAIM = statusSchema('instanceclaims');
const MIGRATION = statusSchema('migrations');
const MAX_BYTES = 64 * 1024;

type Happening =
  | { readonly stored: InstanceClaim }
  | { readonly migrating: Migration }
  | { readonly observed: Observation }
  | { readonly audited: Partial<HostReport> }
  | { readonly spec: ComputeNodeSpec }
  | { readonly waitMs: number };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: anyClaim.map((stored) => ({ stored })) },
  { weight: 2, arbitrary: anyClaim.map((claim) => ({ observed: { kind: 'claimSeen', claim } as const })) },
  anyClaim.map((claim) => ({ observed: { kind: 'claimUnmatched', claim } as const })),
  fc.array(anyClaim, { maxLength: 3 }).map((claims) => ({ observed: { kind: 'claimsListed', claims } as const })),
  { weight: 4, arbitrary: anyMigration.map((migrating) => ({ migrating })) },
  anyMigration.map((migration) => ({ observed: { kind: 'migrationSeen', migration } as const })),
  anyMigration.map((migration) => ({ observed: { kind: 'migrationGone', migration } as const })),
  fc
    .tuple(fc.constantFrom(...MIGRATION_SOURCES), fc.array(anyMigration, { maxLength: 3 }))
    .map(([source, migrations]) => ({ observed: { kind: 'migrationsRelisted', source, migrations } as const })),
  fc
    .tuple(fc.constantFrom(...CLAIM_SOURCES), fc.array(anyClaim, { maxLength: 3 }))
    .map(([source, claims]) => ({ observed: { kind: 'claimsRelisted', source, claims } as const })),
  anyInstance.map((instance) => ({ observed: { kind: 'instanceSeen', instance } as const })),
  anyInstance.map(({ uuid }) => ({ observed: { kind: 'instanceGone', uuid } as const })),
  anyReport.map((audited) => ({ audited })),
  anyNodeSpec.map((spec) => ({ spec })),
  fc.nat(1e12).map((waitMs) => ({ waitMs })),
);

function happen(driven: DrivenTracker, what: Happening): void {
  if ('stored' in what) driven.see(what.stored);
  else if ('migrating' in what) driven.seeMigration(what.migrating);
  else if ('observed' in what) driven.observe(what.observed);
  else if ('audited' in what) driven.audit(what.audited);
  else if ('spec' in what) driven.respec(what.spec);
  else driven.nowMs += what.waitMs;
}

/** Nothing that a turn writes would be refused. */
function turn(driven: DrivenTracker): void {
  const dueMs = driven.turn();
  expect(dueMs ?? 0).not.toBeNaN();
  expect(faultsOf(driven.node.status, NODE)).toEqual([]);
  expect(Buffer.byteLength(JSON.stringify(driven.node.status))).toBeLessThanOrEqual(MAX_BYTES);
  for (const { status } of driven.written) expect(faultsOf(status, CLAIM)).toEqual([]);
  for (const { status } of driven.writtenMigrations) expect(faultsOf(status, MIGRATION)).toEqual([]);
}

/** Decided for good, and not refused for anything but want of room. */
function expectDecided(phase: string | undefined, reason: string | undefined, granted: string): void {
  expect([phase, reason]).toEqual(
    phase === granted ? [granted, 'Claimed'] : ['Rejected', expect.stringMatching(/^Insufficient/)],
  );
}

function expectSoundDecided(driven: DrivenTracker): void {
  const { metadata, ...sound } = claim({ name: 'sound' });
  driven.see({ ...sound, metadata: { ...metadata, uid: 'sound', generation: 1 } });
  for (let turns = 0; turns < 5; turns += 1) turn(driven);
  const { phase, conditions: told } = driven.claim('sound').status ?? {};
  expectDecided(phase, findCondition(told, 'Claimed')?.reason, 'Claimed');
  if (phase === 'Claimed') expectSoundMigrated(driven);
}

/** In place. Others may have left no room in `deciding` or in what is told: in time there is. */
function expectSoundMigrated(driven: DrivenTracker): void {
  const spec = { claimName: 'sound', type: 'Resize', targetNodeName: 'node-a', flavor: { vcpus: 1, memory: '2Gi' } };
  driven.seeMigration({
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'Migration',
    metadata: { name: 'sound', namespace: 'default', uid: 'sound-move', generation: 1 },
    spec: { ...spec, type: 'Resize' },
  });
  for (let turns = 0; turns < 5; turns += 1) turn(driven);
  const { phase, conditions: told } = driven.migration('sound').status ?? {};
  expectDecided(phase, findCondition(told, 'Claimed')?.reason, 'PreMigrating');
}

/** The gate tries the same every time; other seeds are for whoever looks for more: FUZZ_SEED=$RANDOM. */
const SEED = Number(process.env.FUZZ_SEED ?? 1);

describe('whatever claims, migrations, the node and its host say', () => {
  it('nothing throws, the rest is decided, and what is published is what the schema allows', () => {
    fc.assert(
      fc.property(conditions, fc.array(happening, { maxLength: 12 }), (told, happenings) => {
        const driven = new DrivenTracker({ node: { status: { conditions: told } } });
        for (const happens of happenings) {
          happen(driven, happens);
          turn(driven);
        }
        driven.respec({});
        driven.audit();
        expectSoundDecided(driven);
      }),
      { numRuns: 400, seed: SEED },
    );
  });
});
