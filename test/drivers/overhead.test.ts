import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Overhead, type OverheadFormula, overheadBytes } from '../../src/drivers/overhead.ts';

const MIB = 1n << 20n;
const GIB = 1n << 30n;

const size = (memoryBytes: bigint, vcpus = 1n) => ({ memoryBytes, vcpus });

describe('overhead', () => {
  const parts: readonly [string, Overhead, bigint][] = [
    ['without any part', {}, 0n],
    ['that is fixed', { fixedBytes: 64n * MIB }, 64n * MIB],
    ['for each vCPU', { perVcpuBytes: 8n * MIB }, 32n * MIB],
    ['of a hundredth of the memory, upwards', { memoryRatio: { numerator: 1n, denominator: 100n } }, 10_737_419n],
    ['of a whole part of the memory', { memoryRatio: { numerator: 1n, denominator: 64n } }, 16n * MIB],
    [
      'of all of them, rounded once',
      {
        fixedBytes: 1n,
        perVcpuBytes: 2n,
        memoryRatio: { numerator: 1n, denominator: 3n },
        formula: 'xen',
        times: { numerator: 4n, denominator: 3n },
      },
      // 17 MiB (7.997 + 6 + 3, upwards) x 4/3 and 1 GiB / 3 end in thirds that make a whole: rounded by themselves they would be a byte more.
      1n + 4n * 2n + (17n * MIB * 4n + GIB) / 3n,
    ],
  ];
  it.each(parts)('%s', (_what, overhead, expected) => {
    expect(overheadBytes(overhead, size(GIB, 4n))).toBe(expected);
  });

  it('is exact where a float is not', () => {
    const ratio = { memoryRatio: { numerator: 1n, denominator: 10n } };
    expect(overheadBytes(ratio, size((1n << 60n) + 10n))).toBe(((1n << 60n) + 10n + 9n) / 10n);
  });

  it('is never less than a larger instance would need', () => {
    const formulas = fc.constantFrom<(OverheadFormula | undefined)[]>('xen', 'kubevirt', undefined);
    const amount = fc.bigInt({ min: 0n, max: 1n << 50n });
    fc.assert(
      fc.property(formulas, amount, amount, fc.bigInt({ min: 1n, max: 999n }), (formula, one, other, numerator) => {
        const overhead = { ...(formula !== undefined && { formula }), memoryRatio: { numerator, denominator: 1_000n } };
        const [small, large] = [size(one), size(one + other)].map((of) => overheadBytes(overhead, of));
        expect(large).toBeGreaterThanOrEqual(small ?? 0n);
      }),
    );
  });
});

describe("Xen's formula", () => {
  it.each([
    [512n, 1n, 9n],
    [1024n, 1n, 13n],
    [2048n, 2n, 22n],
    [4096n, 4n, 41n],
    [8192n, 8n, 79n],
  ])('OV-02: %i MiB and %i vCPUs need %i MiB', (memoryMib, vcpus, overheadMib) => {
    expect(overheadBytes({ formula: 'xen' }, size(memoryMib * MIB, vcpus))).toBe(overheadMib * MIB);
  });

  it('gives whole MiB, also for memory that is none', () => {
    expect(overheadBytes({ formula: 'xen' }, size(1n))).toBe(5n * MIB);
  });
});

describe("KubeVirt's formula", () => {
  // 220 MiB of processes, 8 of the I/O thread and 32 of video are the same for all.
  const SAME = 260n * MIB;
  it.each([
    ['1 GiB and a vCPU', size(GIB), SAME + 8n * MIB + 2_097_152n],
    ['64 GiB and 16 vCPUs', size(64n * GIB, 16n), SAME + 128n * MIB + 134_217_728n],
    ['memory that is no whole kB: what it does to page tables', size(1_024n), SAME + 8n * MIB + 3n],
    ['no vCPU, which counts as one', size(GIB, 0n), SAME + 8n * MIB + 2_097_152n],
  ])('for %s', (_what, of, expected) => {
    expect(overheadBytes({ formula: 'kubevirt' }, of)).toBe(expected);
  });

  it('is multiplied as a cluster may have it, and added to', () => {
    const overhead = {
      formula: 'kubevirt',
      times: { numerator: 3n, denominator: 2n },
      fixedBytes: 128n * MIB,
    } as const;
    expect(overheadBytes(overhead, size(GIB))).toBe((270n * MIB * 3n) / 2n + 128n * MIB);
  });
});
