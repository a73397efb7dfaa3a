import { assignableDevices, type WhitelistEntry } from '../../src/ledger/pci-whitelist.ts';
import type { AssignedDevice } from '../../src/ledger/types.ts';
import type { VectorCase } from './case.ts';
import { runWrongWhitelist } from './config-area.ts';
import { isList, isObject, type Json, type JsonObject, listAt, NotRunnable } from './json.ts';
import { isMetGreedily, meetsRequests } from './nova-match.ts';
import { asksAliasKeys, deviceOf, extraFrom, requestsOf } from './nova-pci.ts';
import { type EventName, type Figure, type Outcome, ran } from './outcome.ts';
import { PCI_PHRASES } from './pci-phrases.ts';
import { PciWorld } from './pci-world.ts';
import { countOf, type Phrase, perform } from './prose.ts';
import { scenarioText } from './scenario-text.ts';

/** Scenarios of Nova's PCI tracker, told in words. */
export function runPciTracker(subject: VectorCase, all: ReadonlyMap<string, VectorCase>): Outcome {
  const world = new PciWorld();
  perform(world, scenarioText(subject, all), PCI_PHRASES);
  const pools = world.ledger.view().pciPools.filter(({ free }) => free > 0);
  const known: JsonObject = {
    pools: pools.map(({ vendorID, free }) => [vendorID, free]),
    claims: world.owners(false),
    allocations: world.owners(true),
    state: world.rows(),
    free: world.free(),
    raised: world.error ?? 'ok',
    picked: world.picked,
    devices: world.ledger.view().pciDevices.length,
    // Nothing is set aside here: the host's report is what there is.
    stale: [],
    vendor: world.devices.find(({ address }) => address === world.reported)?.vendorID ?? null,
    consume: consume(world, world.reported ?? ''),
  };
  return asked(subject, known, world.events, world.assumed);
}

/** Requests against pools; the requests are in the inputs, or applied or consumed in words. */
export function runPciRequests(subject: VectorCase): Outcome {
  const { requests, devices } = subject.inputs;
  if (!isList(devices)) throw new NotRunnable('no devices in the inputs');
  const world = new PciWorld(devices.map(deviceOf));
  const wanted = requests === undefined || requests === null ? undefined : requestsOf(requests);
  const told: Told = { world };
  if (wanted === undefined) perform(told, subject.when, POOL_PHRASES);
  const supported = wanted === undefined ? undefined : world.choose(wanted) !== undefined;
  if (asksAliasKeys(requests ?? null)) world.events.add('AliasKeysAsked');
  if (wanted?.some(({ count }) => !(count > 0)) === true) world.events.add('CountNotPositive');
  if (wanted !== undefined && isBetterThanGreedy(listAt(subject.inputs, 'requests'), devices, world.assign(wanted))) {
    world.events.add('BetterThanGreedy');
  }
  const known: JsonObject = {
    ...(supported === undefined ? {} : { supported }),
    pools: poolRows(world),
    raised: world.error ?? 'ok',
    ...(told.second === undefined ? {} : { second: told.second }),
    ...(told.empty === undefined ? {} : { empty: told.empty }),
    ...told.without,
  };
  return asked(subject, known, world.events);
}

function isBetterThanGreedy(
  requests: readonly Json[],
  devices: readonly Json[],
  chosen: readonly AssignedDevice[] = [],
): boolean {
  return meetsRequests(requests, devices, chosen) && !isMetGreedily(requests, devices);
}

interface Told {
  readonly world: PciWorld;
  second?: string;
  empty?: Json;
  /** What became of a request without a count: its test and how many devices it was given. */
  without?: JsonObject;
}

const POOL_PHRASES: readonly Phrase<Told>[] = [
  [
    /consume the only device of pool (\w+)/,
    ({ world }, match) => void consume(world, addressOf(world, match[1] ?? '')),
  ],
  [/consume the same (\w+) device twice/, (told, match) => consumeTwice(told, addressOf(told.world, match[1] ?? ''))],
  [/consume device (\w+) twice(?: \(.*\))?/, (told, match) => consumeTwice(told, match[1] ?? '')],
  [
    /serialise to JSON and load again/,
    (told) => {
      told.empty = poolRows(new PciWorld());
    },
  ],
  [/a request without count/, requestWithoutCount],
  [/apply (\w+) (\w+) and (\w+) (\w+)/, ({ world }, match) => applyRequests(world, match.slice(1))],
];

function applyRequests(world: PciWorld, words: readonly string[]): void {
  const [first = '', firstVendor = '', second = '', secondVendor = ''] = words;
  const requests = [
    { name: 'r0', count: countOf(first), selectors: [{ vendorID: firstVendor }] },
    { name: 'r1', count: countOf(second), selectors: [{ vendorID: secondVendor }] },
  ];
  if (world.take('i1', requests, false)) return;
  world.error = 'PciDeviceRequestFailed';
  world.events.add('RequestsFailedTogether');
}

function requestWithoutCount(told: Told): void {
  const given = told.world.choose([{ name: 'r0', count: Number.NaN, selectors: [{}] }]);
  told.world.events.add('CountMissing');
  told.without = { pools: given === undefined ? 'refused' : 'ok', devices: given?.length ?? 0 };
}

function addressOf(world: PciWorld, vendor: string): string {
  const device = world.devices.find(({ vendorID }) => vendorID === vendor);
  if (device === undefined) throw new NotRunnable(`no device of ${vendor}`);
  return device.address;
}

function consumeTwice(told: Told, address: string): void {
  consume(told.world, address);
  told.second = consume(told.world, address);
  told.world.events.add('SameDeviceTwice');
}

function consume(world: PciWorld, address: string): string {
  const requests = [{ name: address, count: 1, selectors: [{ address }] }];
  return world.take(`consumer of ${address}`, requests, false) ? 'ok' : 'PciDevicePoolEmpty';
}

function poolRows(world: PciWorld): Json {
  const pools = world.ledger.view().pciPools.filter(({ free }) => free > 0);
  return pools.map(({ vendorID, productID, tags, free }) => [vendorID, productID, extraFrom(tags), free]);
}

/** Which devices a whitelist lets be given away, or that it is none. */
export function runWhitelist(subject: VectorCase): Outcome {
  const { assignable } = subject.outputs;
  if (!isList(assignable)) return runWrongWhitelist(subject);
  const entries = listAt(subject.inputs, 'whitelist').flatMap(entriesOf);
  const devices = listAt(subject.inputs, 'devices').map((device, index) => ({
    ...deviceOf(device),
    address: `${index}`,
  }));
  const admitted = new Set(assignableDevices(devices, entries).map(({ address }) => address));
  const isFolded = admitted.size !== countSameText(devices, entries);
  return ran({ assignable: devices.map(({ address }) => admitted.has(address)) }, isFolded ? ['IDsDifferInCase'] : []);
}

function entriesOf(text: Json): WhitelistEntry[] {
  const entries = typeof text === 'string' ? parsed(text) : text;
  if (!Array.isArray(entries)) throw new NotRunnable('a whitelist that is not a list');
  return entries.map((entry: Json) => {
    if (!isObject(entry)) throw new NotRunnable('a whitelist entry that is not an object');
    return { vendorID: `${entry.vendor_id}`, productID: `${entry.product_id}` };
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new NotRunnable(`a whitelist that is not JSON: ${String(error)}`);
  }
}

function countSameText(
  devices: readonly { vendorID: string; productID: string }[],
  entries: readonly WhitelistEntry[],
): number {
  return devices.filter((device) =>
    entries.some((entry) => entry.vendorID === device.vendorID && entry.productID === device.productID),
  ).length;
}

/** What can be done with a device in each of Nova's states; ours are read off what is held. */
export function runPciDevice(subject: VectorCase): Outcome {
  const { given, when, outputs } = subject;
  if (/^a device in each state/.test(given) && when === 'claim for i1') {
    return ran(Object.fromEntries(Object.keys(outputs).map((state) => [state, claimFrom(state)])));
  }
  if (/^a device in each state/.test(given) && when === 'allocate for i1') {
    return ran(Object.fromEntries(Object.keys(outputs).map((state) => [state, allocateFrom(state)])), [
      'AllocatedAgain',
    ]);
  }
  if (when === 'create') return ran({ status: createdFrom(given) });
  if (when === 'claim then allocate for i1') return ran(claimThenAllocate());
  const owner = /^free naming (\w+)$/.exec(when)?.[1] ?? (when === 'free' ? 'i1' : undefined);
  if (owner === undefined)
    return {
      kind: 'outside',
      why: 'Nova’s state machine of a device and its rows: here states are read off what is held',
    };
  const world = deviceWorld(/device (claimed|allocated)/.exec(given)?.[1] ?? '');
  if (!world.ledger.release(owner)) world.error = 'PciDeviceInvalidOwner';
  const [row] = world.rows();
  return asked(subject, { raised: world.error ?? 'ok', status: row?.[1] ?? null, owner: row?.[2] ?? null }, []);
}

function claimFrom(state: string): string {
  const requests = [{ name: 'r0', count: 1, selectors: [{ vendorID: 'v' }] }];
  return deviceWorld(state).choose(requests) === undefined ? 'PciDeviceInvalidStatus' : 'ok';
}

/** The hypervisor attaches it to its owner. */
function allocateFrom(state: string): string {
  const world = deviceWorld(state);
  world.hold('i1', ['a'], true);
  return world.rows()[0]?.[1] === 'allocated' ? 'ok' : 'PciDeviceInvalidStatus';
}

/** The state of a device of which the hypervisor reports a status, and what else it likes. */
function createdFrom(given: string): Json {
  const status = /^hypervisor map with status "(\w+)"/.exec(given)?.[1];
  if (status === undefined) throw new NotRunnable(`not understood: "${given}"`);
  const world = new PciWorld([deviceOf({ address: 'a', vendor_id: 'v', product_id: 'p', status, k1: '1', k2: '2' })]);
  return world.rows()[0]?.[1] ?? null;
}

/** How many owners have the device attached. */
function claimThenAllocate(): JsonObject {
  const world = deviceWorld('claimed');
  const afterClaim = world.owners(true).length;
  world.hold('i1', ['a'], true);
  return { after_claim: afterClaim, after_allocate: world.owners(true).length };
}

function deviceWorld(state: string): PciWorld {
  const world = new PciWorld([{ address: 'a', vendorID: 'v', productID: 'p', deviceType: 'PCI' }]);
  if (state === 'claimed' || state === 'allocated') world.hold('i1', ['a'], state === 'allocated');
  else if (state === 'removed' || state === 'deleted') world.list([]);
  else if (state !== 'available') throw new NotRunnable(`unknown state "${state}"`);
  return world;
}

function asked(
  { outputs }: VectorCase,
  known: JsonObject,
  events: Iterable<EventName>,
  assumed: Iterable<Figure> = [],
): Outcome {
  return ran(Object.fromEntries(Object.entries(known).filter(([key]) => key in outputs)), events, assumed);
}
