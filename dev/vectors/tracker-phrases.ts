import type { PciRequest } from '../../src/ledger/types.ts';
import { NotRunnable } from './json.ts';
import { deviceOf } from './nova-pci.ts';
import type { NovaInstance } from './nova-tracker.ts';
import { countOf, limitsIn, type Phrase } from './prose.ts';
import type { TrackerWorld } from './tracker-world.ts';

const ANY_DEVICE: readonly PciRequest[] = [{ name: 'device', count: 1, selectors: [{}] }];
const SIZE = '(?:\\d+ MB(?: \\(\\+\\d+\\))?|\\d+\\+\\d+ GB|\\d+ GB|\\d+ VCPU)';
const SIZES = `${SIZE}(?:[,/] ?${SIZE})*`;
const LIMITS = '(?: with limits? [\\d/]+(?: MB)?(?: \\(exact\\))?)?';

function phrase(pattern: string, act: (world: TrackerWorld, text: string) => void): Phrase<TrackerWorld> {
  return [new RegExp(pattern), (world, match) => act(world, match[0])];
}

/** What the claims, resizes, migrations, orphans and updates of Nova's cases say. */
export const TRACKER_PHRASES: readonly Phrase<TrackerWorld>[] = [
  // Told to the world's constructor, or without meaning for a recount.
  phrase('node \\d+ MB.*|driver overhead \\d+ MB.*|reserved (?:0|memory|disk).*|limit \\d+ MB', () => {}),
  phrase(
    'no instances(?: assigned)?|hypervisor (?:later )?reports .* used|stats text says num_instances 1.*',
    () => {},
  ),
  phrase('tracker of the destination|destination|.*, tracker of the destination', () => {}),

  // Instances.
  phrase('one assigned instance(?: of .*)?', (world, text) => assign(world, text)),
  phrase(`(?:one )?claimed instance(?:,? ${SIZES})?(?:, stats text.*)?`, (world, text) => claimUnlimited(world, text)),
  phrase(`instance \\(${SIZES}\\) claimed here`, (world, text) => claimUnlimited(world, text)),
  [/first claim holds (\d+) of \d+ MB/, (world, match) => claimHolding(world, Number(match[1]))],
  phrase(
    'the instance (?:vanishes|disappears) from the database',
    (world) => void world.tracker.instances.delete(world.theInstance().uuid),
  ),

  // Claims.
  phrase(`(?:second )?claim(?: (?:of )?${SIZES})?${LIMITS}`, (world, text) => claim(world, text)),
  [
    new RegExp(`(two|three|four|five|ten) claims of (${SIZES})(?: at once)?${LIMITS}`),
    (world, match) => claimMany(world, match),
  ],
  [/claim (\d+) VCPU then (\d+) VCPU without a vcpu limit/, (world, match) => claimVcpus(world, match)],
  phrase('the claim scope raises', (world) => claimAndAbort(world, 1)),
  phrase('abort the same claim twice', (world) => claimAndAbort(world, 2)),
  phrase('writing the instance host fails', (world) => claimAndAbort(world, 1)),
  phrase('writing the (?:node )?record fails', (world) => {
    claimAndAbort(world, 1);
    world.tracker.events.add('WriteFailed');
  }),
  phrase('(?:first )?audit', (world) => world.audit()),

  // Updates of a tracked instance.
  phrase('(?:the|the second|it|second)(?: instance)? (?:becomes|is) deleted(?: \\(update_usage\\))?', (world) =>
    update(world, { vmState: 'deleted' }),
  ),
  phrase('it becomes deleted, twice', (world) => {
    update(world, { vmState: 'deleted' });
    update(world, { vmState: 'deleted' });
  }),
  [/vm_state becomes ([\w-]+)/, (world, match) => update(world, { vmState: match[1] ?? '' })],
  phrase('instance grows to .* in place', (world, text) =>
    update(world, { size: { ...world.theInstance().size, ...world.sizeFrom(text) } }),
  ),

  // Orphans.
  [
    /hypervisor runs (\w+) unknown instances? of (\d+) MB/,
    (world, match) => addOrphans(world, countOf(match[1] ?? ''), Number(match[2])),
  ],
  phrase('hypervisor runs o1 and one assigned instance', (world) => {
    world.assumed.add('mem');
    addOrphans(world, 1, 4);
    assign(world, '');
  }),

  // PCI.
  phrase('one (?:free )?device', ensureDevice),
  phrase('claim an instance that asks for it', (world) => claimDevice(world)),
  phrase('another one', (world) => claimDevice(world)),
  phrase('claim holds the device', (world) => claimDevice(world)),
  phrase('abort', (world) => abortLast(world)),
  phrase('hypervisor reports one PCI device v1/p1 with an extra key', ensureOddDevice),
  phrase('look at the published pool text|hypervisor does not report a PCI list key at all', () => {}),
];

function assign(world: TrackerWorld, text: string): void {
  const instance = world.newInstance(world.sizeFrom(text));
  instance.isHere = true;
  world.tracker.instances.set(instance.uuid, instance);
}

function claim(world: TrackerWorld, text: string): void {
  const told = limitsIn(text);
  world.claim(world.newInstance(world.sizeFrom(text)), Object.keys(world.limits).length > 0 ? world.limits : told);
}

function claimUnlimited(world: TrackerWorld, text: string): void {
  world.claim(world.newInstance(world.sizeFrom(text)), {});
}

function claimMany(world: TrackerWorld, match: RegExpExecArray): void {
  for (let left = countOf(match[1] ?? ''); left > 0; left--) claim(world, match[0]);
}

function claimHolding(world: TrackerWorld, heldMb: number): void {
  world.claim(world.newInstance({ memoryMb: heldMb - world.tracker.node.overheadMb, diskGb: 1, vcpus: 1 }), {});
}

function claimVcpus(world: TrackerWorld, match: RegExpExecArray): void {
  for (const vcpus of [match[1], match[2]]) {
    world.claim(world.newInstance({ memoryMb: 1, diskGb: 1, vcpus: Number(vcpus) }), {});
  }
}

function claimAndAbort(world: TrackerWorld, times: number): void {
  claim(world, '');
  for (let left = times; left > 0; left--) abortLast(world);
}

function abortLast(world: TrackerWorld): void {
  const { uuid } = world.theInstance();
  const isResize = world.tracker.ledger.get(uuid) === undefined && world.tracker.isKnown(uuid);
  if (isResize) world.tracker.dropResizeClaim(uuid, world.tracker.heldFlavorOf(uuid));
  else world.tracker.abort(uuid);
  world.look();
}

/** The devices of these scenarios are alike; one is enough. */
export function ensureDevice({ tracker }: TrackerWorld): void {
  if (tracker.node.devices.length > 0) return;
  tracker.node.devices = [{ address: 'a', vendorID: 'v1', productID: 'p1', deviceType: 'PCI' }];
  tracker.ledger.setHost(tracker.host());
}

function ensureOddDevice({ tracker }: TrackerWorld): void {
  tracker.node.devices = [deviceOf({ address: 'a', vendor_id: 'v1', product_id: 'p1', extra_k1: 'v1' })];
  tracker.ledger.setHost(tracker.host());
}

function claimDevice(world: TrackerWorld): void {
  ensureDevice(world);
  const instance = world.newInstance({ memoryMb: 1, diskGb: 1, vcpus: 1 });
  instance.pciRequests = ANY_DEVICE;
  world.claim(instance, {});
}

function update(world: TrackerWorld, changes: Partial<NovaInstance>): void {
  const instance = world.theInstance();
  Object.assign(instance, changes);
  world.tracker.updateUsage(instance);
  world.look();
}

function addOrphans(world: TrackerWorld, count: number, memoryMb: number): void {
  if (count < 1) throw new NotRunnable('no orphans');
  for (let index = 1; index <= count; index++) world.tracker.orphans.push({ uuid: `o${index}`, memoryMb });
}
