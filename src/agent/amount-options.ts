/** Reads amounts of bytes and ratios of the configuration. Each throws an Error whose message says what to write. */
import { parseBytes, parseRatio, type Ratio } from '../quantity/quantity.ts';

export const bytes = (value: unknown): bigint => {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new Error('must be an amount of bytes, for example 512Mi');
  const amount = parseBytes(value);
  if (amount < 0n) throw new Error('must not be negative; write for example 512Mi');
  return amount;
};

export const ratio = (value: unknown): Ratio => {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new Error('must be a decimal number, for example 1.5');
  // YAML reads 1.5 as a number; its text is the decimal that was meant.
  const read = parseRatio(String(value));
  if (read.numerator <= 0n) throw new Error('must be more than zero, for example 1.5');
  // As in ComputeNode.spec: what cannot be published must not be in force.
  if (read.numerator > 1000n * read.denominator) throw new Error('must be at most 1000');
  if (String(value).length > 16) throw new Error('must have at most 16 characters, for example 1.5');
  return read;
};
