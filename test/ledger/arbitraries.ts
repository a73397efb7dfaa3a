import fc from 'fast-check';
import type { Amounts, Ratio } from '../../src/ledger/amounts.ts';
import type { ClaimRequest, Holding, Host, PciDevice, PciRequest, PciSelector } from '../../src/ledger/types.ts';

/** A small host that has every kind of relation: two PFs with VFs in two cells, a PF without, plain functions. */
export const SMALL_HOST_DEVICES: readonly PciDevice[] = [
  { address: '01:00.0', vendorID: '8086', productID: '10fb', deviceType: 'PF', numaNode: 0 },
  { address: '01:10.0', vendorID: '8086', productID: '10ed', deviceType: 'VF', parentAddress: '01:00.0', numaNode: 0 },
  {
    address: '01:10.1',
    vendorID: '8086',
    productID: '10ed',
    deviceType: 'VF',
    parentAddress: '01:00.0',
    numaNode: 0,
    tags: ['fast'],
  },
  { address: '02:00.0', vendorID: '8086', productID: '10fb', deviceType: 'PF', numaNode: 1, physicalNetwork: 'blue' },
  {
    address: '02:10.0',
    vendorID: '8086',
    productID: '10ed',
    deviceType: 'VF',
    parentAddress: '02:00.0',
    numaNode: 1,
    physicalNetwork: 'blue',
  },
  { address: '03:00.0', vendorID: '10de', productID: '1db4', deviceType: 'PCI', numaNode: 0, tags: ['fast', 'gpu'] },
  { address: '03:00.1', vendorID: '10de', productID: '1db4', deviceType: 'PCI' },
  { address: '04:00.0', vendorID: '10de', productID: '1db5', deviceType: 'PF', numaNode: 1 },
];

const ADDRESSES = [...SMALL_HOST_DEVICES.map((device) => device.address), '99:00.0'];

const small: fc.Arbitrary<bigint> = fc.bigInt({ min: 0n, max: 40n });
const amounts: fc.Arbitrary<Amounts> = fc.record({ vcpus: small, memoryBytes: small, diskBytes: small });
const ratio: fc.Arbitrary<Ratio> = fc.record({
  numerator: fc.bigInt({ min: 1n, max: 20n }),
  denominator: fc.bigInt({ min: 1n, max: 7n }),
});

/** Without keys that are undefined, as exactOptionalPropertyTypes has it. */
export const selector: fc.Arbitrary<PciSelector> = fc.record(
  {
    vendorID: fc.constantFrom('8086', '10de'),
    productID: fc.constantFrom('10fb', '10ed', '1db4', '1db5'),
    deviceType: fc.constantFrom('PF', 'VF', 'PCI'),
    address: fc.constantFrom('*', '01:*', '0?:00.0', '*.1', '02:10.0'),
    numaNode: fc.constantFrom(0, 1),
    physicalNetwork: fc.constant('blue'),
    tags: fc.subarray(['fast', 'gpu']),
  },
  { requiredKeys: [] },
);

export const pciRequests: fc.Arbitrary<PciRequest[]> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.array(selector, { maxLength: 2 })), { maxLength: 3 })
  .map((rows) => rows.map(([count, selectors], index) => ({ name: `r${index}`, count, selectors })));

export const host: fc.Arbitrary<Host> = fc
  .record({
    totals: fc.record(
      { vcpus: small, memoryBytes: small, diskBytes: small },
      { requiredKeys: ['memoryBytes', 'diskBytes'] },
    ),
    policy: fc.record({
      reserved: amounts,
      allocationRatios: fc.record({ vcpus: ratio, memory: ratio, disk: ratio }),
      limitPolicy: fc.constantFrom('Capped', 'ClaimOnly'),
    }),
    devices: fc.subarray([...SMALL_HOST_DEVICES]),
    unassignable: fc.constant([]),
  })
  .map((drawn) => ({ ...drawn, unassignable: SMALL_HOST_DEVICES.filter((device) => !drawn.devices.includes(device)) }));

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');

export const request: fc.Arbitrary<ClaimRequest> = fc.record(
  {
    amounts,
    overheadMemoryBytes: fc.bigInt({ min: 0n, max: 3n }),
    limits: fc.record({ vcpus: small, memoryBytes: small, diskBytes: small }, { requiredKeys: [] }),
    pciRequests,
    replaces: key,
    presentDevices: fc.subarray(ADDRESSES),
  },
  { requiredKeys: ['amounts', 'overheadMemoryBytes', 'limits', 'pciRequests'] },
);

const facts = fc.record({
  vmState: fc.constantFrom('Building', 'Active', 'Error', null),
  taskState: fc.constantFrom('resize_prep', 'rescuing', 'spawning', 'unshelving', null),
  osType: fc.constantFrom('Linux', '__proto__', null),
  project: fc.constantFrom('p1', 'p2', null),
});

export const holding: fc.Arbitrary<Holding> = fc.record(
  {
    key,
    amounts,
    overheadMemoryBytes: fc.bigInt({ min: 0n, max: 3n }),
    devices: fc.subarray(ADDRESSES, { maxLength: 2 }),
    devicesInUse: fc.subarray(ADDRESSES, { maxLength: 2 }),
    facts,
  },
  { requiredKeys: ['key', 'amounts', 'overheadMemoryBytes', 'devices'] },
);

/** One step of a history. */
export type Step =
  | { readonly kind: 'hold'; readonly holding: Holding }
  | { readonly kind: 'release'; readonly key: string }
  | { readonly kind: 'setHost'; readonly host: Host }
  | { readonly kind: 'claim'; readonly key: string; readonly request: ClaimRequest };

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('hold' as const), holding }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('release' as const), key }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('setHost' as const), host }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('claim' as const), key, request }) },
  ),
  { maxLength: 25 },
);
