import type { Amounts } from './amounts.ts';
import type { ClaimRequest, Holding, Host } from './types.ts';

/** Asserts what callers must see to: no amount below zero, so that no sum can get there. (A limit may be.) Throws RangeError. */
export function checkRequest({ amounts, overheadMemoryBytes }: ClaimRequest): void {
  checkAmounts(amounts, 'amounts');
  check(overheadMemoryBytes, 'overheadMemoryBytes');
}

/** See checkRequest. */
export function checkHolding({ amounts, overheadMemoryBytes, key }: Holding): void {
  checkAmounts(amounts, `amounts of ${key}`);
  check(overheadMemoryBytes, `overheadMemoryBytes of ${key}`);
}

/** See checkRequest; ratios must be above zero as well. */
export function checkHost({ totals, policy }: Host): void {
  checkAmounts(totals, 'totals');
  checkAmounts(policy.reserved, 'reserved');
  for (const [name, { numerator, denominator }] of Object.entries(policy.allocationRatios)) {
    if (numerator <= 0n || denominator <= 0n) throw new RangeError(`allocation ratio of ${name} is not above zero`);
  }
}

function checkAmounts(amounts: Partial<Amounts>, what: string): void {
  check(amounts.vcpus ?? 0n, `${what}: vcpus`);
  check(amounts.memoryBytes ?? 0n, `${what}: memoryBytes`);
  check(amounts.diskBytes ?? 0n, `${what}: diskBytes`);
}

function check(value: bigint, what: string): void {
  if (value < 0n) throw new RangeError(`${what} is below zero: ${value}`);
}
