import { describe, expect, test } from 'vitest';
import { matchesGlob } from '../../src/ledger/glob.ts';
import { matchesRequest, matchesSelector } from '../../src/ledger/pci-match.ts';
import { assignableDevices } from '../../src/ledger/pci-whitelist.ts';
import type { PciDevice } from '../../src/ledger/types.ts';

const DEVICE: PciDevice = {
  address: '0000:3b:00.1',
  vendorID: '8086',
  productID: '10ed',
  deviceType: 'VF',
  parentAddress: '0000:3b:00.0',
  numaNode: 0,
  physicalNetwork: 'blue',
  tags: ['fast', 'new'],
};

describe('a selector', () => {
  test.each([
    [{}, true],
    [{ vendorID: '8086' }, true],
    [{ vendorID: '8087' }, false],
    [{ vendorID: '8086', productID: '10ED' }, true],
    [{ vendorID: '8086', productID: '10ee' }, false],
    [{ deviceType: 'VF' }, true],
    [{ deviceType: 'PF' }, false],
    [{ numaNode: 0 }, true],
    [{ numaNode: 1 }, false],
    [{ physicalNetwork: 'blue' }, true],
    [{ physicalNetwork: 'Blue' }, false],
    [{ address: '0000:3b:*' }, true],
    [{ address: '0000:3B:00.?' }, true],
    [{ address: '3b:00.1' }, false],
    [{ tags: [] }, true],
    [{ tags: ['new'] }, true],
    [{ tags: ['new', 'fast'] }, true],
    [{ tags: ['new', 'old'] }, false],
  ] as const)('%j matches: %s', (selector, expected) => {
    expect(matchesSelector(DEVICE, selector)).toBe(expected);
  });

  test('asks for what a device lacks in vain', () => {
    const bare: PciDevice = { address: 'a', vendorID: 'v', productID: 'p', deviceType: 'PCI' };
    for (const selector of [{ numaNode: 0 }, { physicalNetwork: 'blue' }, { tags: ['fast'] }]) {
      expect(matchesSelector(bare, selector)).toBe(false);
    }
  });
});

/** PW-12: AND within a selector, OR between them. */
test.each([
  ['none', [{ vendorID: 'v9' }], false],
  ['same', [{ vendorID: '8086', productID: '10ed' }], true],
  ['one of two', [{ vendorID: 'v9' }, { productID: '10ed' }], true],
  ['half of one', [{ vendorID: '8086', productID: 'v9' }], false],
  ['an empty selector', [{}], true],
  ['no selector', [], false],
] as const)('PW-12: a request matches by %s', (_what, selectors, expected) => {
  expect(matchesRequest(DEVICE, { name: 'r', count: 1, selectors })).toBe(expected);
});

test.each([
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['*', 'abc', true],
  ['a*', 'abc', true],
  ['*c', 'abc', true],
  ['*b', 'abc', false],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['a*b*c', 'aXbXbXc', true],
  ['a*b*c', 'aXcXb', false],
  ['abc', 'ABC', false],
  ['**', 'a', true],
  ['a**', 'a', true],
  ['?', '', false],
  ['*?', 'a', true],
  ['[ab].', 'a1', false],
] as const)('the glob %j on %j: %s', (pattern, text, expected) => {
  expect(matchesGlob(pattern, text)).toBe(expected);
});

describe('a whitelist', () => {
  const other: PciDevice = { ...DEVICE, address: '0000:3c:00.1' };

  test('gives nothing if it is empty', () => {
    expect(assignableDevices([DEVICE], [])).toEqual([]);
  });

  test('adds network and tags of the first entry that matches', () => {
    const whitelist = [
      { address: '0000:3c:*', physicalNetwork: 'red', tags: ['slow'] },
      { vendorID: '8086', productID: '10ED' },
    ];
    expect(assignableDevices([DEVICE, other], whitelist)).toEqual([
      DEVICE,
      { ...other, physicalNetwork: 'red', tags: ['slow'] },
    ]);
  });

  test('does not ask for the network and tags that it adds', () => {
    const bare: PciDevice = { address: 'a', vendorID: 'v', productID: 'p', deviceType: 'PCI' };
    expect(assignableDevices([bare], [{ vendorID: 'v', tags: ['x'] }])).toEqual([{ ...bare, tags: ['x'] }]);
  });

  test.each([
    [{ deviceType: 'PF' } as const, 0],
    [{ numaNode: 0 }, 1],
    [{ vendorID: '8086', productID: 'ffff' }, 0],
  ])('of %j lets %i through', (entry, count) => {
    expect(assignableDevices([DEVICE], [entry])).toHaveLength(count);
  });
});
