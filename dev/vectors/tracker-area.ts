import { publishedMetrics, showable } from '../../src/protocol/host-metrics.ts';
import type { VectorCase } from './case.ts';
import { isObject, type Json, type JsonObject, NotRunnable } from './json.ts';
import { extraFrom } from './nova-pci.ts';
import { type Outcome, ran } from './outcome.ts';
import { perform } from './prose.ts';
import { RESIZE_PHRASES } from './resize-phrases.ts';
import { scenarioText } from './scenario-text.ts';
import { TRACKER_PHRASES } from './tracker-phrases.ts';
import { TrackerWorld, type View } from './tracker-world.ts';

const PHRASES = [...TRACKER_PHRASES, ...RESIZE_PHRASES];

/** Claims, resizes, migrations, orphans, updates and audits as they are told. */
export function runTracker(subject: VectorCase, all: ReadonlyMap<string, VectorCase>): Outcome {
  const world = told(scenarioText(subject, all), subject.inputs);
  noteLoneClaim(world, subject);
  const actual = Object.entries(subject.outputs).flatMap(([key, expected]) => {
    const value = probe(key, expected, world, subject.area);
    return value === undefined ? [] : [[key, value] as const];
  });
  return ran(Object.fromEntries(actual), world.tracker.events, world.assumed);
}

/** A world in which everything that a text says has happened. */
export function told(text: string, inputs: JsonObject): TrackerWorld {
  const world = new TrackerWorld(inputs, text);
  perform(world, text, PHRASES);
  return world;
}

/** A case that only reserves several amounts of disk: `reserved disk 1023, 1024 MB`. */
export function runReserved(subject: VectorCase): Outcome | undefined {
  const amounts = /^reserved disk (\d+(?:, \d+)+) MB$/.exec(subject.when)?.[1]?.split(', ');
  if (amounts === undefined) return undefined;
  const worlds = amounts.map((amount) => told(`${subject.given}; reserved disk ${amount} MB; audit`, subject.inputs));
  const actual = worlds.map((world, index) => [amounts[index] ?? '', world.tracker.view().disk] as const);
  return ran(Object.fromEntries(actual), new Set(worlds.flatMap((world) => [...world.tracker.events])));
}

/** One audit for each vm_state that the outputs name. */
export function runEveryVmState(subject: VectorCase): Outcome | undefined {
  if (subject.when !== 'audit with every vm_state') return undefined;
  return perOutput(subject, (vmState) => {
    const world = told(subject.given, subject.inputs);
    for (const instance of world.tracker.instances.values()) instance.vmState = vmState;
    return world;
  });
}

/** One audit for each status of a migration that the outputs name. */
export function runEveryStatus(subject: VectorCase): Outcome | undefined {
  const given = subject.given.replace(/; migrations of resized instances in each status$/, '; outbound migration');
  if (given === subject.given) return undefined;
  return perOutput(subject, (status) => {
    const world = told(given, subject.inputs);
    world.tracker.migrations = world.tracker.migrations.map((migration) => ({ ...migration, status }));
    return world;
  });
}

function perOutput({ outputs }: VectorCase, worldFor: (key: string) => TrackerWorld): Outcome {
  const actual = Object.keys(outputs).map((key) => {
    const world = worldFor(key);
    world.audit();
    return [key, world.tracker.view().mem] as const;
  });
  return ran(Object.fromEntries(actual));
}

/** For the rule about a case whose words and figures differ. */
function noteLoneClaim(world: TrackerWorld, { when }: VectorCase): void {
  const isAlone = world.results.length === 1 && world.error === null && world.views.length === 1;
  const told = /^claim .*?(\d+) VCPU/.exec(when)?.[1];
  if (isAlone && told !== undefined && world.tracker.view().vcpus === Number(told))
    world.tracker.events.add('OneClaimAloneOnEmptyNode');
}

/** What the outputs call by a key; undefined where that is another room's. */
function probe(key: string, expected: Json, world: TrackerWorld, area: string): Json | undefined {
  const { tracker, views } = world;
  const scalar = scalarProbe(key, expected, world);
  if (scalar !== undefined) return scalar;
  const moments: Readonly<Record<string, () => View | undefined>> = {
    view: () => tracker.view(),
    after: () => tracker.view(),
    now: () => views.at(-1),
    object: () => tracker.view(),
    text: () => looksAtText(world, area),
    before: () => world.beforeAudit,
    held: () => world.afterAudit ?? views.at(-2),
    audited: () => world.afterAudit,
    first: () => views.at(-2),
    second: () => views.at(-1),
    after_audit: () => auditedOnce(world),
  };
  const view = moments[key]?.();
  return view === undefined ? undefined : shapedLike(expected, view, area);
}

function scalarProbe(key: string, expected: Json, world: TrackerWorld): Json | undefined {
  const { tracker, results, views } = world;
  const view: Readonly<Record<string, number>> = tracker.view();
  if (typeof expected === 'number' && view[key] !== undefined) return view[key];
  switch (key) {
    case 'workload':
      return tracker.view().current_workload;
    case 'num_instances':
    case 'instances':
    case 'tracked':
      return tracker.view().running_vms;
    case 'stats_vcpus':
      return tracker.view().vcpus;
    case 'count':
      return tracker.view().freeDevices;
    case 'flavor':
      return tracker.heldFlavorOf(world.theInstance().uuid) ?? null;
    case 'error':
      return world.error;
    case 'ok':
      if (typeof expected === 'boolean') return world.error === null;
      return results.filter((error) => error === null).length;
    case 'refused':
      return results.filter((error) => error !== null).length;
    case 'raised':
      return expected === 'ComputeResourcesUnavailable' ? errorName(world.error) : undefined;
    case 'second':
      return typeof expected === 'string' ? errorName(results[1] ?? null) : undefined;
    case 'vcpus':
      return Array.isArray(expected) ? views.slice(-expected.length).map((seen) => seen.vcpus) : undefined;
    case 'pools':
      return tracker.view().freeDevices === 0 ? [] : undefined;
    case 'metrics':
      // Nothing measures here; what monitors give is an area of its own.
      return JSON.stringify(publishedMetrics([], showable([]).shown, { minIntervalMs: 0, threshold: 0 }, 0));
    case 'pci_stats':
      return Array.isArray(expected) ? publishedPools(world) : tracker.view().freeDevices === 0 ? '[]' : undefined;
    default:
      return undefined;
  }
}

/** In Nova's words, which must survive as JSON. */
function publishedPools({ tracker }: TrackerWorld): Json {
  const pools = tracker.ledger.view().pciPools.map(({ vendorID, productID, tags, free }) => ({
    count: free,
    vendor_id: vendorID,
    product_id: productID,
    extra_info: extraFrom(tags),
  }));
  return JSON.parse(JSON.stringify(pools)) as Json;
}

function errorName(error: string | null): string {
  return error === null ? 'ok' : 'ComputeResourcesUnavailable';
}

/** Nova also keeps the figures as text, which it forgets to rewrite at times; here there is one view. */
function looksAtText(world: TrackerWorld, area: string): View {
  if (area === 'tracker.pci') world.tracker.events.add('DropLooksAtText');
  return world.tracker.view();
}

function auditedOnce(world: TrackerWorld): View | undefined {
  const now = world.tracker.view();
  world.audit();
  const audited = world.tracker.view();
  world.views.pop();
  return audited ?? now;
}

function shapedLike(expected: Json, view: View, area: string): Json {
  const figures: Readonly<Record<string, number>> = view;
  if (isObject(expected)) return Object.fromEntries(Object.keys(expected).map((key) => [key, figures[key] ?? null]));
  if (typeof expected !== 'number') throw new NotRunnable('an output of unknown form');
  if (area === 'tracker.pci') return view.freeDevices;
  return area === 'audit.stats' ? view.running_vms : view.mem;
}
