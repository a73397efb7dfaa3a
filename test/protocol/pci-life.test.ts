import { describe, expect, it } from 'vitest';
import type { PciRequest } from '../../src/api/generated/v1alpha1.ts';
import type { PciDevice } from '../../src/ledger/types.ts';
import { claim, gpu, instance } from '../simulation/world/objects.ts';
import { World, type WorldParts } from '../simulation/world/world.ts';

const UUID = '11111111-1111-4111-8111-111111111111';
const PF: PciDevice = {
  address: '0000:5e:00.0',
  vendorID: '8086',
  productID: '1592',
  deviceType: 'PF',
  numaNode: 1,
};
const vf = (fn: number): PciDevice => ({
  ...PF,
  address: `0000:5e:02.${fn}`,
  productID: '1889',
  deviceType: 'VF',
  parentAddress: PF.address,
});
const NIC = [PF, vf(0), vf(1)];
const ALL = [{ vendorID: '10de' }, { vendorID: '8086' }];
const OTHER_GPU = '2330';

function worldWith(devices: readonly PciDevice[], parts: WorldParts = {}): World {
  const world = new World({ ...parts, host: { devices }, settings: { pciDevices: ALL, ...parts.settings } });
  world.startAgent();
  world.settle();
  return world;
}

const ask = (selector: NonNullable<PciRequest['selectors']>[number], count = 1): PciRequest => ({
  ...{ name: 'r', count },
  selectors: [selector],
});

/** Asks for devices under a name: the addresses that are given, or the reasons of the refusal. */
function request(world: World, name: string, ...pciRequests: readonly PciRequest[]): readonly string[] {
  world.create(claim({ name, memoryMi: 1, instance: { uuid: `${name.padEnd(8, '0')}${UUID.slice(8)}` }, pciRequests }));
  world.settle();
  const { phase, pciDevices = [], conditions } = world.claim(name).status ?? {};
  if (phase === 'Claimed') return pciDevices.map(({ address }) => address);
  return conditions?.find(({ type }) => type === 'Claimed')?.reason.split(',') ?? [];
}

function become(world: World, ...devices: readonly PciDevice[]): void {
  world.host.setDevices(devices);
  world.settle();
}

const node = (world: World) => world.api.computeNodes.get('node-a')?.status ?? {};
const state = (world: World, address: string) => {
  const device = node(world).pciDevices?.find((candidate) => candidate.address === address);
  const owner = ['a', 'b'].find((name) => world.api.claims.get(name, 'default')?.metadata.uid === device?.claimUID);
  return device && [device.state, ...(device.claimUID === undefined ? [] : [owner ?? 'nobody'])].join(' ');
};
const hardware = (world: World) => {
  const condition = node(world).conditions?.find(({ type }) => type === 'HardwareReportCurrent');
  return [condition?.status, condition?.reason, condition?.message];
};
const pools = (world: World) =>
  node(world).pciPools?.map(({ productID, free, total }) => `${productID} ${free}/${total}`);
const present = (world: World, name: string) =>
  world.claim(name).status?.conditions?.find(({ type }) => type === 'DevicesPresent')?.reason;
const GPU = ask({ vendorID: '10de' });

describe('which devices may be given', () => {
  const devices = [gpu(1), { ...gpu(2), numaNode: 1 }, ...NIC];
  const cases: readonly [what: string, spec: object, selector: Parameters<typeof ask>[0], given: readonly string[]][] =
    [
      ['by IDs', { vendorID: '8086', productID: '1889' }, {}, ['0000:5e:02.0']],
      ['by IDs in capital letters', { vendorID: '10DE', productID: '2204' }, { vendorID: '10de' }, ['0000:01:00.0']],
      ['by an address glob', { address: '0000:02:*.0' }, {}, ['0000:02:00.0']],
      ['by an address glob that nothing matches', { address: '0000:ff:*' }, {}, ['InsufficientPCIDevices']],
      [
        'with a network, which claims ask for',
        { address: '0000:5e:02.1', physicalNetwork: 'blue' },
        { physicalNetwork: 'blue' },
        ['0000:5e:02.1'],
      ],
      [
        'with another network than is asked for',
        { vendorID: '8086', physicalNetwork: 'blue' },
        { physicalNetwork: 'red' },
        ['InsufficientPCIDevices'],
      ],
      [
        'with tags, all of which are asked for',
        { address: '0000:02:00.0', tags: ['fast', 'new'] },
        { tags: ['new', 'fast'] },
        ['0000:02:00.0'],
      ],
      [
        'with fewer tags than are asked for',
        { vendorID: '10de', tags: ['fast'] },
        { tags: ['fast', 'new'] },
        ['InsufficientPCIDevices'],
      ],
    ];
  it.each(cases)('is said %s', (_what, entry, selector, given) => {
    const world = worldWith(devices, { settings: { pciDevices: [] } });
    world.api.computeNodes.change('node-a', undefined, () => ({ spec: { pciDevices: [entry] } }));
    world.settle();
    expect(request(world, 'a', ask(selector))).toEqual(given);
  });

  it("can change while one is given: it stays with its claim, and is nobody's afterwards", () => {
    const world = worldWith([gpu(1)]);
    expect(request(world, 'a', GPU)).toEqual(['0000:01:00.0']);
    world.api.computeNodes.change('node-a', undefined, () => ({ spec: { pciDevices: [] } }));
    world.settle();
    expect(state(world, '0000:01:00.0')).toBe('Claimed a');
    expect(present(world, 'a')).toBe('Present');
    world.api.claims.delete('a', 'default');
    world.settle();
    expect(state(world, '0000:01:00.0')).toBeUndefined();
    expect(request(world, 'b', GPU)).toEqual(['InsufficientPCIDevices']);
  });
});

describe('an alias', () => {
  const pciAliases = new Map([
    ['gpu', [{ productID: OTHER_GPU }, { productID: '2204', numaNode: 1 }]],
    ['fast-nic', [{ deviceType: 'VF' as const }]],
  ]);
  it('stands for its alternatives', () => {
    const world = worldWith([gpu(1), { ...gpu(2), numaNode: 1 }, ...NIC], { settings: { pciAliases } });
    const both = [
      { name: 'gpu', count: 1, alias: 'gpu' },
      { name: 'nic', count: 2, alias: 'fast-nic' },
    ];
    expect(request(world, 'a', ...both)).toEqual(['0000:02:00.0', '0000:5e:02.0', '0000:5e:02.1']);
    expect(world.claim('a').status?.pciDevices).toMatchObject([
      { request: 'gpu', vendorID: '10de', productID: '2204', numaNode: 1 },
      { request: 'nic' },
      { request: 'nic' },
    ]);
  });

  it('that nobody configured is a refusal that names those that are known', () => {
    const world = worldWith([gpu(1)], { settings: { pciAliases } });
    expect(request(world, 'a', { name: 'gpu', count: 1, alias: 'gpus' })).toEqual(['UnknownPCIAlias']);
    expect(world.claim('a').status?.conditions?.[0]?.message).toContain('(known: fast-nic, gpu)');
  });
});

describe('a PF and its VFs', () => {
  it('exclude each other, whichever is given first, until it is given back', () => {
    const world = worldWith(NIC);
    expect(request(world, 'a', ask({ deviceType: 'VF' }))).toEqual(['0000:5e:02.0']);
    expect(state(world, PF.address)).toBe('Unavailable');
    expect(request(world, 'b', ask({ deviceType: 'PF' }))).toEqual(['InsufficientPCIDevices']);
    world.api.claims.delete('a', 'default');
    world.api.claims.delete('b', 'default');
    world.settle();
    expect(request(world, 'a', ask({ deviceType: 'PF' }))).toEqual([PF.address]);
    expect([state(world, '0000:5e:02.0'), state(world, '0000:5e:02.1')]).toEqual(['Unavailable', 'Unavailable']);
    expect(request(world, 'b', ask({ deviceType: 'VF' }))).toEqual(['InsufficientPCIDevices']);
    expect(pools(world)).toEqual(['1592 0/1', '1889 0/2']);
  });
});

describe('the NUMA cells of devices', () => {
  it('are as few as can be, and can be asked for', () => {
    const cell = (slot: number, numaNode: number) => ({ ...gpu(slot), numaNode });
    const world = worldWith([cell(1, 0), cell(2, 1), cell(3, 1), cell(4, 0)]);
    expect(request(world, 'a', ask({ numaNode: 1 }))).toEqual(['0000:02:00.0']);
    expect(request(world, 'b', ask({ vendorID: '10de' }, 2))).toEqual(['0000:01:00.0', '0000:04:00.0']);
  });
});

describe('a device that vanishes', () => {
  it('while it is free is not there to be given, and is when it is back', () => {
    const world = worldWith([gpu(1)]);
    become(world);
    expect(node(world)).toMatchObject({ pciDevices: [], pciPools: [] });
    expect(request(world, 'a', GPU)).toEqual(['InsufficientPCIDevices']);
    become(world, gpu(1));
    expect(request(world, 'b', GPU)).toEqual(['0000:01:00.0']);
  });

  it('while it is given is told on claim and node, given to nobody else, and its own again when it is back', () => {
    const world = worldWith([gpu(1), gpu(2)]);
    request(world, 'a', GPU);
    become(world, gpu(2));
    expect(present(world, 'a')).toBe('DevicesMissing');
    expect(state(world, '0000:01:00.0')).toBe('Unavailable a');
    expect(hardware(world)).toEqual([
      'True',
      'CurrentWithProblems',
      'device 0000:01:00.0: gone from the host, and InstanceClaim default/a has it',
    ]);
    expect(request(world, 'b', { ...GPU, count: 2 })).toEqual(['InsufficientPCIDevices']);
    become(world, gpu(1), gpu(2));
    expect(state(world, '0000:01:00.0')).toBe('Claimed a');
    expect(hardware(world)).toEqual(['True', 'Current', 'everything could be read']);
    expect(request(world, 'c', { ...GPU, count: 2 })).toEqual(['InsufficientPCIDevices']);
  });

  it('is free when it comes back after its claim is gone', () => {
    const world = worldWith([gpu(1)]);
    request(world, 'a', GPU);
    become(world);
    world.api.claims.delete('a', 'default');
    world.settle();
    expect(node(world).pciDevices).toEqual([]);
    become(world, gpu(1));
    expect(request(world, 'b', GPU)).toEqual(['0000:01:00.0']);
  });

  it("stays its claim's through a restart of the agent", () => {
    const world = worldWith([gpu(1)]);
    request(world, 'a', GPU);
    become(world);
    world.agents[0]?.kill();
    world.startAgent();
    world.settle();
    become(world, gpu(1));
    expect(state(world, '0000:01:00.0')).toBe('Claimed a');
    expect(request(world, 'b', GPU)).toEqual(['InsufficientPCIDevices']);
  });
});

describe('a device that becomes another one', () => {
  const other = { ...gpu(1), productID: OTHER_GPU };

  it('while it is free moves to another pool, and is given by its new ID', () => {
    const world = worldWith([gpu(1), gpu(2)]);
    expect(pools(world)).toEqual(['2204 2/2']);
    become(world, other, gpu(2));
    expect(pools(world)).toEqual(['2204 1/1', `${OTHER_GPU} 1/1`]);
    expect(request(world, 'a', ask({ productID: OTHER_GPU }))).toEqual(['0000:01:00.0']);
  });

  it('while it is given is kept for its claim, told, and given by its new ID once it is free', () => {
    const world = worldWith([gpu(1)]);
    request(world, 'a', GPU);
    become(world, other);
    expect(state(world, '0000:01:00.0')).toBe('Claimed a');
    expect(present(world, 'a')).toBe('DevicesChanged');
    expect(world.claim('a').status?.pciDevices).toMatchObject([{ productID: '2204' }]);
    expect(request(world, 'b', ask({ productID: OTHER_GPU }))).toEqual(['InsufficientPCIDevices']);
    world.api.claims.delete('a', 'default');
    world.settle();
    expect(request(world, 'c', ask({ productID: '2204' }))).toEqual(['InsufficientPCIDevices']);
    expect(request(world, 'd', ask({ productID: OTHER_GPU }))).toEqual(['0000:01:00.0']);
  });

  it("that turns out a PF's VF while the PF is given is nobody's", () => {
    const world = worldWith([PF]);
    expect(request(world, 'a', ask({ deviceType: 'PF' }))).toEqual([PF.address]);
    become(world, ...NIC);
    expect(state(world, '0000:5e:02.0')).toBe('Unavailable');
    expect(request(world, 'b', ask({ deviceType: 'VF' }))).toEqual(['InsufficientPCIDevices']);
  });
});

describe('a device that an instance has', () => {
  it.each(['Capped', 'ClaimOnly'] as const)(
    'is Unavailable under %s where nothing claims the instance, until it is gone',
    (limitPolicy) => {
      const world = worldWith([gpu(1), ...NIC]);
      world.api.computeNodes.change('node-a', undefined, () => ({ spec: { limitPolicy } }));
      world.host.put(instance({ uuid: 'stray', devices: ['0000:01:00.0', '0000:5e:02.0'] }));
      world.settle();
      expect([state(world, '0000:01:00.0'), state(world, '0000:5e:02.0'), state(world, PF.address)]).toEqual([
        'Unavailable',
        'Unavailable',
        'Unavailable',
      ]);
      expect(request(world, 'a', GPU)).toEqual(['InsufficientPCIDevices']);
      world.host.remove('stray');
      world.settle();
      expect(request(world, 'b', GPU)).toEqual(['0000:01:00.0']);
    },
  );

  it('is Allocated where it is the claimed one, and Unavailable where it is another one', () => {
    const world = worldWith([gpu(1)]);
    request(world, 'a', GPU);
    const uuid = world.claim('a').spec.instance?.uuid ?? '';
    world.host.put(instance({ uuid, devices: ['0000:01:00.0'] }));
    world.settle();
    expect(state(world, '0000:01:00.0')).toBe('Allocated a');
    world.host.put(instance({ uuid, devices: [] }));
    world.host.put(instance({ uuid: 'stray', devices: ['0000:01:00.0'] }));
    world.settle();
    expect(state(world, '0000:01:00.0')).toBe('Unavailable a');
  });

  it('and that the host does not know is told', () => {
    const world = worldWith([]);
    world.host.put(instance({ uuid: 'stray', devices: ['0000:09:00.0'] }));
    world.settle();
    expect(hardware(world)[2]).toBe(
      'device 0000:09:00.0: gone from the host, and an instance that nothing claims has it',
    );
    expect(node(world).pciDevices).toEqual([]);
  });
});

describe('one device that is broken', () => {
  it('is told, and the others are given', () => {
    const world = worldWith([gpu(1), { ...gpu(1), productID: 'ffff' }, gpu(2)]);
    expect(hardware(world).slice(1)).toEqual([
      'CurrentWithProblems',
      'device 0000:01:00.0: reported more than once; the first report counts',
    ]);
    expect(request(world, 'a', { ...GPU, count: 2 })).toEqual(['0000:01:00.0', '0000:02:00.0']);
    expect(world.claim('a').status?.pciDevices).toMatchObject([{ productID: '2204' }, { productID: '2204' }]);
    expect(present(world, 'a')).toBe('Present');
  });
});
