import { describe, expect, test } from 'vitest';
import { Ledger } from '../../src/ledger/ledger.ts';
import type { PciDevice, PciRequest, PciSelector } from '../../src/ledger/types.ts';
import { assigned, hostOf, wanting } from './hosts.ts';

function card(bus: string, functions: number, more: Partial<PciDevice> = {}): PciDevice[] {
  const physical: PciDevice = {
    address: `${bus}:00.0`,
    vendorID: '8086',
    productID: '10fb',
    deviceType: 'PF',
    ...more,
  };
  const virtual = Array.from(
    { length: functions },
    (_, index): PciDevice => ({
      ...physical,
      address: `${bus}:10.${index}`,
      productID: '10ed',
      deviceType: 'VF',
      parentAddress: physical.address,
    }),
  );
  return [physical, ...virtual];
}

function plain(address: string, more: Partial<PciDevice> = {}): PciDevice {
  return { address, vendorID: '10de', productID: '1db4', deviceType: 'PCI', ...more };
}

function ask(count: number, ...selectors: PciSelector[]): PciRequest {
  return { name: `r${count}`, count, selectors };
}

const VF = { deviceType: 'VF' } as const;
const PF = { deviceType: 'PF' } as const;

function cell(numaNode: number): Partial<PciDevice> {
  return { numaNode };
}

/** A card with two ports, whose VFs take turns: the usual numbering. */
const INTERLEAVED: PciDevice[] = [0, 1].flatMap((port): PciDevice[] => {
  const physical: PciDevice = { address: `01:00.${port}`, vendorID: '8086', productID: '10fb', deviceType: 'PF' };
  const virtual = [port, port + 2].map(
    (index): PciDevice => ({
      ...physical,
      address: `01:10.${index}`,
      deviceType: 'VF',
      parentAddress: physical.address,
    }),
  );
  return [physical, ...virtual];
});

describe('requests are met', () => {
  test.each([
    ['from VFs of one PF, also where those of two are interleaved', INTERLEAVED, [ask(2, VF)], ['01:10.0', '01:10.2']],
    ['from the lowest address', [plain('02'), plain('01')], [ask(1, {})], ['01']],
    [
      'from any of the selectors',
      [plain('01'), plain('02', { productID: '1db5' })],
      [ask(2, { productID: '1db4' }, { productID: '1db5' })],
      ['01', '02'],
    ],
    [
      'PP-23: broad before narrow',
      [plain('01'), plain('02', { productID: '1db5' })],
      [ask(1, { vendorID: '10de' }), ask(1, { productID: '1db4' })],
      ['02', '01'],
    ],
    [
      'PP-24: narrow before broad',
      [plain('01'), plain('02', { productID: '1db5' })],
      [ask(1, { productID: '1db4' }), ask(1, { vendorID: '10de' })],
      ['01', '02'],
    ],
    [
      'from a PF without VFs rather than from one with',
      [...card('01', 2), ...card('02', 0)],
      [ask(1, PF)],
      ['02:00.0'],
    ],
    ['from the PF with fewest VFs', [...card('01', 3), ...card('02', 2), ...card('03', 4)], [ask(1, PF)], ['02:00.0']],
    ['from VFs rather than PFs', [...card('01', 1), ...card('02', 1)], [ask(2, {})], ['01:10.0', '02:10.0']],
    ['from plain functions rather than VFs that spoil a PF', [...card('01', 2), plain('09')], [ask(1, {})], ['09']],
    ['from VFs of one PF', [...card('01', 2), ...card('02', 2)], [ask(2, VF)], ['01:10.0', '01:10.1']],
    [
      'from a PF and the VFs of another',
      [...card('01', 2), ...card('02', 3)],
      [ask(3, VF), ask(1, PF)],
      ['02:10.0', '02:10.1', '02:10.2', '01:00.0'],
    ],
    [
      'from one NUMA cell',
      [plain('01', { numaNode: 0 }), plain('02', { numaNode: 1 }), plain('03', { numaNode: 1 })],
      [ask(2, {})],
      ['02', '03'],
    ],
    [
      'from the lower NUMA cell of two that would do',
      [plain('01', { numaNode: 1 }), plain('02', { numaNode: 0 })],
      [ask(1, { numaNode: 0 }, { numaNode: 1 })],
      ['01'],
    ],
    [
      'from few NUMA cells, but not at the cost of a PF',
      [...card('01', 1, { numaNode: 0 }), plain('02', { numaNode: 0 }), plain('03', { numaNode: 1 })],
      [ask(2, PF, { deviceType: 'PCI' })],
      ['02', '03'],
    ],
  ])('%s', (_what, devices, requests, expected) => {
    expect(assigned(hostOf(devices), wanting(requests))).toEqual(expected);
  });

  test('from VFs of a PF that has lost VFs already, so that whole PFs stay', () => {
    const host = hostOf([...card('01', 2), ...card('02', 2)]);
    const amounts = { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n };
    const ledger = new Ledger(host, [{ key: 'a', amounts, overheadMemoryBytes: 0n, devices: ['02:10.0'] }]);
    expect(ledger.test(wanting([ask(1, VF)]))).toEqual({
      kind: 'granted',
      devices: [{ request: 'r1', address: '02:10.1' }],
    });
  });
});

describe('devices that are with the instance', () => {
  test.each([
    [
      'come before the VFs of their own PF',
      [...card('01', 2), ...card('02', 1)],
      [ask(2, {})],
      ['01:00.0'],
      ['01:00.0', '02:10.0'],
    ],
    [
      'do not count for the NUMA cells',
      [plain('01', cell(0)), plain('02', cell(1)), plain('03', cell(2)), plain('04', cell(2))],
      [ask(3, {})],
      ['01'],
      ['01', '03', '04'],
    ],
    [
      'are kept even if another cell could hold all',
      [...card('01', 3, cell(0)), plain('02', cell(1)), plain('03', cell(2))],
      [ask(3, {})],
      ['01:00.0'],
      ['01:00.0', '02', '03'],
    ],

    ['come first', [plain('01'), plain('02')], [ask(1, {})], ['02'], ['02']],
    [
      'do not make a request fail that can be met otherwise',
      [plain('01'), plain('02', { productID: '1db5' })],
      [ask(1, { productID: '1db4' })],
      ['02'],
      ['01'],
    ],
    [
      'come first even if a PF has to be spoiled',
      [...card('01', 2), plain('09')],
      [ask(1, {})],
      ['01:10.1'],
      ['01:10.1'],
    ],
    ['come before the other devices of their card', card('01', 2), [ask(1, {})], ['01:00.0'], ['01:00.0']],
    [
      'stay although another cell would hold all',
      [plain('01', { numaNode: 0 }), plain('02', { numaNode: 1 }), plain('03', { numaNode: 1 })],
      [ask(2, {})],
      ['01'],
      ['01', '02'],
    ],
    [
      'are left if keeping them would leave a request unmet',
      card('01', 2),
      [ask(2, {})],
      ['01:00.0'],
      ['01:10.0', '01:10.1'],
    ],
    ['need not exist', [plain('01')], [ask(1, {})], ['99'], ['01']],
  ])('%s', (_what, devices, requests, presentDevices, expected) => {
    expect(assigned(hostOf(devices), { ...wanting(requests), presentDevices })).toEqual(expected);
  });

  test('are not free for it if somebody else holds them, too', () => {
    const amounts = { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n };
    const holdings = ['orphan', 'other'].map((key) => ({ key, amounts, overheadMemoryBytes: 0n, devices: ['01'] }));
    const ledger = new Ledger(hostOf([plain('01')]), holdings);
    expect(ledger.test({ ...wanting([ask(1, {})]), replaces: 'orphan' }).kind).toBe('rejected');
  });

  test('are free for the claim that replaces their holder', () => {
    const amounts = { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n };
    const held = { key: 'orphan', amounts, overheadMemoryBytes: 0n, devices: ['02'], devicesInUse: ['02'] };
    const ledger = new Ledger(hostOf([plain('01'), plain('02')]), [held]);
    const claim = { ...wanting([ask(1, {})]), replaces: 'orphan', presentDevices: ['02'] };
    expect(ledger.test(claim)).toEqual({ kind: 'granted', devices: [{ request: 'r1', address: '02' }] });
  });
});

describe('requests that cannot be met', () => {
  test.each([
    ['one that is short', [plain('01')], [ask(2, {})], [{ name: 'r2', count: 2, free: 1 }]],
    [
      'only those that are short by themselves',
      [plain('01')],
      [ask(1, {}), ask(2, {})],
      [{ name: 'r2', count: 2, free: 1 }],
    ],
    [
      'all, where each alone could be met',
      [plain('01'), plain('02')],
      [ask(2, {}), ask(1, {})],
      [
        { name: 'r2', count: 2, free: 2 },
        { name: 'r1', count: 1, free: 2 },
      ],
    ],
    [
      'a PF and one of its VFs',
      card('01', 1),
      [ask(1, PF), { ...ask(1, VF), name: 'vf' }],
      [
        { name: 'r1', count: 1, free: 1 },
        { name: 'vf', count: 1, free: 1 },
      ],
    ],
    ['PP-18: one without a selector', [plain('01')], [ask(1)], [{ name: 'r1', count: 1, free: 0 }]],
    ['PP-20: a count of none', [plain('01')], [ask(0, {})], [{ name: 'r0', count: 0, free: 1 }]],
    ['a negative count', [plain('01')], [ask(-1, {})], [{ name: 'r-1', count: -1, free: 1 }]],
    [
      'PP-27: a count that is no number',
      [plain('01')],
      [ask(Number.NaN, {})],
      [{ name: 'rNaN', count: Number.NaN, free: 1 }],
    ],
    ['PC-10: any, on a host without devices', [], [ask(1, {})], [{ name: 'r1', count: 1, free: 0 }]],
    [
      'an absurd count',
      [plain('01')],
      [ask(Number.MAX_SAFE_INTEGER, {})],
      [{ name: `r${Number.MAX_SAFE_INTEGER}`, count: Number.MAX_SAFE_INTEGER, free: 1 }],
    ],
  ])('are told: %s', (_what, devices, requests, told) => {
    const refusals = [{ reason: 'InsufficientPCIDevices', requests: told }];
    expect(new Ledger(hostOf(devices)).test(wanting(requests))).toEqual({ kind: 'rejected', refusals });
  });
});

describe('a large host', () => {
  const cards = Array.from({ length: 64 }, (_, bus) => card(bus.toString(16).padStart(2, '0'), 3)).flat();

  test.each([
    [32, 96, 'granted'],
    [32, 97, 'rejected'],
    [64, 1, 'rejected'],
    [1, 189, 'granted'],
  ] as const)('of 64 PFs with 3 VFs each, asked for %i PFs and %i VFs: %s', (physical, virtual, kind) => {
    expect(new Ledger(hostOf(cards)).test(wanting([ask(virtual, VF), ask(physical, PF)])).kind).toBe(kind);
  });

  /** Choosing PFs is NP-hard then; the search gives up in time, with a refusal. */
  test('answers even if each request asks for other devices of many cards', () => {
    const scattered = Array.from({ length: 60 }, (_, index): PciRequest => {
      const buses = [index, (index * 7 + 3) % 64, (index * 13 + 5) % 64].map((bus) =>
        bus.toString(16).padStart(2, '0'),
      );
      return {
        name: `r${index}`,
        count: 1,
        selectors: buses.map((bus) => ({ ...VF, address: `${bus}:10.${index % 3}` })),
      };
    });
    const started = performance.now();
    new Ledger(hostOf(cards)).test(wanting([...scattered, { name: 'physical', count: 30, selectors: [PF] }]));
    // Not a measurement: without a bound this would take longer than anyone waits.
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
