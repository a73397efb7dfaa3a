import { describe, expect, test } from 'vitest';
import { Ledger } from '../../src/ledger/ledger.ts';
import type { Holding, PciDevice } from '../../src/ledger/types.ts';
import { hostOf, wanting } from './hosts.ts';

const PF: PciDevice = { address: '01:00.0', vendorID: '8086', productID: '10fb', deviceType: 'PF' };
const VF0: PciDevice = {
  address: '01:10.0',
  vendorID: '8086',
  productID: '10ed',
  deviceType: 'VF',
  parentAddress: '01:00.0',
};
const VF1: PciDevice = { ...VF0, address: '01:10.1' };
const CARD = [PF, VF0, VF1];

function holding(key: string, devices: readonly string[], devicesInUse?: readonly string[]): Holding {
  const amounts = { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n };
  return { key, amounts, overheadMemoryBytes: 0n, devices, ...(devicesInUse === undefined ? {} : { devicesInUse }) };
}

function states(ledger: Ledger): string[] {
  return ledger.view().pciDevices.map(({ state, holder }) => (holder === undefined ? state : `${state} ${holder}`));
}

describe('the states of a PF and its two VFs', () => {
  test.each([
    ['nothing held', [], ['Available', 'Available', 'Available']],
    ['a VF held', [holding('a', [VF0.address])], ['Unavailable', 'Claimed a', 'Available']],
    [
      'a VF held and attached',
      [holding('a', [VF0.address], [VF0.address])],
      ['Unavailable', 'Allocated a', 'Available'],
    ],
    ['the PF held', [holding('a', [PF.address])], ['Claimed a', 'Unavailable', 'Unavailable']],
    [
      'a VF attached that is not held',
      [holding('a', [], [VF1.address])],
      ['Unavailable', 'Available', 'Unavailable a'],
    ],
    [
      'two holders of one VF',
      [holding('b', [VF0.address]), holding('a', [VF0.address])],
      ['Unavailable', 'Claimed a', 'Available'],
    ],
    [
      'one holds, another has it',
      [holding('b', [VF0.address]), holding('a', [], [VF0.address])],
      ['Unavailable', 'Unavailable b', 'Available'],
    ],
    [
      'two hold, the second has it',
      [holding('a', [VF0.address]), holding('b', [VF0.address], [VF0.address])],
      ['Unavailable', 'Allocated a', 'Available'],
    ],
  ] as const)('%s', (_what, holdings, expected) => {
    expect(states(new Ledger(hostOf(CARD), holdings))).toEqual(expected);
  });

  test('a device with two holders is free when both have let go', () => {
    const ledger = new Ledger(hostOf(CARD), [holding('a', [VF0.address]), holding('b', [VF0.address])]);
    ledger.release('a');
    expect(states(ledger)[1]).toBe('Claimed b');
    ledger.release('b');
    expect(states(ledger)[1]).toBe('Available');
  });
});

describe('a device that the whitelist leaves out', () => {
  const host = { ...hostOf([PF]), unassignable: [VF0, VF1] };

  test('is not shown, nor given away', () => {
    const ledger = new Ledger(host);
    expect(states(ledger)).toEqual(['Available']);
    expect(ledger.test(wanting([{ name: 'vf', count: 1, selectors: [{ deviceType: 'VF' }] }])).kind).toBe('rejected');
  });

  test('is shown when it is in use, and excludes its PF', () => {
    expect(states(new Ledger(host, [holding('a', [VF0.address])]))).toEqual(['Unavailable', 'Claimed a']);
  });

  test('excludes its VFs even if the host does not report it', () => {
    expect(states(new Ledger(hostOf([VF0]), [holding('a', [PF.address])]))).toEqual(['Unavailable']);
  });
});

describe('odd reports', () => {
  test('a held device that vanished is missing, stays held, and can be given back', () => {
    const ledger = new Ledger(hostOf(CARD), [holding('a', [VF0.address])]);
    ledger.setHost(hostOf([PF, VF1]));
    expect(ledger.view().missingDevices).toEqual([{ address: VF0.address, holder: 'a' }]);
    expect(ledger.release('a')).toBe(true);
    expect(ledger.view().missingDevices).toEqual([]);
  });

  test('one that comes back is still held', () => {
    const ledger = new Ledger(hostOf([]), [holding('a', [VF0.address])]);
    ledger.setHost(hostOf(CARD));
    expect(states(ledger)[1]).toBe('Claimed a');
  });

  test('an address that is reported twice counts once, as first reported', () => {
    const { pciDevices, pciPools, duplicateAddresses } = new Ledger(hostOf([PF, { ...PF, productID: 'ffff' }])).view();
    expect(pciDevices).toMatchObject([{ productID: '10fb' }]);
    expect(pciPools).toMatchObject([{ total: 1 }]);
    expect(duplicateAddresses).toEqual([PF.address]);
  });

  test('PM-02: who held a device before a restart holds it afterwards', () => {
    const before = new Ledger(hostOf(CARD), [holding('a', [VF0.address])]);
    expect(states(new Ledger(hostOf(CARD), before.holdings()))).toEqual(states(before));
  });
});

describe('pools', () => {
  test('are by everything that requests can ask for, and sorted', () => {
    const more: PciDevice[] = [
      { ...VF0, address: '02:10.0', parentAddress: '02:00.0', tags: ['b', 'a'] },
      { ...VF0, address: '02:10.1', parentAddress: '02:00.0', tags: ['a', 'b', 'a'] },
      { ...VF0, address: '02:10.2', parentAddress: '02:00.0', numaNode: 1 },
      { ...VF0, address: '02:10.3', parentAddress: '02:00.0', physicalNetwork: 'blue' },
    ];
    const { pciPools } = new Ledger(hostOf([...more, ...CARD]), [holding('a', ['02:10.1'])]).view();
    const common = { vendorID: '8086', productID: '10ed', deviceType: 'VF' };
    expect(pciPools).toHaveLength(5);
    expect(pciPools).toContainEqual({ ...common, tags: ['a', 'b'], total: 2, free: 1 });
    expect(pciPools).toContainEqual({ ...common, tags: [], total: 2, free: 2 });
    expect(pciPools).toContainEqual({ ...common, tags: [], numaNode: 1, total: 1, free: 1 });
    expect(pciPools).toContainEqual({ ...common, tags: [], physicalNetwork: 'blue', total: 1, free: 1 });
  });

  test('are in the order of what they are, not of where they are', () => {
    const { pciPools } = new Ledger(hostOf([{ ...VF0, address: '00:00.0', productID: 'ffff' }, ...CARD])).view();
    expect(pciPools.map(({ productID }) => productID)).toEqual(['10ed', '10fb', 'ffff']);
  });

  test('TP-01: survive as JSON', () => {
    const { pciPools } = new Ledger(hostOf(CARD)).view();
    expect(JSON.parse(JSON.stringify(pciPools))).toEqual(pciPools);
  });
});
