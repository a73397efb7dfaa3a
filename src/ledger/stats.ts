import { byText } from './order.ts';
import type { Holding, InstanceFacts } from './types.ts';

/** Counters of a node, as schedulers and people read them. Keys are sorted, and one at zero is absent. (Nova: compute/stats.py) */
export interface Stats {
  readonly instances: number;
  /** vCPUs of all holdings; what is reserved is not in it. */
  readonly vcpusUsed: number;
  readonly byVMState: Readonly<Record<string, number>>;
  readonly byTaskState: Readonly<Record<string, number>>;
  readonly byOSType: Readonly<Record<string, number>>;
  readonly byProject: Readonly<Record<string, number>>;
  /** Instances that are being built plus those in a task that is heavy on I/O; one that is both counts twice. (Nova: io_workload) */
  readonly ioWorkload: number;
  /** Instances in any task. (Nova: current_workload) */
  readonly currentWorkload: number;
  /** All instances, running or not. (Nova: running_vms) */
  readonly runningInstances: number;
}

const NONE = 'None';
/** Folded. The last two as Nova of 2014-05 and later. */
const IO_TASKS = new Set([
  'resizemigrating',
  'rebuilding',
  'resizeprep',
  'imagesnapshot',
  'imagebackup',
  'rescuing',
  'unshelving',
]);

/** Exactly maintained statistics: what was added under a holding is what is taken away with it. */
export class StatsCounter {
  readonly #vmStates = new Map<string, number>();
  readonly #taskStates = new Map<string, number>();
  readonly #osTypes = new Map<string, number>();
  readonly #projects = new Map<string, number>();
  #instances = 0;
  #vcpus = 0n;

  add(holding: Holding): void {
    this.#count(holding, 1);
  }

  remove(holding: Holding): void {
    this.#count(holding, -1);
  }

  #count({ amounts, facts }: Holding, sign: 1 | -1): void {
    this.#vcpus += sign === 1 ? amounts.vcpus : -amounts.vcpus;
    // Nova: a migration's holding counts its vCPUs and nothing else.
    if (facts === undefined) return;
    this.#instances += sign;
    for (const [counters, key] of this.#keys(facts)) tally(counters, key ?? NONE, sign);
  }

  #keys({ vmState, taskState, osType, project }: InstanceFacts) {
    return [
      [this.#vmStates, vmState],
      [this.#taskStates, taskState],
      [this.#osTypes, osType],
      [this.#projects, project],
    ] as const;
  }

  view(): Stats {
    return {
      instances: this.#instances,
      vcpusUsed: Number(this.#vcpus),
      byVMState: sorted(this.#vmStates),
      byTaskState: sorted(this.#taskStates),
      byOSType: sorted(this.#osTypes),
      byProject: sorted(this.#projects),
      ioWorkload: countWhere(this.#vmStates, isBuilding) + countWhere(this.#taskStates, isIoTask),
      currentWorkload: countWhere(this.#taskStates, (task) => task !== NONE),
      runningInstances: this.#instances,
    };
  }
}

function tally(counters: Map<string, number>, key: string, change: 1 | -1): void {
  const count = (counters.get(key) ?? 0) + change;
  if (count === 0) counters.delete(key);
  else counters.set(key, count);
}

function sorted(counters: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counters].toSorted(([left], [right]) => byText(left, right)));
}

function countWhere(counters: ReadonlyMap<string, number>, counts: (key: string) => boolean): number {
  let sum = 0;
  for (const [key, count] of counters) if (counts(key)) sum += count;
  return sum;
}

function isBuilding(vmState: string): boolean {
  return fold(vmState) === 'building';
}

function isIoTask(taskState: string): boolean {
  return IO_TASKS.has(fold(taskState));
}

/** States are told as `resize_prep` or `ResizePrep`, depending on who writes them. */
function fold(state: string): string {
  return state.replaceAll('_', '').toLowerCase();
}
