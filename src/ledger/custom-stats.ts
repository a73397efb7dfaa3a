import { byText } from './order.ts';
import type { CountedInstance, Statistic, StatisticFault } from './statistic.ts';
import type { Holding, InstanceFacts } from './types.ts';

/** Counters of all statistics that were told to count, and which of these could not. */
export interface CustomStats {
  /** By `statistic.counter`, sorted. A counter at zero is absent. */
  readonly counters: Readonly<Record<string, number>>;
  /** Their counters are not among the counters: they would be wrong. Sorted. */
  readonly faults: readonly StatisticFault[];
}

type Counted = ReadonlyMap<string, bigint>;

const COUNTER = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** Statistics of plug-ins, exactly maintained: what was added for a holding is remembered, and is what is taken away with it. */
export class CustomStatsCounter {
  readonly #tallies: readonly Tally[];

  constructor(statistics: readonly Statistic[]) {
    this.#tallies = statistics.map((statistic) => new Tally(statistic)).toSorted((a, b) => byText(a.name, b.name));
  }

  add(holding: Holding): void {
    const { key, facts } = holding;
    // As Nova's own: a migration's or an orphan's holding is no instance.
    if (facts === undefined) return;
    for (const tally of this.#tallies) tally.add(key, instanceOf(holding, facts));
  }

  remove({ key }: Holding): void {
    for (const tally of this.#tallies) tally.remove(key);
  }

  view(): CustomStats {
    const faults = this.#tallies.map((tally) => tally.fault).filter((fault) => fault !== undefined);
    const counters = this.#tallies.flatMap((tally) => tally.counters());
    return { counters: Object.fromEntries(counters.toSorted(([left], [right]) => byText(left, right))), faults };
  }
}

/** The counters of one statistic. */
class Tally {
  readonly name: string;
  readonly #statistic: Statistic;
  readonly #sums = new Map<string, bigint>();
  readonly #counted = new Map<string, Counted>();
  /** Why an instance could not be counted, by the key of its holding. */
  readonly #failed = new Map<string, string>();

  constructor(statistic: Statistic) {
    this.#statistic = statistic;
    this.name = statistic.name;
  }

  get fault(): StatisticFault | undefined {
    const [first] = [...this.#failed].toSorted(([left], [right]) => byText(left, right));
    return first && { statistic: this.name, instances: this.#failed.size, message: first[1] };
  }

  counters(): (readonly [name: string, count: number])[] {
    if (this.#failed.size > 0) return [];
    return [...this.#sums].map(([name, sum]) => [`${this.name}.${name}`, safeNumber(sum)]);
  }

  add(key: string, instance: CountedInstance): void {
    try {
      const counted = checked(this.#statistic.count(instance));
      this.#counted.set(key, counted);
      for (const [name, count] of counted) this.#change(name, count);
    } catch (error) {
      this.#failed.set(key, error instanceof Error ? error.message : String(error));
    }
  }

  remove(key: string): void {
    for (const [name, count] of this.#counted.get(key) ?? []) this.#change(name, -count);
    this.#counted.delete(key);
    this.#failed.delete(key);
  }

  #change(name: string, change: bigint): void {
    const sum = (this.#sums.get(name) ?? 0n) + change;
    if (sum === 0n) this.#sums.delete(name);
    else this.#sums.set(name, sum);
  }
}

/** An object of its own: what is held is not a plug-in's to change. */
function instanceOf({ amounts, overheadMemoryBytes, devices }: Holding, facts: InstanceFacts): CountedInstance {
  return { ...facts, ...amounts, overheadMemoryBytes, devices: [...devices] };
}

/** What a plug-in answered, which its types promise and nobody has checked. */
function checked(answer: unknown): Counted {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer) || 'then' in answer)
    throw new Error('count must return counters, for example { large: 1 }, and not a promise');
  return new Map(Object.entries(answer).map(([name, count]) => [checkedName(name), checkedCount(name, count)]));
}

function checkedName(name: string): string {
  if (COUNTER.test(name)) return name;
  throw new Error(`the counter "${name.slice(0, 80)}" must be named by letters, digits, '.', '_' and '-', 63 at most`);
}

function checkedCount(name: string, count: unknown): bigint {
  if (typeof count === 'bigint' && count >= 0n) return count;
  if (Number.isSafeInteger(count) && Number(count) >= 0) return BigInt(Number(count));
  throw new Error(`the counter ${name} must be a whole number, 0 or more (given: ${String(count).slice(0, 80)})`);
}

function safeNumber(sum: bigint): number {
  return sum > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(sum);
}
