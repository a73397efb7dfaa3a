/**
 * Reads what the schema should have checked. What cannot be read is undefined and never an exception: one object that slipped through (a
 * status that anyone with the right may write, a schema that was loosened) must not end the accounting of all others.
 */
import type { Flavor } from '../api/generated/v1alpha1.ts';
import type { Amounts } from '../ledger/amounts.ts';
import { parseBytes, parseRatio, QuantityError, type Ratio } from '../quantity/quantity.ts';

type Quantity = number | string;

/** Bytes that are not negative. */
export function bytesOf(quantity: Quantity | undefined): bigint | undefined {
  const bytes = read(quantity, parseBytes);
  return bytes !== undefined && bytes >= 0n ? bytes : undefined;
}

/** A whole number that is not negative. */
export function countOf(count: number | undefined): bigint | undefined {
  return Number.isSafeInteger(count) && Number(count) >= 0 ? BigInt(Number(count)) : undefined;
}

/** As the schema has it: no limit is so large then that its figure could not be written. */
const MAX_RATIO = 1000n;

/** A ratio above zero. */
export function ratioOf(quantity: Quantity | undefined): Ratio | undefined {
  const ratio = read(quantity, parseRatio);
  return ratio !== undefined && ratio.numerator <= MAX_RATIO * ratio.denominator ? ratio : undefined;
}

/** vCPUs, memory, and root plus ephemeral disk of a flavor; undefined where any of them cannot be read. */
export function readableAmounts(flavor: Flavor | undefined): Amounts | undefined {
  const vcpus = countOf(flavor?.vcpus);
  const memoryBytes = bytesOf(flavor?.memory);
  const rootBytes = bytesOf(flavor?.rootDisk ?? 0);
  const ephemeralBytes = bytesOf(flavor?.ephemeralDisk ?? 0);
  if (vcpus === undefined || memoryBytes === undefined || rootBytes === undefined || ephemeralBytes === undefined)
    return undefined;
  return { vcpus, memoryBytes, diskBytes: rootBytes + ephemeralBytes };
}

function read<T>(quantity: Quantity | undefined, parse: (quantity: Quantity) => T): T | undefined {
  if (quantity === undefined) return undefined;
  try {
    return parse(quantity);
  } catch (error) {
    if (error instanceof QuantityError) return undefined;
    throw error;
  }
}
