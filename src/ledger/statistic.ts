import type { InstanceFacts } from './types.ts';

/** What a statistic sees of an instance: what is counted of it anyway, and what is held for it. */
export interface CountedInstance extends InstanceFacts {
  readonly vcpus: bigint;
  /** Without the overhead. */
  readonly memoryBytes: bigint;
  readonly overheadMemoryBytes: bigint;
  /** Root and ephemeral disk. */
  readonly diskBytes: bigint;
  /** PCI addresses that are held for it. */
  readonly devices: readonly string[];
}

/** Statistics of somebody's own. (Nova: a class in place of compute/stats.py's) */
export interface Statistic {
  /** Begins the name of each of its counters, as in `sizes.large`. */
  readonly name: string;
  /**
   * What one instance adds to which counters: whole numbers, 0 or more, by names of letters, digits, `.`, `_` and `-`. The counters are the
   * sums over all instances; an instance that goes takes away exactly what it has added.
   *
   * Must be pure and fast: it is called whenever an instance comes or changes, before the claim that waits for it is answered. Where it
   * throws, or answers something else, none of its counters are published as long as that instance is there.
   */
  count(instance: CountedInstance): Readonly<Record<string, number | bigint>>;
}

/** A statistic that could not count some instances. */
export interface StatisticFault {
  readonly statistic: string;
  /** How many instances it could not count. */
  readonly instances: number;
  readonly message: string;
}
