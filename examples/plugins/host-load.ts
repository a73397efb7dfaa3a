/**
 * A plug-in module: a monitor of the host's load, and statistics of the sizes of instances.
 *
 *   resource-tracker agent --plugins examples/plugins/host-load.ts --monitors '[cpu, load]' ...
 */
import { availableParallelism, loadavg } from 'node:os';
import type { CountedInstance, MetricSpec, Monitor, MonitorCall, MonitorReading, Statistic } from '../../src/plugin.ts';

const METRICS: readonly MetricSpec[] = [
  // Runnable threads, on average over one and over fifteen minutes.
  { name: 'load.short', kind: 'level' },
  { name: 'load.long', kind: 'level' },
  // The long one for each CPU, where that is below one.
  { name: 'load.busy', kind: 'share' },
];

function read({ nowMs }: MonitorCall): MonitorReading {
  const [short = 0, , long = 0] = loadavg();
  return {
    values: { 'load.short': short, 'load.long': long, 'load.busy': Math.min(1, long / availableParallelism()) },
    atMs: nowMs,
  };
}

const GIB = 1n << 30n;

function sizeOf({ memoryBytes }: CountedInstance): 'small' | 'medium' | 'large' {
  if (memoryBytes <= 4n * GIB) return 'small';
  return memoryBytes <= 32n * GIB ? 'medium' : 'large';
}

export const monitors: readonly Monitor[] = [{ name: 'load', metrics: METRICS, read }];

export const statistics: readonly Statistic[] = [
  {
    name: 'sizes',
    // Published as status.stats.custom["sizes.large"] and so on.
    count: (instance) => ({ [sizeOf(instance)]: 1 }),
  },
  {
    name: 'passthrough',
    count: ({ devices }) => (devices.length > 0 ? { instances: 1, devices: devices.length } : {}),
  },
];
