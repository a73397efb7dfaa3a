/** Nova's CPU monitor: what the host's CPUs do, from the driver's counters. (Nova: monitors/cpu/virt_driver.py) */
import { type CpuCounters, type Driver, DriverError } from '../drivers/driver.ts';
import type { MetricSpec, Monitor, MonitorReading } from './monitor.ts';

/** Whose counters they are. */
export type CpuSource = Pick<Driver, 'name' | 'cpuCounters'>;

/** Read again only when the last reading is so old. (Nova: whole seconds, more than one) */
const MIN_AGE_MS = 2_000;
/** Six digits behind the point. */
const PARTS = 1_000_000n;

/** Times are nanoseconds since the host started; the frequency is in MHz; percents are fractions of the time since the last reading, 0 to 1. */
const METRICS: readonly MetricSpec[] = [
  { name: 'cpu.frequency', kind: 'level' },
  { name: 'cpu.user.time', kind: 'counter' },
  { name: 'cpu.kernel.time', kind: 'counter' },
  { name: 'cpu.idle.time', kind: 'counter' },
  { name: 'cpu.iowait.time', kind: 'counter' },
  { name: 'cpu.user.percent', kind: 'share' },
  { name: 'cpu.kernel.percent', kind: 'share' },
  { name: 'cpu.idle.percent', kind: 'share' },
  { name: 'cpu.iowait.percent', kind: 'share' },
  { name: 'cpu.percent', kind: 'share' },
];

type Times = Pick<CpuCounters, 'userNs' | 'kernelNs' | 'idleNs' | 'iowaitNs'>;
type Shares = Readonly<Record<string, number>>;

const NEVER: Times = { userNs: 0n, kernelNs: 0n, idleNs: 0n, iowaitNs: 0n };

/** The monitor `cpu`. Its first reading tells shares of all the time since the host started. */
export function createCpuMonitor(source: CpuSource): Monitor {
  let counters: Times = NEVER;
  let shares: Shares = sharesOf(NEVER);
  let last: Required<MonitorReading> | undefined;
  return {
    name: 'cpu',
    metrics: METRICS,
    read: async ({ nowMs, signal }) => {
      const ageMs = last === undefined ? Number.POSITIVE_INFINITY : nowMs - last.atMs;
      // A clock that was put back must not keep the old reading.
      if (last !== undefined && ageMs >= 0 && ageMs < MIN_AGE_MS) return last;
      const now = await countersOf(source, signal);
      const spent = spentSince(counters, now);
      // Nothing is known of no time: what was last known stands.
      if (sumOf(spent) > 0n) shares = sharesOf(spent);
      counters = now;
      last = { values: { ...timesOf(now), ...shares }, atMs: nowMs };
      return last;
    },
  };
}

async function countersOf(source: CpuSource, signal: AbortSignal): Promise<CpuCounters> {
  if (source.cpuCounters !== undefined) return source.cpuCounters(signal);
  throw new DriverError('Unsupported', `the driver ${source.name} has no CPU counters`);
}

/** A host that was started anew counts from nothing; where only one counter went back a little, that one has not moved. */
function spentSince(last: Times, now: Times): Times {
  const since = sumOf(now) < sumOf(last) ? NEVER : last;
  const step = (of: keyof Times) => (now[of] > since[of] ? now[of] - since[of] : 0n);
  return { userNs: step('userNs'), kernelNs: step('kernelNs'), idleNs: step('idleNs'), iowaitNs: step('iowaitNs') };
}

function sumOf({ userNs, kernelNs, idleNs, iowaitNs }: Times): bigint {
  return userNs + kernelNs + idleNs + iowaitNs;
}

function sharesOf(spent: Times): Shares {
  const { userNs, kernelNs, idleNs, iowaitNs } = spent;
  const sum = sumOf(spent);
  const share = (part: bigint) => (sum === 0n ? 0 : Number((part * PARTS) / sum) / Number(PARTS));
  return {
    'cpu.user.percent': share(userNs),
    'cpu.kernel.percent': share(kernelNs),
    'cpu.idle.percent': share(idleNs),
    'cpu.iowait.percent': share(iowaitNs),
    'cpu.percent': share(userNs + kernelNs + iowaitNs),
  };
}

function timesOf({ userNs, kernelNs, idleNs, iowaitNs, frequencyMhz }: CpuCounters): MonitorReading['values'] {
  return {
    'cpu.frequency': frequencyMhz,
    'cpu.user.time': userNs,
    'cpu.kernel.time': kernelNs,
    'cpu.idle.time': idleNs,
    'cpu.iowait.time': iowaitNs,
  };
}
