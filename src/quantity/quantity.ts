/**
 * Exact Kubernetes quantities. Amounts are whole bytes in a `bigint`, ratios are reduced fractions, and nothing here
 * ever passes through a float: `Number('1.1') * 3` is why.
 */

/** A positive rational number in lowest terms, for example 3/2 for `"1.5"`. */
export type Ratio = { readonly numerator: bigint; readonly denominator: bigint };

/** What is wrong with a quantity. */
export type QuantityFault = 'NotAQuantity' | 'NotWhole' | 'OutOfRange';

/** A quantity that cannot be used; the message names it and says what to write instead. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
  readonly fault: QuantityFault;
  readonly input: number | string;

  constructor(fault: QuantityFault, input: number | string, message: string) {
    super(message);
    this.fault = fault;
    this.input = input;
  }
}

const QUANTITY = /^(?<sign>[+-]?)(?<whole>\d*)(?:\.(?<fraction>\d*))?(?<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;
const BINARY_SUFFIXES: readonly string[] = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL_EXPONENTS: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};

const MAX_LENGTH = 64;
/** 1e99 is beyond every amount already; without a bound, `1e999999999` would fill the memory with digits. */
const MAX_EXPONENT = 99;
const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/**
 * Whole bytes of a quantity, negative ones included (free memory may be negative).
 *
 * @throws QuantityError when it is no quantity, has a fraction of a byte, does not fit int64, or is a JSON number that JavaScript cannot hold exactly.
 */
export function parseBytes(quantity: number | string): bigint {
  const { numerator, denominator } = parseExact(quantity, 'an amount of bytes, for example 4Gi, 512Mi or 1073741824');
  if (denominator !== 1n) {
    const above = formatBytes(floorDivide(numerator, denominator) + 1n);
    throw new QuantityError(
      'NotWhole',
      quantity,
      `${show(quantity)} is not a whole number of bytes; write for example ${above}`,
    );
  }
  if (numerator > MAX_INT64 || numerator < MIN_INT64) {
    throw new QuantityError(
      'OutOfRange',
      quantity,
      `${show(quantity)} is too large; amounts must be below 8Ei (2^63 bytes)`,
    );
  }
  return numerator;
}

/**
 * The ratio that a decimal quantity such as `"1.5"`, `16` or `"1500m"` stands for.
 *
 * @throws QuantityError when it is no quantity or not above zero.
 */
export function parseRatio(quantity: number | string): Ratio {
  const ratio = parseExact(quantity, 'a ratio, for example "1.5" or 16');
  if (ratio.numerator <= 0n) {
    throw new QuantityError(
      'OutOfRange',
      quantity,
      `${show(quantity)} is not above zero; write a ratio such as "1.5", or "1" for none`,
    );
  }
  return ratio;
}

/**
 * The one canonical form of an amount: the largest binary suffix that divides it exactly, else the plain number. A sum beyond int64 is a
 * plain number, too: Kubernetes' own quantities read that exactly, and cut off what has a binary suffix.
 */
export function formatBytes(bytes: bigint): string {
  if (bytes > MAX_INT64 || bytes < MIN_INT64) return `${bytes}`;
  let amount = bytes;
  let suffix = '';
  for (const next of BINARY_SUFFIXES) {
    if (amount === 0n || amount % 1024n !== 0n) break;
    amount /= 1024n;
    suffix = next;
  }
  return `${amount}${suffix}`;
}

/** A ratio is written in full up to so many characters: the longest that the API has room for. */
const MAX_PLAIN_RATIO = 32;

/**
 * The one canonical form of a ratio: a plain decimal number without needless zeros; `1.5e-40` where that would be very long.
 *
 * @throws RangeError for a ratio without a finite decimal form, such as 1/3, which {@link parseRatio} never returns.
 */
export function formatRatio(ratio: Ratio): string {
  const digits = decimalDigits(ratio.denominator);
  const scaled = ((ratio.numerator * 10n ** BigInt(digits)) / ratio.denominator).toString().padStart(digits + 1, '0');
  const plain = digits === 0 ? scaled : `${scaled.slice(0, -digits)}.${scaled.slice(-digits)}`;
  return plain.length <= MAX_PLAIN_RATIO ? plain : scientific(scaled, digits);
}

/** `digits` of the whole number are behind the point. */
function scientific(scaled: string, digits: number): string {
  const significant = scaled.replace(/^0+/, '');
  const [first = '', rest = ''] = [significant.slice(0, 1), significant.slice(1).replace(/0+$/, '')];
  return `${first}${rest === '' ? '' : `.${rest}`}e${significant.length - 1 - digits}`;
}

/** `value` x `ratio`, rounded down (towards minus infinity), so that a limit is never above what the ratio allows. */
export function multiplyRoundedDown(value: bigint, ratio: Ratio): bigint {
  return floorDivide(value * ratio.numerator, ratio.denominator);
}

function parseExact(quantity: number | string, expected: string): Ratio {
  if (typeof quantity === 'number') return { numerator: exactInteger(quantity), denominator: 1n };
  const groups = quantity.length <= MAX_LENGTH ? QUANTITY.exec(quantity)?.groups : undefined;
  const { sign = '', whole = '', fraction = '', suffix = '' } = groups ?? {};
  if (groups === undefined || whole + fraction === '') {
    throw new QuantityError('NotAQuantity', quantity, `${show(quantity)} is not a quantity; write ${expected}`);
  }
  const magnitude = scale(BigInt(whole + fraction), fraction.length, suffix, quantity);
  return reduce(sign === '-' ? -magnitude.numerator : magnitude.numerator, magnitude.denominator);
}

function scale(digits: bigint, fractionDigits: number, suffix: string, quantity: string): Ratio {
  const binary = BINARY_SUFFIXES.indexOf(suffix);
  if (binary >= 0)
    return { numerator: digits << BigInt(10 * (binary + 1)), denominator: 10n ** BigInt(fractionDigits) };
  const exponent = decimalExponent(suffix, quantity) - fractionDigits;
  return exponent >= 0
    ? { numerator: digits * 10n ** BigInt(exponent), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-exponent) };
}

function decimalExponent(suffix: string, quantity: string): number {
  if (suffix === '') return 0;
  const exponent = DECIMAL_EXPONENTS[suffix] ?? Number(suffix.slice(1));
  if (Math.abs(exponent) > MAX_EXPONENT) {
    throw new QuantityError('OutOfRange', quantity, `${show(quantity)} has an exponent beyond ${MAX_EXPONENT}`);
  }
  return exponent;
}

function exactInteger(quantity: number): bigint {
  if (Number.isSafeInteger(quantity)) return BigInt(quantity);
  if (Number.isInteger(quantity)) {
    throw new QuantityError(
      'OutOfRange',
      quantity,
      `${quantity} is beyond what a JSON number holds exactly; write it as a string, for example "8Pi"`,
    );
  }
  throw new QuantityError(
    'NotAQuantity',
    quantity,
    `${quantity} is not exact; write a fraction as a string, for example "1.5"`,
  );
}

function reduce(numerator: bigint, denominator: bigint): Ratio {
  const divisor = greatestCommonDivisor(numerator < 0n ? -numerator : numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

function greatestCommonDivisor(left: bigint, right: bigint): bigint {
  return right === 0n ? left : greatestCommonDivisor(right, left % right);
}

/** BigInt division truncates towards zero; -1 / 2 must be -1 here, else a negative amount would grow by rounding. */
function floorDivide(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  return numerator < 0n && quotient * denominator !== numerator ? quotient - 1n : quotient;
}

function decimalDigits(denominator: bigint): number {
  let digits = 0;
  let power = 1n;
  while (power % denominator !== 0n) {
    digits += 1;
    power *= 10n;
    if (digits > MAX_LENGTH + MAX_EXPONENT) throw new RangeError(`1/${denominator} has no finite decimal form`);
  }
  return digits;
}

function show(quantity: number | string): string {
  return typeof quantity === 'number' ? `${quantity}` : JSON.stringify(quantity.slice(0, MAX_LENGTH));
}
