import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatBytes,
  formatRatio,
  multiplyRoundedDown,
  parseBytes,
  parseRatio,
  QuantityError,
  type QuantityFault,
} from '../../src/quantity/quantity.ts';

/** What Kubernetes' own quantity() makes of these; test/integration/crd-validation asks a real API server about the same forms. */
const WHOLE: readonly (readonly [input: number | string, bytes: bigint, canonical: string])[] = [
  [0, 0n, '0'],
  ['-0', 0n, '0'],
  [1, 1n, '1'],
  [1024, 1024n, '1Ki'],
  ['1', 1n, '1'],
  ['+4Gi', 4n << 30n, '4Gi'],
  ['-4Gi', -(4n << 30n), '-4Gi'],
  ['4096Mi', 4n << 30n, '4Gi'],
  ['1.5Gi', 1536n << 20n, '1536Mi'],
  ['.5Ki', 512n, '512'],
  ['1.', 1n, '1'],
  ['007', 7n, '7'],
  ['0.0010k', 1n, '1'],
  ['4000m', 4n, '4'],
  ['2000000u', 2n, '2'],
  ['3000000000n', 3n, '3'],
  ['1k', 1000n, '1000'],
  ['1M', 10n ** 6n, '1000000'],
  ['1G', 10n ** 9n, '1000000000'],
  ['1T', 10n ** 12n, '976562500Ki'],
  ['1P', 10n ** 15n, '976562500000Ki'],
  ['1E', 10n ** 18n, '976562500000000Ki'],
  ['1e3', 1000n, '1000'],
  ['1E3', 1000n, '1000'],
  ['1e+3', 1000n, '1000'],
  ['5000e-3', 5n, '5'],
  ['1Ti', 1n << 40n, '1Ti'],
  ['102400Gi', 100n << 40n, '100Ti'],
  ['7Ei', 7n << 60n, '7Ei'],
  ['7.5Ei', 15n << 59n, '7680Pi'],
  [9_007_199_254_740_991, 2n ** 53n - 1n, '9007199254740991'],
  ['9007199254740993', 2n ** 53n + 1n, '9007199254740993'],
  ['9223372036854775807', 2n ** 63n - 1n, '9223372036854775807'],
  ['-8Ei', -(2n ** 63n), '-8Ei'],
];

const REFUSED: readonly (readonly [input: number | string, fault: QuantityFault, message: string])[] = [
  ['0.5', 'NotWhole', '"0.5" is not a whole number of bytes; write for example 1'],
  ['100m', 'NotWhole', '"100m" is not a whole number of bytes; write for example 1'],
  ['-0.5', 'NotWhole', '"-0.5" is not a whole number of bytes; write for example 0'],
  ['0.1Ki', 'NotWhole', '"0.1Ki" is not a whole number of bytes; write for example 103'],
  ['1.0000000001', 'NotWhole', '"1.0000000001" is not a whole number of bytes; write for example 2'],
  ['9223372036854775808', 'OutOfRange', '"9223372036854775808" is too large; amounts must be below 8Ei (2^63 bytes)'],
  ['8Ei', 'OutOfRange', '"8Ei" is too large; amounts must be below 8Ei (2^63 bytes)'],
  ['1e30', 'OutOfRange', '"1e30" is too large; amounts must be below 8Ei (2^63 bytes)'],
  ['1e999999999', 'OutOfRange', '"1e999999999" has an exponent beyond 99'],
  [
    2 ** 53,
    'OutOfRange',
    '9007199254740992 is beyond what a JSON number holds exactly; write it as a string, for example "8Pi"',
  ],
  [1.5, 'NotAQuantity', '1.5 is not exact; write a fraction as a string, for example "1.5"'],
  [Number.NaN, 'NotAQuantity', 'NaN is not exact; write a fraction as a string, for example "1.5"'],
  ...[
    '',
    ' ',
    '.',
    '-',
    'Gi',
    '4GB',
    '4 Gi',
    '4gi',
    '4K',
    '1e',
    '1e1.5',
    '1Ki5',
    '--1',
    '0x10',
    '1_000',
    '٤',
    '4Gi\n',
  ].map(
    (text) =>
      [
        text,
        'NotAQuantity',
        `${JSON.stringify(text)} is not a quantity; write an amount of bytes, for example 4Gi, 512Mi or 1073741824`,
      ] as const,
  ),
];

const RATIOS: readonly (readonly [
  input: number | string,
  numerator: bigint,
  denominator: bigint,
  canonical: string,
])[] = [
  ['1.5', 3n, 2n, '1.5'],
  ['1500m', 3n, 2n, '1.5'],
  ['1.50', 3n, 2n, '1.5'],
  [16, 16n, 1n, '16'],
  ['0.001', 1n, 1000n, '0.001'],
  ['1e-3', 1n, 1000n, '0.001'],
  ['1k', 1000n, 1n, '1000'],
  ['0.0000000001', 1n, 10n ** 10n, '0.0000000001'],
];

describe('An amount of bytes', () => {
  test.each(WHOLE)('%s is %d bytes, written %s.', (input, bytes, canonical) => {
    expect(parseBytes(input)).toBe(bytes);
    expect(formatBytes(bytes)).toBe(canonical);
  });

  test.each(REFUSED)('%j is refused: %s.', (input, fault, message) => {
    expect(faultOf(() => parseBytes(input))).toEqual({ fault, input, message });
  });

  test('comes back from its canonical form as it was.', () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (bytes) => {
        expect(parseBytes(formatBytes(bytes))).toBe(bytes);
      }),
    );
  });

  test('has one canonical form, which no larger unit could replace.', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1023 }), fc.integer({ min: 0, max: 5 }), (count, unit) => {
        const bytes = BigInt(count) << BigInt(10 * unit);
        expect(formatBytes(bytes)).toBe(`${count}${['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'][unit]}`);
      }),
    );
  });

  test('with a fraction is what the long way round says: digits x unit / 10^digits.', () => {
    const digits = fc.stringMatching(/^[0-9]{1,9}$/);
    fc.assert(
      fc.property(digits, digits, fc.integer({ min: 0, max: 3 }), (whole, fraction, unit) => {
        const scaled = BigInt(whole + fraction) << BigInt(10 * unit);
        const power = 10n ** BigInt(fraction.length);
        const quantity = `${whole}.${fraction}${['', 'Ki', 'Mi', 'Gi'][unit]}`;
        if (scaled % power === 0n) expect(parseBytes(quantity)).toBe(scaled / power);
        else expect(faultOf(() => parseBytes(quantity)).fault).toBe('NotWhole');
      }),
    );
  });

  test('is either read or refused with a QuantityError, whatever the text.', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[+-]?[0-9.]{0,8}[a-zA-Z]{0,2}[0-9]{0,9}$/)), (text) => {
        try {
          parseBytes(text);
        } catch (error) {
          expect(error).toBeInstanceOf(QuantityError);
        }
      }),
    );
  });
});

describe('A ratio', () => {
  test.each(RATIOS)('%s is %d/%d, written %s.', (input, numerator, denominator, canonical) => {
    expect(parseRatio(input)).toEqual({ numerator, denominator });
    expect(formatRatio({ numerator, denominator })).toBe(canonical);
  });

  test.each(['0', '-1.5', 0, '0.0m'])('of %s is refused, as it is not above zero.', (input) => {
    expect(faultOf(() => parseRatio(input)).fault).toBe('OutOfRange');
  });

  test.each(['', 'double', '1/2', '150%', 1.5])('of %j is refused, as it is no quantity.', (input) => {
    expect(faultOf(() => parseRatio(input)).fault).toBe('NotAQuantity');
  });

  test('without a finite decimal form has none.', () => {
    expect(() => formatRatio({ numerator: 1n, denominator: 3n })).toThrow(RangeError);
  });

  test('comes back from its canonical form as it was.', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, 10n ** 12n), fc.integer({ min: 0, max: 9 }), (digits, places) => {
        const ratio = parseRatio(`${digits}e-${places}`);
        expect(parseRatio(formatRatio(ratio))).toEqual(ratio);
      }),
    );
  });
});

describe('A product with a ratio', () => {
  test.each([
    [10n, '1.5', 15n],
    [3n, '1.1', 3n],
    [-3n, '1.1', -4n],
    [-10n, '1.5', -15n],
    [0n, '16', 0n],
    [2n ** 63n, '0.001', 9223372036854775n],
  ])('%d x %s is %d.', (value, ratio, product) => {
    expect(multiplyRoundedDown(value, parseRatio(ratio))).toBe(product);
  });

  test('is the greatest whole number that is not above the exact product.', () => {
    const positive = fc.bigInt(1n, 10n ** 12n);
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n), positive, positive, (value, numerator, denominator) => {
        const product = multiplyRoundedDown(value, { numerator, denominator });
        expect(product * denominator <= value * numerator).toBe(true);
        expect((product + 1n) * denominator > value * numerator).toBe(true);
      }),
    );
  });
});

function faultOf(act: () => unknown): Pick<QuantityError, 'fault' | 'input' | 'message'> {
  try {
    act();
  } catch (error) {
    if (error instanceof QuantityError) return { fault: error.fault, input: error.input, message: error.message };
    throw error;
  }
  throw new Error('nothing was refused');
}
