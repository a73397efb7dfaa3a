import type { CpuCounters } from '../../src/drivers/driver.ts';
import { chooseMonitors } from '../../src/monitors/choose-monitors.ts';
import { createCpuMonitor } from '../../src/monitors/cpu-monitor.ts';
import type { Monitor, MonitorReading } from '../../src/monitors/monitor.ts';
import { MonitorReader } from '../../src/monitors/monitor-reader.ts';
import type { VectorCase } from './case.ts';
import { type Json, type JsonObject, listAt, NotRunnable } from './json.ts';
import { type Outcome, ran } from './outcome.ts';
import { countOf } from './prose.ts';

const { signal: WANTED } = new AbortController();

/** Which of the monitors that the scenario lists are chosen. Ours have names in lower case. */
export function runMonitorChoice({ given, inputs }: VectorCase): Outcome {
  const available = [...given.matchAll(/(\w+) \(([^)]*)\)/g)].map(([, name = '', says = '']) => monitorOf(name, says));
  const wanted = listAt(inputs, 'wanted').map(String);
  if (available.length === 0 || wanted.length === 0) throw new NotRunnable('no monitors');
  const { chosen } = chooseMonitors(available, wanted.map(ourName));
  return ran({ chosen: chosen.map(({ name }) => wanted.find((other) => ourName(other) === name) ?? name) });
}

function monitorOf(name: string, says: string): Monitor {
  const raises = says === 'raises';
  return {
    name: ourName(name),
    get metrics() {
      if (raises) throw new Error('raised');
      return [...says.matchAll(/\bk\d+\b/g)].map(([metric]) => ({ name: metric, kind: 'level' as const }));
    },
    read: () => ({ values: {} }),
  };
}

function ourName(name: string): string {
  return name.toLowerCase();
}

/** The metrics of a monitor that is derived from another one. What that one is called is told in a case that is not in the file. */
export function runInheritedMetrics({ given }: VectorCase): Outcome {
  const added = /derived from .* that adds _get_(\w+)/.exec(given)?.[1];
  if (added === undefined) throw new NotRunnable('not understood');
  const base = new Inherited();
  const derived = Object.create(base, {
    metrics: { value: [...base.metrics, { name: added, kind: 'level' }] },
  }) as Monitor;
  const [monitor] = chooseMonitors([derived], [derived.name]).chosen;
  return ran({ names: [...(monitor?.metrics.keys() ?? [])].toSorted() }, ['MetricsInherited']);
}

class Inherited implements Monitor {
  readonly name = 'derived';
  readonly metrics: Monitor['metrics'] = [{ name: 'inherited', kind: 'level' }];

  read(): MonitorReading {
    return { values: {} };
  }
}

/** Readings of the CPU monitor. */
export async function runCpuMonitor(subject: VectorCase): Promise<Outcome> {
  const text = `${subject.given}; ${subject.when}`;
  if (/metric names/.test(text)) return ran({ names: metricNames() });
  const ages = /collect again after ([\d, ]+) seconds/.exec(text)?.[1];
  if (ages !== undefined) return ran({ reads: await readsAt(ages.split(', ').map(Number)) });
  const values = await lastValues(readingsIn(subject.given));
  const figures = Object.entries(values).map(([name, value]) => [name, Number(value)] as const);
  return ran(Object.fromEntries(figures.filter(([name]) => name in subject.outputs)));
}

function metricNames(): readonly string[] {
  const { metrics } = createCpuMonitor({ name: 'vectors' });
  return metrics.map(({ name }) => name).toSorted();
}

async function lastValues(readings: readonly CpuCounters[]): Promise<MonitorReading['values']> {
  const left = [...readings];
  const monitor = createCpuMonitor({ name: 'vectors', cpuCounters: async () => left.shift() ?? NOTHING });
  let reading: MonitorReading = { values: {} };
  for (const index of readings.keys()) reading = await monitor.read({ nowMs: index * 3_000, signal: WANTED });
  return reading.values;
}

/** How often the driver was read by then, the first reading included. */
async function readsAt(ages: readonly number[]): Promise<readonly number[]> {
  let reads = 0;
  const monitor = createCpuMonitor({
    name: 'vectors',
    cpuCounters: async () => {
      reads += 1;
      return NOTHING;
    },
  });
  await monitor.read({ nowMs: 0, signal: WANTED });
  const seen: number[] = [];
  for (const age of ages) {
    await monitor.read({ nowMs: age * 1_000, signal: WANTED });
    seen.push(reads);
  }
  return seen;
}

const NOTHING: CpuCounters = { userNs: 0n, kernelNs: 0n, idleNs: 0n, iowaitNs: 0n, frequencyMhz: 0 };

/** One reading as it is told; of a second one the deltas are, too, from which the first one follows. */
function readingsIn(text: string): readonly CpuCounters[] {
  const [, user, kernel, idle, iowait] = /user (\d+), kernel (\d+), idle (\d+), iowait (\d+)/.exec(text) ?? [];
  const last = [user, kernel, idle, iowait].map(Number);
  if (last.some(Number.isNaN)) throw new NotRunnable('no counters');
  const deltas = /deltas (\d+), (\d+), (\d+), (\d+)/.exec(text)?.slice(1).map(Number);
  const first = deltas?.map((delta, index) => (last[index] ?? 0) - delta);
  return (first === undefined ? [last] : [first, last]).map((times) => countersOf(times, text));
}

/** Where no frequency is told it is that of the other readings, 800 MHz. */
function countersOf(times: readonly number[], text: string): CpuCounters {
  const [user = 0, kernel = 0, idle = 0, iowait = 0] = times;
  const frequencyMhz = Number(/frequency (\d+)/.exec(text)?.[1] ?? 800);
  return {
    userNs: BigInt(user),
    kernelNs: BigInt(kernel),
    idleNs: BigInt(idle),
    iowaitNs: BigInt(iowait),
    frequencyMhz,
  };
}

/** What an audit collects: `two working monitors`, or `all monitors raise`. */
export async function runMetrics({ given, outputs }: VectorCase): Promise<Outcome> {
  const working = /^(\w+) working monitors$/.exec(given)?.[1];
  if (working === undefined && given !== 'all monitors raise') throw new NotRunnable('not understood');
  const monitors = Array.from({ length: working === undefined ? 2 : countOf(working) }, (_, index) =>
    collected(`k${index + 1}`, working !== undefined),
  );
  const { chosen } = chooseMonitors(
    monitors,
    monitors.map(({ name }) => name),
  );
  const { figures } = await new MonitorReader({ monitors: chosen, wallClock: () => 0 }).read(WANTED);
  const known: JsonObject = { metrics: figures.map(({ name }) => name), sent: [] satisfies Json[] };
  const keys = Object.entries(known).filter(([key]) => key in outputs);
  return ran(Object.fromEntries(keys), figures.length > 0 ? ['MetricsCollected'] : []);
}

function collected(metric: string, works: boolean): Monitor {
  return {
    name: `monitor-of-${metric}`,
    metrics: [{ name: metric, kind: 'level' }],
    read: () => {
      if (!works) throw new Error('raised');
      return { values: { [metric]: 1 } };
    },
  };
}
