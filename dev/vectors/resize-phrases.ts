import { NotRunnable } from './json.ts';
import type { NovaMigration } from './nova-migrations.ts';
import type { NovaInstance } from './nova-tracker.ts';
import { limitsIn, type Phrase, sizeIn } from './prose.ts';
import { ensureDevice } from './tracker-phrases.ts';
import type { TrackerWorld } from './tracker-world.ts';
import type { Size } from './units.ts';

/** What the resizes and migrations of Nova's cases say. Flavor 1 is what an instance has, 2 what it is resized to. */
export const RESIZE_PHRASES: readonly Phrase<TrackerWorld>[] = [
  [
    /open migration from (here|src) to (\w+)/,
    (world, match) => migrate(world, { fromHere: match[1] === 'here', toHere: match[2] === 'here' }),
  ],
  [/same-node migration/, (world) => migrate(world, { fromHere: true, toHere: true })],
  [
    /(?:an? |one )?(?:incoming|inbound) migration(?: of (\d+) VCPU)?/,
    (world) => migrate(world, { fromHere: false, toHere: true }),
  ],
  [
    /(?:an? |one )?(?:outbound|outgoing) migration(?:, old flavor not stashed on the instance)?/,
    (world) => migrate(world, { fromHere: true, toHere: false }),
  ],
  [
    /two outbound migrations/,
    (world) => {
      migrate(world, { fromHere: true, toHere: false });
      migrate(world, { fromHere: true, toHere: false });
    },
  ],
  [/the flavor of one is neither stashed nor in the database/, (world) => replaceLast(world, { oldFlavor: 99 })],
  [
    /instance (?:already |still )?(?:is )?assigned (?:to )?(\w+)(?:, task (\w+)|, resized)?/,
    (world, match) => place(world, { isHere: match[1] === 'here', ...stateOf(match[2]) }),
  ],
  [/resized|(?:with )?task_state (\w+)|task (\w+)/, (world, match) => place(world, stateOf(match[1] ?? match[2]))],
  [/instance (?:has the OLD|already has the NEW) flavor \((\d+)\)/, (world, match) => moveTo(world, Number(match[1]))],
  [
    /the instance is assigned here \(finished\), migration still open/,
    (world) => {
      migrate(world, { fromHere: false, toHere: true });
      moveTo(world, 2);
    },
  ],
  [
    /hypervisor still runs an instance that is tracked as an outbound migration/,
    (world) => {
      migrate(world, { fromHere: true, toHere: false });
      world.tracker.orphans.push({ uuid: world.theInstance().uuid, memoryMb: 4 });
    },
  ],
  [
    /incoming migration tracked with flavor (\d+)(?: \(.*\))?|incoming resize held, instance not yet on it|migration tracked with flavor (\d+)/,
    (world, match) => resizeFromElsewhere(world, Number(match[1] ?? match[2] ?? 2)),
  ],
  [/instance resized away/, (world) => migrate(world, { fromHere: true, toHere: false })],
  [/audit held the old flavor 1 .*/, (world) => world.audit()],
  [
    /same-node resize 1 -> 2 MB: claimed, flavor switched on the instance(, an audit ran while resized)?.*/,
    (world, match) => resizeInPlace(world, match[1] !== undefined),
  ],
  [/drop without the new_ flavor stashed on the instance|instance_type_id 1/, () => {}],

  [
    /resize claim(?: with limits? [\d/]+(?: MB)?)?(?: inside a scope that raises)?/,
    (world, match) => {
      if (!isHeldAlready(world)) resizeFromElsewhere(world, 2);
      if (match[0].includes('raises')) drop(world, 2);
    },
  ],
  [
    /one device; resize claim whose new_pci_requests ask for it|resize claim whose new_pci_requests ask for it/,
    (world) => resizeWithDevice(world),
  ],
  [/resize on the same node(?: again)?(?: to .*)?(?: with limits? .*)?/, (world, match) => resizeHere(world, match[0])],
  [/abort the resize claim/, (world) => drop(world, 2)],
  [/drop without a flavor argument \(default prefix new_\)|revert: drop \(prefix new_\)/, (world) => drop(world, 2)],
  [/drop \(default\)/, (world) => drop(world, world.theInstance().flavorId)],
  [/drop naming flavor (\d+)/, (world, match) => drop(world, Number(match[1]))],
  [/confirm: drop with prefix old_|confirm \(drop, prefix old_\)/, (world) => confirm(world)],
];

function migrate(world: TrackerWorld, where: Pick<NovaMigration, 'fromHere' | 'toHere'>): void {
  const { tracker } = world;
  const instance = world.newInstance(flavor(world, 1));
  Object.assign(instance, { isHere: where.fromHere && where.toHere, vmState: 'resized' });
  tracker.instances.set(instance.uuid, instance);
  tracker.migrations.push({
    instance: instance.uuid,
    ...where,
    oldFlavor: 1,
    newFlavor: 2,
    status: 'migrating',
    updatedAt: 1,
  });
}

function replaceLast(world: TrackerWorld, changes: Partial<NovaMigration>): void {
  const last = world.tracker.migrations.pop();
  if (last === undefined) throw new NotRunnable('speaks of a migration that it has not introduced');
  world.tracker.migrations.push({ ...last, ...changes });
}

function place(world: TrackerWorld, changes: Partial<NovaInstance>): void {
  Object.assign(world.theInstance(), changes);
}

function stateOf(taskState: string | undefined): Partial<NovaInstance> {
  return taskState === undefined ? { vmState: 'resized', taskState: null } : { vmState: 'active', taskState };
}

function moveTo(world: TrackerWorld, flavorId: number): void {
  place(world, { isHere: true, flavorId, size: flavor(world, flavorId) });
}

function flavor(world: TrackerWorld, id: number): Size {
  if (!world.tracker.flavors.has(id)) {
    for (const figure of ['mem', 'disk', 'vcpus'] as const) world.assumed.add(figure);
    world.tracker.flavors.set(1, { memoryMb: 1, diskGb: 1, vcpus: 1 });
    world.tracker.flavors.set(2, { memoryMb: 2, diskGb: 3, vcpus: 2 });
  }
  return world.tracker.flavorOf(id);
}

function resizeFromElsewhere(world: TrackerWorld, newFlavor: number): void {
  const instance = world.newInstance(flavor(world, 1));
  instance.taskState = 'resize_prep';
  record(world, world.tracker.resizeClaim(instance, newFlavor, world.limits));
}

/** The words of a case may first describe a resize claim and then make it. */
function isHeldAlready({ tracker, last }: TrackerWorld): boolean {
  return last !== undefined && tracker.heldFlavorOf(last.uuid) !== undefined;
}

function resizeWithDevice(world: TrackerWorld): void {
  ensureDevice(world);
  const instance = world.newInstance(flavor(world, 1));
  const wanted = [{ name: 'device', count: 1, selectors: [{}] }];
  record(world, world.tracker.resizeClaim(instance, 2, world.limits, wanted));
}

function resizeHere(world: TrackerWorld, text: string): void {
  const told = sizeIn(text.split(/ with limit|, limits/)[0] ?? '');
  flavor(world, 2);
  if (told.memoryMb !== undefined) world.tracker.flavors.set(2, { ...flavor(world, 2), ...told });
  const instance = world.theInstance();
  instance.taskState = instance.taskState ?? 'resize_prep';
  record(world, world.tracker.resizeClaim(instance, 2, limitsIn(text) ?? world.limits));
}

function resizeInPlace(world: TrackerWorld, isAudited: boolean): void {
  const instance = world.newInstance(flavor(world, 1));
  world.claim(instance, {});
  record(world, world.tracker.resizeClaim(instance, 2, {}));
  Object.assign(instance, { flavorId: 2, size: flavor(world, 2), vmState: 'resized' });
  if (isAudited) world.audit();
}

function record(world: TrackerWorld, error: string | null): void {
  world.error = error;
  world.results.push(error);
  world.look();
}

function drop(world: TrackerWorld, namedFlavor: number): void {
  world.tracker.dropResizeClaim(world.theInstance().uuid, namedFlavor);
  world.look();
}

/** What stays is the instance, with the flavor that it has now. */
function confirm(world: TrackerWorld): void {
  const instance = world.theInstance();
  world.tracker.dropResizeClaim(instance.uuid, 1);
  world.tracker.updateUsage(instance);
  world.look();
}
