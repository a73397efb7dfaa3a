import { describe, expect, test } from 'vitest';
import { hostLimits, limitOf, remaining } from '../../src/ledger/limits.ts';
import { PLAIN_HOST, PLAIN_POLICY } from './hosts.ts';

describe('the limit of a resource', () => {
  test.each([
    // total, reserved, ratio, limit
    [100n, 0n, [1n, 1n], 100n],
    [100n, 10n, [1n, 1n], 100n],
    [100n, 10n, [3n, 2n], 145n],
    [100n, 0n, [16n, 1n], 1600n],
    [101n, 0n, [1n, 2n], 50n],
    [10n, 0n, [1n, 3n], 3n],
    [0n, 0n, [16n, 1n], 0n],
    // More is reserved than there is: rounded down, that is away from zero.
    [5n, 8n, [1n, 2n], 6n],
    [5n, 8n, [1n, 1n], 5n],
    [0n, 1n, [16n, 1n], -15n],
    // Beyond what a float holds exactly.
    [2n ** 62n + 1n, 0n, [3n, 2n], 6917529027641081857n],
  ] as const)('of %s with %s reserved and ratio %o is %s', (total, reserved, [numerator, denominator], limit) => {
    expect(limitOf(total, reserved, { numerator, denominator })).toBe(limit);
  });

  test('SC-02: is total times ratio where nothing is reserved', () => {
    expect(limitOf(100n, 0n, { numerator: 1n, denominator: 1n })).toBe(100n);
  });

  test('of vCPUs is absent where the host cannot tell how many it has', () => {
    const host = { ...PLAIN_HOST, totals: { memoryBytes: 100n, diskBytes: 1000n } };
    expect(hostLimits(host)).toEqual({ memoryBytes: 100n, diskBytes: 1000n });
    expect(remaining(hostLimits(host), { vcpus: 3n, memoryBytes: 101n, diskBytes: 0n })).toEqual({
      memoryBytes: -1n,
      diskBytes: 1000n,
    });
  });

  test('has each resource by its own ratio and reserve', () => {
    const ratio = (numerator: bigint) => ({ numerator, denominator: 1n });
    const policy = {
      ...PLAIN_POLICY,
      reserved: { vcpus: 1n, memoryBytes: 2n, diskBytes: 3n },
      allocationRatios: { vcpus: ratio(16n), memory: ratio(2n), disk: ratio(1n) },
    };
    expect(hostLimits({ ...PLAIN_HOST, policy })).toEqual({ vcpus: 145n, memoryBytes: 198n, diskBytes: 1000n });
  });
});
