import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PciDevice, PciRequest, PciSelector } from '../../src/ledger/types.ts';
import { assigned, hostOf, wanting } from './hosts.ts';
import { canAssign } from './oracle.ts';

/** Up to three PFs of two products with up to three VFs each, of mixed kinds, in two cells. */
const devices: fc.Arbitrary<PciDevice[]> = fc
  .array(
    fc.record({
      product: fc.constantFrom('00a0', '00a1'),
      cell: fc.constantFrom(0, 1),
      functions: fc.array(fc.record({ product: fc.constantFrom('00b0', '00b1'), tags: fc.subarray(['x']) }), {
        maxLength: 3,
      }),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((cards) =>
    cards.flatMap(({ product, cell, functions }, card): PciDevice[] => [
      { address: `0${card}:00.0`, vendorID: '8086', productID: product, deviceType: 'PF', numaNode: cell },
      ...functions.map(
        (vf, index): PciDevice => ({
          address: `0${card}:10.${index}`,
          vendorID: '8086',
          productID: vf.product,
          deviceType: 'VF',
          parentAddress: `0${card}:00.0`,
          numaNode: cell,
          tags: vf.tags,
        }),
      ),
    ]),
  );

const selector: fc.Arbitrary<PciSelector> = fc.oneof(
  fc.record({ deviceType: fc.constantFrom('PF', 'VF') }),
  fc.record({ productID: fc.constantFrom('00a0', '00a1', '00b0', '00b1') }),
  fc.record({ numaNode: fc.constantFrom(0, 1) }),
  fc.record({ address: fc.constantFrom('00:*', '01:*', '*.0', '*.1') }),
  fc.record({ tags: fc.constant(['x']) }),
  fc.constant({}),
);

const requests: fc.Arbitrary<PciRequest[]> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.array(selector, { minLength: 1, maxLength: 2 })), {
    minLength: 1,
    maxLength: 3,
  })
  .map((rows) => rows.map(([count, selectors], index) => ({ name: `r${index}`, count, selectors })));

describe('the choice of devices', () => {
  test('finds an assignment exactly when trying everything finds one', () => {
    const outcomes = { granted: 0, refused: 0 };
    fc.assert(
      fc.property(devices, requests, (host, wanted) => {
        const found = assigned(hostOf(host), wanting(wanted)) !== undefined;
        outcomes[found ? 'granted' : 'refused']++;
        expect(found).toBe(canAssign(wanted, host));
      }),
      { numRuns: 10_000 },
    );
    // Otherwise the property would say little.
    expect(Math.min(outcomes.granted, outcomes.refused)).toBeGreaterThan(1500);
  });

  test('does not depend on the order in which the host reports its devices', () => {
    const shuffled = devices.chain((host) =>
      fc.tuple(fc.constant(host), fc.shuffledSubarray(host, { minLength: host.length })),
    );
    fc.assert(
      fc.property(shuffled, requests, ([host, other], wanted) => {
        expect(assigned(hostOf(other), wanting(wanted))).toEqual(assigned(hostOf(host), wanting(wanted)));
      }),
      { numRuns: 3000 },
    );
  });

  test('keeps an assigned instance on the devices that it has', () => {
    fc.assert(
      fc.property(devices, requests, (host, wanted) => {
        const first = assigned(hostOf(host), wanting(wanted));
        fc.pre(first !== undefined);
        const again = assigned(hostOf(host), { ...wanting(wanted), presentDevices: first });
        expect(again?.toSorted()).toEqual(first.toSorted());
      }),
      { numRuns: 3000 },
    );
  });
});
