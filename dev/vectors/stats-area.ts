import { Ledger } from '../../src/ledger/ledger.ts';
import type { Holding, Host, InstanceFacts } from '../../src/ledger/types.ts';
import type { VectorCase } from './case.ts';
import { type JsonObject, listAt, NotRunnable } from './json.ts';
import { type EventName, type Figure, type Outcome, ran } from './outcome.ts';
import { type Phrase, perform } from './prose.ts';
import { scenarioText } from './scenario-text.ts';

const ONE = { numerator: 1n, denominator: 1n };
const NOTHING = { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n };
const HOST: Host = {
  totals: NOTHING,
  policy: { reserved: NOTHING, allocationRatios: { vcpus: ONE, memory: ONE, disk: ONE }, limitPolicy: 'ClaimOnly' },
  devices: [],
};
/** Nova added them in 2014-05. */
const LATER_IO_TASKS = /rescuing|unshelving/;
/** The instance of Nova's own tests of its statistics. */
const USUAL: InstanceFacts = { vmState: 'active', taskState: null, osType: 'Linux', project: '1234' };

/** Instances as the statistics see them. */
class StatsWorld {
  ledger = new Ledger(HOST);
  readonly events = new Set<EventName>();
  readonly assumed = new Set<Figure>(['labels']);
  readonly vcpus: number[] = [];
  readonly #outputs: JsonObject;
  #count = 0;

  constructor(outputs: JsonObject) {
    this.#outputs = outputs;
  }

  /** Project and OS type of the last one become what only the names of the counters tell: which are at 0 in the end, and which at 1. */
  changeLabels(): void {
    for (const count of [0, 1])
      this.change({ project: this.#label('num_proj_', count), osType: this.#label('num_os_type_', count) });
    this.assumed.clear();
  }

  #label(prefix: string, count: number): string {
    const name = Object.keys(this.#outputs).find((key) => key.startsWith(prefix) && this.#outputs[key] === count);
    if (name === undefined) throw new NotRunnable(`no counter ${prefix}* is ${count}`);
    return name.slice(prefix.length);
  }

  add(facts: Partial<InstanceFacts>, vcpus = 1): void {
    this.put(`i${++this.#count}`, { ...USUAL, ...facts }, vcpus);
  }

  put(key: string, facts: InstanceFacts | undefined, vcpus: number): void {
    const holding: Holding = {
      key,
      amounts: { ...NOTHING, vcpus: BigInt(vcpus) },
      overheadMemoryBytes: 0n,
      devices: [],
    };
    this.ledger.hold(facts === undefined ? holding : { ...holding, facts });
    if (LATER_IO_TASKS.test(facts?.taskState ?? '')) this.events.add('LaterIOTask');
  }

  /** Changes the last one. Deleted ones are given back. */
  change(facts: Partial<InstanceFacts>): void {
    const key = `i${this.#count}`;
    const held = this.ledger.get(key);
    if (held?.facts === undefined) return;
    if (facts.vmState === 'deleted') this.ledger.release(key);
    else this.put(key, { ...held.facts, ...facts }, Number(held.amounts.vcpus));
  }

  /** A scenario whose instances are listed elsewhere in the case. */
  expectInstances(): void {
    if (this.#count === 0) throw new NotRunnable('no instances are listed');
  }

  seeVcpus(): void {
    this.vcpus.push(this.ledger.view().stats.vcpusUsed);
  }
}

const PHRASES: readonly Phrase<StatsWorld>[] = [
  [
    /(?:one )?building instance(?: with task (\w+))?/,
    (world, match) => world.add({ vmState: 'building', taskState: match[1] ?? null }),
  ],
  [/one instance in (?:every|each) task state listed/, () => {}],
  [
    /one instance/,
    (world) => {
      world.assumed.add('all');
      world.add({});
    },
  ],
  [/(?:one )?active instance(?: with task (\w+))?/, (world, match) => world.add({ taskState: match[1] ?? null })],
  [/instances with no os_type and no project/, (world) => world.add({ osType: null, project: null })],
  [/nothing|workload|io_workload|add/, () => {}],
  [/project and os type change/, (world) => world.changeLabels()],
  [/task states that look like I\/O/, (world) => world.expectInstances()],
  [/becomes ([\w-]+)/, (world, match) => world.change({ vmState: match[1] ?? '' })],
  // Never held: what is deleted counts nothing.
  [/an unknown instance arrives as deleted/, (world) => world.change({ vmState: 'deleted' })],
  [/num_vcpus_used (\d+)/, (world, match) => world.add({}, Number(match[1]))],
  [
    /migration flavor of (\d+) VCPU added/,
    (world, match) => {
      world.put('migration', undefined, Number(match[1]));
      world.seeVcpus();
    },
  ],
  [
    /removed/,
    (world) => {
      world.ledger.release('migration');
      world.seeVcpus();
    },
  ],
  [
    /clear \(start of each audit\)/,
    (world) => {
      world.ledger = new Ledger(HOST);
    },
  ],
];

/** Scenarios of Nova's counters. */
export function runStats(subject: VectorCase, all: ReadonlyMap<string, VectorCase>): Outcome {
  const world = new StatsWorld(subject.outputs);
  const tasks = [...listAt(subject.inputs, 'tasks'), ...tasksNotCounted(subject)];
  for (const task of tasks) world.add({ taskState: task === null ? null : `${task}` });
  perform(world, scenarioText(subject, all), PHRASES);
  const known = { ...counters(world.ledger), ...(world.vcpus.length > 0 ? { vcpus: world.vcpus } : {}) };
  const actual = Object.keys(subject.outputs).map((key) => [key, probe(key, known)] as const);
  return ran(Object.fromEntries(actual), world.events, world.assumed);
}

/** `not counted: image_uploading, spawning`: these are what the case is about. */
function tasksNotCounted({ expect = '' }: VectorCase): readonly string[] {
  return /^not counted: ([\w, ]+)$/.exec(expect)?.[1]?.split(', ') ?? [];
}

/** Nova's names for our statistics. */
function counters(ledger: Ledger): JsonObject {
  const { stats } = ledger.view();
  const named = (prefix: string, counts: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(counts).map(([key, count]) => [`${prefix}_${key}`, count]));
  const maps = {
    ...named('num_vm', stats.byVMState),
    ...named('num_task', stats.byTaskState),
    ...named('num_os_type', stats.byOSType),
    ...named('num_proj', stats.byProject),
  };
  return {
    ...maps,
    num_instances: stats.instances,
    num_vcpus_used: stats.vcpusUsed,
    vcpus: stats.vcpusUsed,
    io_workload: stats.ioWorkload,
    io: stats.ioWorkload,
    workload: stats.currentWorkload,
    keys: Object.keys(maps).length,
    states: stats.instances,
  };
}

/** A counter that is not there is told as null. */
function probe(key: string, known: JsonObject) {
  if (known[key] === undefined && !key.startsWith('num_')) throw new NotRunnable(`an output that is not known: ${key}`);
  return known[key] ?? null;
}
