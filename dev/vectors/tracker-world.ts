import type { PciDevice } from '../../src/ledger/types.ts';
import { isObject, type JsonObject, listAt, NotRunnable, numberAt, objectAt } from './json.ts';
import { deviceOf } from './nova-pci.ts';
import { type NodeConfig, type NovaInstance, NovaTracker } from './nova-tracker.ts';
import type { Figure } from './outcome.ts';
import { limitsIn, sizeIn } from './prose.ts';
import type { Size } from './units.ts';

export type View = ReturnType<NovaTracker['view']>;

/** The instance that cases mean when they name no size, as the figures of several that do not agree upon (IC-07, OR-02 and UU-06 say so). */
const USUAL_SIZE: Size = { memoryMb: 3, diskGb: 1, vcpus: 1 };

/** The state of a told scenario: a tracker, what was done to it, and how it looked at each step. */
export class TrackerWorld {
  readonly tracker: NovaTracker;
  readonly assumed = new Set<Figure>();
  /** After each step that changes something. */
  readonly views: View[] = [];
  /** Around the last audit. */
  beforeAudit: View | undefined;
  afterAudit: View | undefined;
  /** The last error of a claim in Nova's words, or null. */
  error: string | null = null;
  readonly results: (string | null)[] = [];
  last: NovaInstance | undefined;
  limits: JsonObject;
  #count = 0;

  constructor(inputs: JsonObject, text: string) {
    this.tracker = new NovaTracker(nodeOf(inputs, text));
    this.limits = limitsIn(text) ?? {};
    if (isObject(inputs.limits)) this.limits = inputs.limits;
    for (const [id, flavor] of Object.entries(objectAt(inputs, 'default_flavors'))) {
      if (isObject(flavor)) this.tracker.flavors.set(Number(id), sizeOfFlavor(flavor));
    }
  }

  /** A size as far as a text tells it; the rest as the cases usually have it. */
  sizeFrom(text: string): Size {
    const told = sizeIn(text);
    if (told.memoryMb === undefined) this.assumed.add('mem');
    if (told.diskGb === undefined) this.assumed.add('disk');
    if (told.vcpus === undefined) this.assumed.add('vcpus');
    return { ...USUAL_SIZE, ...told };
  }

  newInstance(size: Size): NovaInstance {
    const uuid = `i${++this.#count}`;
    this.last = { uuid, size, flavorId: 1, isHere: false, vmState: 'active', taskState: null, pciRequests: [] };
    return this.last;
  }

  claim(instance: NovaInstance, limits: JsonObject = this.limits): void {
    this.error = this.tracker.claim(instance, limits);
    this.results.push(this.error);
    this.look();
  }

  audit(): void {
    this.beforeAudit = this.tracker.view();
    this.tracker.audit();
    this.afterAudit = this.tracker.view();
    this.look();
  }

  look(): void {
    this.views.push(this.tracker.view());
  }

  theInstance(): NovaInstance {
    if (this.last === undefined) throw new NotRunnable('speaks of an instance that it has not introduced');
    return this.last;
  }
}

/** A flavor as Nova's tests write it. */
export function sizeOfFlavor(flavor: JsonObject): Size {
  const diskGb = (numberAt(flavor, 'root_gb') ?? 0) + (numberAt(flavor, 'ephemeral_gb') ?? 0);
  return { memoryMb: numberAt(flavor, 'memory_mb') ?? 0, diskGb, vcpus: numberAt(flavor, 'vcpus') ?? 0 };
}

function nodeOf(inputs: JsonObject, text: string): NodeConfig {
  const node = objectAt(inputs, 'node');
  const told = sizeIn(/node \d+ MB[^,;]*/.exec(text)?.[0] ?? '');
  const said = (pattern: RegExp) => (pattern.exec(text) === null ? undefined : Number(pattern.exec(text)?.[1]));
  const devices: PciDevice[] = listAt(inputs, 'devices').map(deviceOf);
  return {
    memoryMb: numberAt(node, 'memory_mb') ?? told.memoryMb ?? 5,
    diskGb: numberAt(node, 'local_gb') ?? told.diskGb ?? 6,
    vcpus: numberAt(node, 'vcpus') ?? told.vcpus ?? 1,
    reservedMemoryMb: numberAt(node, 'reserved_memory_mb') ?? said(/reserved memory (\d+) MB/) ?? 0,
    reservedDiskMb: numberAt(node, 'reserved_disk_mb') ?? said(/reserved disk (\d+) MB/) ?? 0,
    overheadMb: numberAt(node, 'overhead_mb') ?? said(/driver overhead (\d+) MB/) ?? usualOverhead(text),
    devices,
  };
}

/** Scenarios that do not describe their node at all use the usual one, which has an overhead of 1 MB. */
function usualOverhead(text: string): number {
  return /node \d+ MB/.test(text) ? 0 : 1;
}
