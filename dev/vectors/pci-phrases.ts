import type { PciDevice, PciRequest } from '../../src/ledger/types.ts';
import { NotRunnable } from './json.ts';
import { ownerOf, type PciWorld } from './pci-world.ts';
import type { Phrase } from './prose.ts';

/** What the cases of Nova's PCI tracker say; devices are written `.1 v/p`, requests `2 x v`. */
export const PCI_PHRASES: readonly Phrase<PciWorld>[] = [
  [
    /(?:one|two|three|four) free devices?: (.*)/,
    (world, match) => world.list((match[1] ?? '').split(', ').map(deviceFrom)),
  ],
  // What is held comes from the claims, what there is from the host: a new tracker has neither.
  [/all free|empty tracker|no node id yet \(first audit\)|create/, () => {}],
  [
    /(i\d+) (?:holds claims from a migration|has migration claims)/,
    (world, match) => claimForMigration(world, match[1] ?? ''),
  ],
  [/((?:i\d+ allocated \.\d+(?:, )?)+)/, (world, match) => allocate(world, match[1] ?? '')],
  [
    /(i\d+) allocated (\.\d+) and claimed (\.\d+) \(same-node resize\)/,
    (world, match) => {
      world.hold(match[1] ?? '', [match[2] ?? ''], true);
      world.hold(`${match[1]}/migration`, [match[3] ?? ''], false);
    },
  ],

  [
    /active instance (i\d+) with requests (.*) is seen/,
    (world, match) => seen(world, match[1] ?? '', requestsFrom(match[2] ?? '')),
  ],
  [
    /requests (\d+ x \w+(?: and \d+ x \w+)*)(?: \(.*\))?/,
    (world, match) => seen(world, 'i1', requestsFrom(match[1] ?? '')),
  ],
  [/task state becomes resize_finish/, finishResize],
  [/resize_finish for an instance without claims, with current requests/, finishResize],
  [/(?:the )?migration (?:is )?dropped \(-1\)/, dropMigrations],
  [
    /audit cleans usage and (i\d+) is no longer known|(i\d+) disappears and usage is cleaned/,
    (world, match) => cleanUp(world, [match[1] ?? match[2] ?? '']),
  ],
  [/clean usage with i\d+ in the instance list, (i\d+) unknown/, (world, match) => cleanUp(world, [match[1] ?? ''])],
  [/(i\d+) is deleted/, (world, match) => cleanUp(world, [match[1] ?? ''])],
  [
    /(i\d+) becomes DELETED after its device was freed by other means/,
    (world, match) => {
      cleanUp(world, [match[1] ?? '']);
      cleanUp(world, [match[1] ?? '']);
    },
  ],

  [
    /hypervisor now lists a \w+ device (\.\d+) (\w+)/,
    (world, match) => world.list([...world.devices, deviceFrom(`${match[1]} ${match[2]}/p`)]),
  ],
  [
    /hypervisor now lists only (\.\d+)/,
    (world, match) => world.list(world.devices.filter(({ address }) => address === match[1])),
  ],
  [/hypervisor no longer lists (\.\d+)/, (world, match) => vanish(world, match[1] ?? '')],
  [
    /hypervisor reports (\.\d+) (?:\(.*\) )?with vendor (\w+)(?: instead of \w+)?/,
    (world, match) => change(world, match[1] ?? '', match[2] ?? ''),
  ],
  [/hypervisor lists the same address twice/, (world) => world.list([deviceFrom('.1 v/p'), deviceFrom('.1 v/p')])],
];

export function deviceFrom(text: string): PciDevice {
  const match = /^(\.\d+) (\w+)\/(\w+)$/.exec(text.trim());
  if (match === null) throw new NotRunnable(`"${text}" is not a device`);
  return { address: match[1] ?? '', vendorID: match[2] ?? '', productID: match[3] ?? '', deviceType: 'PCI' };
}

function requestsFrom(text: string): PciRequest[] {
  return text.split(' and ').map((request, index) => {
    const match = /^(\d+) x (\w+)$/.exec(request);
    if (match === null) throw new NotRunnable(`"${request}" is not a request`);
    return { name: `r${index}`, count: Number(match[1]), selectors: [{ vendorID: match[2] ?? '' }] };
  });
}

function seen(world: PciWorld, owner: string, requests: readonly PciRequest[]): void {
  if (requests.some(({ count }) => !(count > 0))) world.events.add('CountNotPositive');
  if (!world.take(owner, requests, true)) world.error = 'PciDeviceRequestFailed';
}

/** The requests are those of the case that introduces them (PM-03). */
function claimForMigration(world: PciWorld, owner: string): void {
  world.assumed.add('all');
  world.take(`${owner}/migration`, requestsFrom('1 x v and 1 x v1'), false);
}

function allocate(world: PciWorld, text: string): void {
  for (const [, owner = '', address = ''] of text.matchAll(/(i\d+) allocated (\.\d+)/g))
    world.hold(owner, [address], true);
}

/** The move: what was held for the migration is the instance's now, and attached. Without a migration nothing is to be done. */
function finishResize(world: PciWorld): void {
  for (const { key, devices } of [...world.ledger.holdings()]) {
    if (!key.endsWith('/migration')) continue;
    world.ledger.release(key);
    world.hold(ownerOf(key), devices, true);
  }
}

function dropMigrations(world: PciWorld): void {
  for (const { key } of [...world.ledger.holdings()]) if (key.endsWith('/migration')) world.ledger.release(key);
  world.events.add('MigrationDevicesDropped');
}

function cleanUp(world: PciWorld, unknown: readonly string[]): void {
  const { missingDevices } = world.ledger.view();
  if (missingDevices.length > 0) world.events.add('HeldDeviceVanished');
  const keys = [...world.ledger.holdings()].map(({ key }) => key).filter((key) => unknown.includes(ownerOf(key)));
  if (keys.length === 0) world.events.add('CleanUpOfGivenBack');
  for (const key of keys) world.ledger.release(key);
}

function vanish(world: PciWorld, address: string): void {
  world.list(world.devices.filter((device) => device.address !== address));
}

function change(world: PciWorld, address: string, vendorID: string): void {
  world.events.add(world.free().includes(address) ? 'FreeDeviceChanged' : 'HeldDeviceChanged');
  world.reported = address;
  world.list(world.devices.map((device) => (device.address === address ? { ...device, vendorID } : device)));
}
