/** Which monitors run: those that are wanted, in that order, as far as they can. (Nova: ResourceMonitorHandler.choose_monitors) */
import type { MetricKind, MetricSpec, Monitor } from './monitor.ts';

/** A monitor that runs, with the metrics that it named. */
export interface ChosenMonitor {
  readonly name: string;
  readonly monitor: Monitor;
  readonly metrics: ReadonlyMap<string, MetricKind>;
}

/** One that is wanted and does not run. */
export interface RefusedMonitor {
  readonly name: string;
  readonly reason: string;
}

export interface Choice {
  readonly chosen: readonly ChosenMonitor[];
  readonly refused: readonly RefusedMonitor[];
}

const MONITOR = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const METRIC = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
const MAX_METRIC = 127;
const KINDS: readonly MetricKind[] = ['share', 'level', 'counter'];

/**
 * Chooses by name. One that is not there, that cannot name its metrics, or that gives a metric which one before it gives already, is left out as a
 * whole; the others go on. Of several of the same name the first is meant. (Nova: the later of two that overlap loses whole)
 */
export function chooseMonitors(available: readonly Monitor[], wanted: readonly string[]): Choice {
  const chosen: ChosenMonitor[] = [];
  const refused: RefusedMonitor[] = [];
  for (const name of wanted) {
    try {
      chosen.push(choose(name, available, chosen));
    } catch (error) {
      refused.push({ name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { chosen, refused };
}

function choose(name: string, available: readonly Monitor[], earlier: readonly ChosenMonitor[]): ChosenMonitor {
  if (earlier.some((other) => other.name === name)) throw new Error('it is named twice; leave it out once');
  const monitor = available.find((candidate) => candidate.name === name);
  if (monitor === undefined) throw new Error(`there is no such monitor; there are: ${namesOf(available)}`);
  if (!MONITOR.test(name)) throw new Error("its name must be lower-case letters, digits and '-', 63 at most");
  const metrics = new Map(namedMetrics(monitor).map((spec) => checkedSpec(spec)));
  for (const metric of metrics.keys()) {
    const giver = earlier.find((other) => other.metrics.has(metric));
    if (giver !== undefined)
      throw new Error(`it gives ${metric}, as ${giver.name} before it does; name the one first that is to give it`);
  }
  return { name, monitor, metrics };
}

function namesOf(monitors: readonly Monitor[]): string {
  return [...new Set(monitors.map(({ name }) => name))].join(', ') || 'none';
}

/** Foreign code runs here: a list may be a getter that throws, or no list. */
function namedMetrics(monitor: Monitor): readonly MetricSpec[] {
  const metrics: unknown = monitor.metrics;
  if (Array.isArray(metrics) && metrics.length > 0) return metrics;
  throw new Error('it names no metrics; write for example metrics: [{ name: "disk.busy", kind: "share" }]');
}

function checkedSpec(spec: MetricSpec): [name: string, kind: MetricKind] {
  const { name, kind } = spec;
  if (typeof name !== 'string' || name.length > MAX_METRIC || !METRIC.test(name))
    throw new Error(`its metric "${String(name)}" must be lower-case words joined by dots, for example disk.busy`);
  if (!KINDS.includes(kind))
    throw new Error(`its metric ${name} must have a kind, one of ${KINDS.join(', ')} (given: ${String(kind)})`);
  return [name, kind];
}
