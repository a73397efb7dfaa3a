import fc from 'fast-check';
import { expect, it } from 'vitest';
import { backoffDelayMs } from '../../../src/drivers/libvirt/backoff.ts';

const OPTIONS = { initialDelayMs: 500, maxDelayMs: 30_000 };

it.each([
  [0, 250, 500],
  [1, 500, 1_000],
  [3, 2_000, 4_000],
  [6, 15_000, 30_000],
  [1_000, 15_000, 30_000],
])('attempt %i waits between %i and %i ms', (attempt, least, most) => {
  expect(backoffDelayMs(OPTIONS, attempt, 0)).toBe(least);
  expect(backoffDelayMs(OPTIONS, attempt, 1)).toBe(most);
});

it('no attempt waits longer than the bound or not at all', () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
      const waitMs = backoffDelayMs(OPTIONS, attempt, random);
      return waitMs >= OPTIONS.initialDelayMs / 2 && waitMs <= OPTIONS.maxDelayMs;
    }),
  );
});
