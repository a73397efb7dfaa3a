import { describe, expect, it } from 'vitest';
import type { InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { type ClaimParts, claim as claimOf, GIBIBYTE } from '../simulation/world/objects.ts';
import { DrivenTracker, START_MS } from './driven-tracker.ts';

const MAX_BATCH = 100;
/** More than the node has. */
const TOO_MUCH = { memoryMi: 2 ** 31 };

let created = 0;

/** Created that many seconds after the start, as the API server stores it. */
function claim(afterSeconds: number, parts: ClaimParts): InstanceClaim {
  created += 1;
  const { metadata, ...rest } = claimOf(parts);
  const creationTimestamp = new Date(START_MS + afterSeconds * 1000).toISOString().replace('.000', '');
  return { ...rest, metadata: { ...metadata, uid: `uid-${created}`, generation: 1, creationTimestamp } };
}

function flood(count: number, parts: Omit<ClaimParts, 'name'>): InstanceClaim[] {
  return Array.from({ length: count }, (_, index) =>
    claim(0, { name: `flood-${index}`, namespace: 'flood', ...parts }),
  );
}

/** Memory for 8 claims of 1 GiB. */
const SMALL = { report: { totals: { vcpus: 8n, memoryBytes: 8n * GIBIBYTE, diskBytes: GIBIBYTE } } };

function phaseOf(driven: DrivenTracker, name: string): string | undefined {
  return driven.claim(name).status?.phase;
}

function turnsUntil(driven: DrivenTracker, isDone: () => boolean, most: number): number {
  for (let turns = 1; turns <= most; turns += 1) {
    driven.turn();
    if (isDone()) return turns;
  }
  return Number.POSITIVE_INFINITY;
}

describe('a tenant whose claims come by the thousands', () => {
  const rows: readonly [string, Partial<ClaimParts>, Partial<ClaimParts>][] = [
    ['are refused delays a claim of another one by two batches at most', TOO_MUCH, {}],
    ['are granted, too', { memoryMi: 1 }, {}],
    ['are refused, a claim that waits, too', TOO_MUCH, { whenInsufficient: 'Wait' }],
    ['wait in vain delays nobody who does not wait', { memoryMi: 9 * 1024, whenInsufficient: 'Wait' }, {}],
    ['wait and are refused, as they can never fit, delays nobody', { ...TOO_MUCH, whenInsufficient: 'Wait' }, {}],
  ];
  it.each(rows)('and %s', (_what, parts, other) => {
    const driven = new DrivenTracker({ claims: flood(3_000, parts) });
    driven.see(claim(60, { name: 'quiet', ...other }));
    expect(turnsUntil(driven, () => phaseOf(driven, 'quiet') === 'Claimed', 30)).toBeLessThanOrEqual(2);
  });

  it('and who has hundreds of namespaces for it delays the others by one round of all of them', () => {
    const namespaces = Array.from({ length: 300 }, (_, index) => `flood-${index}`);
    const claims = namespaces.flatMap((namespace) => flood(10, { namespace, ...TOO_MUCH }));
    const driven = new DrivenTracker({ claims });
    driven.see(claim(60, { name: 'quiet' }));
    const turns = turnsUntil(driven, () => phaseOf(driven, 'quiet') === 'Claimed', 30);
    expect(turns).toBeLessThanOrEqual(1 + Math.ceil(namespaces.length / MAX_BATCH));
  });

  it('gets all of them decided, by full batches', () => {
    const driven = new DrivenTracker({ claims: flood(3_000, TOO_MUCH) });
    expect(driven.settle()).toBeLessThanOrEqual(32);
    expect(driven.decided).toHaveLength(3_000);
  });

  it('is served oldest first among its own', () => {
    const claims = flood(300, TOO_MUCH).map((of, index) => ({
      ...of,
      metadata: { ...of.metadata, creationTimestamp: new Date(START_MS + (300 - index) * 1000).toISOString() },
    }));
    const driven = new DrivenTracker({ claims });
    driven.turn();
    expect(driven.written[0]?.metadata.name).toBe('flood-299');
  });
});

describe('10,000 claims that wait', () => {
  const WAITERS = 10_000;

  it('are told why by a quarter as many writes at a time as a batch has, and all of them in the end', () => {
    const driven = new DrivenTracker({
      ...SMALL,
      claims: [claim(0, { name: 'full', memoryMi: 8 * 1024 }), ...flood(WAITERS, { whenInsufficient: 'Wait' })],
    });
    let most = 0;
    for (let turns = 0; turns < 5 * (WAITERS / MAX_BATCH); turns += 1) {
      driven.turn();
      most = Math.max(most, driven.written.length);
    }
    // The notes, and the one grant of the first turn.
    expect(most).toBeLessThanOrEqual(MAX_BATCH / 4 + 1);
    const told = [...driven.claims.values()].filter(({ status }) => status?.conditions !== undefined);
    expect(told).toHaveLength(WAITERS + 1);
    expect(driven.settle(5)).toBeLessThanOrEqual(5);
  });

  it('are served first come first served when room appears', () => {
    const driven = new DrivenTracker({ ...SMALL, claims: [claim(0, { name: 'full', memoryMi: 8 * 1024 })] });
    driven.settle();
    for (let index = 0; index < 1_000; index += 1)
      driven.see(claim(1 + index, { name: `w${index}`, memoryMi: 1024, whenInsufficient: 'Wait' }));
    driven.settle();
    driven.delete('full');
    driven.settle();
    const granted = driven.decided.filter(({ phase }) => phase === 'Claimed').map(({ ref }) => ref.name);
    expect(granted.slice(1)).toEqual(['w0', 'w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7']);
  });

  it('do not keep one of them, far behind, from giving up when its time is over', () => {
    const driven = new DrivenTracker({
      ...SMALL,
      claims: [claim(0, { name: 'full', memoryMi: 8 * 1024 }), ...flood(WAITERS, { whenInsufficient: 'Wait' })],
    });
    driven.see(claim(60, { name: 'patient', whenInsufficient: 'Wait', waitSeconds: 600 }));
    driven.settle();
    const dueMs = driven.turn();
    expect(dueMs).toBe(START_MS + 661_000);
    driven.nowMs = START_MS + 661_000;
    driven.turn();
    expect(phaseOf(driven, 'patient')).toBe('Rejected');
  });

  it('do not keep one that can never fit, far behind, from hearing it at once', () => {
    const driven = new DrivenTracker({
      ...SMALL,
      claims: [claim(0, { name: 'full', memoryMi: 8 * 1024 }), ...flood(1_000, { whenInsufficient: 'Wait' })],
    });
    driven.settle();
    driven.see(claim(60, { name: 'giant', ...TOO_MUCH, whenInsufficient: 'Wait' }));
    driven.turn();
    expect(phaseOf(driven, 'giant')).toBe('Rejected');
  });

  it('are looked at again after an audit, and cost no write then', () => {
    const driven = new DrivenTracker({
      ...SMALL,
      claims: [claim(0, { name: 'full', memoryMi: 8 * 1024 }), ...flood(2_000, { whenInsufficient: 'Wait' })],
    });
    driven.settle();
    driven.audit();
    let writes = 0;
    for (let turns = 0; turns < 10; turns += 1) {
      driven.turn();
      writes += driven.written.length;
    }
    expect(writes).toBe(0);
  });
});

describe('what is remembered of a claim', () => {
  it('has none of its labels and annotations, and neither has what is written', () => {
    const driven = new DrivenTracker();
    const seen = claim(0, { name: 'a' });
    const annotations = { note: 'x'.repeat(200_000) };
    driven.see({ ...seen, metadata: { ...seen.metadata, annotations, labels: { app: 'a' } } });
    driven.turn();
    expect(driven.written).toHaveLength(1);
    expect(JSON.stringify(driven.written).length).toBeLessThan(2_000);
  });
});

describe('claims whose status the API server never accepts', () => {
  it('delay nobody else, however many they are and however long the pauses between tries', () => {
    const driven = new DrivenTracker({ refuses: (name) => name.startsWith('flood-') });
    for (const one of flood(500, { memoryMi: 1 })) driven.see(one);
    driven.settle();
    driven.see(claim(60, { name: 'mine' }));
    driven.settle();
    expect(phaseOf(driven, 'mine')).toBe('Claimed');
  });

  it('delay nobody else of those that wait either', () => {
    const driven = new DrivenTracker({ refuses: (name) => name.startsWith('flood-') });
    for (const one of flood(500, { memoryMi: 1, whenInsufficient: 'Wait' })) driven.see(one);
    driven.settle();
    driven.see(claim(60, { name: 'mine', whenInsufficient: 'Wait' }));
    driven.settle();
    expect(phaseOf(driven, 'mine')).toBe('Claimed');
  });
});
