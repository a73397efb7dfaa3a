import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ComputeNodeSpec, InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import type { HostReport } from '../../src/drivers/driver.ts';
import type { Observation } from '../../src/protocol/messages.ts';
import { claim } from '../simulation/world/objects.ts';
import { anyClaim, anyInstance, anyNodeSpec, anyReport, conditions } from './arbitrary-objects.ts';
import { faultsOf, statusSchema } from './crd-schema.ts';
import { DrivenTracker } from './driven-tracker.ts';

const NODE = statusSchema('computenodes');
const CLAIM = statusSchema('instanceclaims');
const MAX_BYTES = 64 * 1024;

type Happening =
  | { readonly stored: InstanceClaim }
  | { readonly observed: Observation }
  | { readonly audited: Partial<HostReport> }
  | { readonly spec: ComputeNodeSpec }
  | { readonly waitMs: number };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: anyClaim.map((stored) => ({ stored })) },
  { weight: 2, arbitrary: anyClaim.map((claim) => ({ observed: { kind: 'claimSeen', claim } as const })) },
  anyClaim.map((claim) => ({ observed: { kind: 'claimUnmatched', claim } as const })),
  fc.array(anyClaim, { maxLength: 3 }).map((claims) => ({ observed: { kind: 'claimsListed', claims } as const })),
  anyInstance.map((instance) => ({ observed: { kind: 'instanceSeen', instance } as const })),
  anyInstance.map(({ uuid }) => ({ observed: { kind: 'instanceGone', uuid } as const })),
  anyReport.map((audited) => ({ audited })),
  anyNodeSpec.map((spec) => ({ spec })),
  fc.nat(1e12).map((waitMs) => ({ waitMs })),
);

function happen(driven: DrivenTracker, what: Happening): void {
  if ('stored' in what) driven.see(what.stored);
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
}

/** The gate tries the same every time; other seeds are for whoever looks for more: FUZZ_SEED=$RANDOM. */
const SEED = Number(process.env.FUZZ_SEED ?? 1);

describe('whatever claims, the node and its host say', () => {
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
        const { metadata, ...sound } = claim({ name: 'sound' });
        driven.see({ ...sound, metadata: { ...metadata, uid: 'sound', generation: 1 } });
        for (let turns = 0; turns < 5; turns += 1) turn(driven);
        const { phase, conditions: outcome } = driven.claim('sound').status ?? {};
        const reason = outcome?.find(({ type }) => type === 'Claimed')?.reason;
        expect([phase, reason]).toEqual(
          phase === 'Claimed' ? ['Claimed', 'Claimed'] : ['Rejected', expect.stringMatching(/^Insufficient/)],
        );
      }),
      { numRuns: 400, seed: SEED },
    );
  });
});
