import { describe, expect, test } from 'vitest';
import { Ledger } from '../../src/ledger/ledger.ts';
import type { ClaimLimits, ClaimRequest, LimitPolicy, RefusalReason } from '../../src/ledger/types.ts';
import { PLAIN_HOST, PLAIN_POLICY } from './hosts.ts';

/** On a host of 10 vCPUs, 100 bytes of memory and 1,000 of disk, of which 4, 40 and 400 are held. */
function ledgerFor(limitPolicy: LimitPolicy): Ledger {
  const host = { ...PLAIN_HOST, policy: { ...PLAIN_POLICY, limitPolicy } };
  const amounts = { vcpus: 4n, memoryBytes: 35n, diskBytes: 400n };
  return new Ledger(host, [{ key: 'held', amounts, overheadMemoryBytes: 5n, devices: [] }]);
}

function asking(vcpus: bigint, memoryBytes: bigint, diskBytes: bigint, limits: ClaimLimits = {}): ClaimRequest {
  return { amounts: { vcpus, memoryBytes, diskBytes }, overheadMemoryBytes: 0n, limits, pciRequests: [] };
}

function reasons(ledger: Ledger, request: ClaimRequest): RefusalReason[] {
  const decision = ledger.test(request);
  return decision.kind === 'rejected' ? decision.refusals.map(({ reason }) => reason) : [];
}

const M = 'InsufficientMemory';
const D = 'InsufficientDisk';
const V = 'InsufficientVCPUs';

describe('a claim', () => {
  test.each([
    // policy, vCPUs, memory, disk, own limits, reasons
    ['Capped', 6n, 60n, 600n, {}, []],
    ['Capped', 7n, 60n, 600n, {}, [V]],
    ['Capped', 6n, 61n, 600n, {}, [M]],
    ['Capped', 6n, 60n, 601n, {}, [D]],
    ['Capped', 7n, 61n, 601n, {}, [M, D, V]],
    ['Capped', 0n, 0n, 0n, {}, []],
    // Its own limit can only tighten the node's.
    ['Capped', 6n, 60n, 600n, { vcpus: 9n }, [V]],
    ['Capped', 5n, 60n, 600n, { vcpus: 9n }, []],
    ['Capped', 7n, 61n, 601n, { vcpus: 99n, memoryBytes: 999n, diskBytes: 9999n }, [M, D, V]],
    ['Capped', 0n, 1n, 0n, { memoryBytes: 0n }, [M]],
    // CL-01: under Nova's rule no limit is no limit.
    ['ClaimOnly', 100_000n, 999_999n, 999_999n, {}, []],
    ['ClaimOnly', 1n, 1n, 1n, { vcpus: 5n, memoryBytes: 41n, diskBytes: 401n }, []],
    ['ClaimOnly', 2n, 2n, 2n, { vcpus: 5n, memoryBytes: 41n, diskBytes: 401n }, [M, D, V]],
    // CL-11, CL-12: zero is a limit. CL-13: a negative rest refuses even nothing.
    ['ClaimOnly', 0n, 0n, 0n, { memoryBytes: 0n }, [M]],
    ['ClaimOnly', 0n, 0n, 0n, { vcpus: 3n, diskBytes: 399n }, [D, V]],
    ['ClaimOnly', 0n, 0n, 0n, { vcpus: 4n, memoryBytes: 40n, diskBytes: 400n }, []],
    ['ClaimOnly', 0n, 0n, 0n, { memoryBytes: -1n }, [M]],
  ] as const satisfies readonly (readonly [
    LimitPolicy,
    bigint,
    bigint,
    bigint,
    ClaimLimits,
    readonly RefusalReason[],
  ])[])(
    'under %s for %s vCPUs, %s memory, %s disk with limits %o fails for %j',
    (policy, vcpus, memory, disk, limits, expected) => {
      expect(reasons(ledgerFor(policy), asking(vcpus, memory, disk, limits))).toEqual(expected);
    },
  );

  test('is told the exact figures of its refusal', () => {
    const decision = ledgerFor('Capped').test({ ...asking(0n, 60n, 0n), overheadMemoryBytes: 1n });
    const refusals = [{ reason: M, requested: 61n, available: 60n, limit: 100n, used: 40n }];
    expect(decision).toEqual({ kind: 'rejected', refusals });
  });

  test('is tested for vCPUs by its own limit alone where the host cannot tell its total', () => {
    const ledger = new Ledger({ ...PLAIN_HOST, totals: { memoryBytes: 100n, diskBytes: 1000n } });
    expect(reasons(ledger, asking(1000n, 0n, 0n))).toEqual([]);
    expect(reasons(ledger, asking(1000n, 0n, 0n, { vcpus: 999n }))).toEqual([V]);
  });

  test('that replaces a holding is tested without it', () => {
    const ledger = ledgerFor('Capped');
    expect(reasons(ledger, { ...asking(10n, 100n, 1000n), replaces: 'held' })).toEqual([]);
    expect(reasons(ledger, { ...asking(10n, 100n, 1000n), replaces: 'nobody' })).toEqual([M, D, V]);
  });

  test('could ever fit if it fits the empty node', () => {
    const ledger = ledgerFor('Capped');
    expect(ledger.couldEverFit(asking(10n, 100n, 1000n)).kind).toBe('granted');
    expect(ledger.couldEverFit(asking(10n, 101n, 1000n)).kind).toBe('rejected');
    expect(ledger.couldEverFit(asking(10n, 100n, 1000n, { memoryBytes: 99n })).kind).toBe('rejected');
  });

  test('counts what is reserved as used', () => {
    const reserved = { vcpus: 0n, memoryBytes: 10n, diskBytes: 0n };
    const ledger = new Ledger({ ...PLAIN_HOST, policy: { ...PLAIN_POLICY, reserved, limitPolicy: 'ClaimOnly' } });
    expect(reasons(ledger, asking(0n, 90n, 0n, { memoryBytes: 100n }))).toEqual([]);
    expect(reasons(ledger, asking(0n, 91n, 0n, { memoryBytes: 100n }))).toEqual([M]);
  });

  test.each([
    ['amounts', { ...asking(-1n, 0n, 0n) }],
    ['overhead', { ...asking(0n, 0n, 0n), overheadMemoryBytes: -1n }],
  ])('below zero in its %s is an error of the caller', (_what, request) => {
    expect(() => ledgerFor('Capped').test(request)).toThrow(RangeError);
  });
});
