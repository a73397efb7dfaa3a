import fc from 'fast-check';
import { expect, it } from 'vitest';
import { excessWords, readExcess } from '../../src/protocol/excess.ts';

const size = fc.record({
  vcpus: fc.bigInt({ min: 0n, max: 1_000_000n }),
  memoryBytes: fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: 0n, max: 4096n }).map((mi) => mi << 20n),
  ),
});

it('What an instance has beyond its claim is read back from the words about it, to the byte.', () => {
  fc.assert(
    fc.property(size, size, (held, instance) => {
      const { vcpus, memoryBytes } = readExcess(excessWords(held, instance) ?? '');
      expect(vcpus).toBe(instance.vcpus > held.vcpus ? instance.vcpus : undefined);
      expect(memoryBytes).toBe(instance.memoryBytes > held.memoryBytes ? instance.memoryBytes : undefined);
    }),
  );
});

it.each([
  '',
  'the instance has no more than its claim',
  'memory: claimed a lot, has more; the larger counts',
  'vCPUs: claimed 2, has many',
])('Nothing is read from other words: "%s".', (message) => {
  expect(readExcess(message)).toEqual({});
});
