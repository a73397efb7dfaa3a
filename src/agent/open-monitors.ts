import type { Logger } from 'pino';
import type { Driver } from '../drivers/driver.ts';
import { chooseMonitors } from '../monitors/choose-monitors.ts';
import { createCpuMonitor } from '../monitors/cpu-monitor.ts';
import { MonitorReader } from '../monitors/monitor-reader.ts';
import type { AgentConfig } from './config.ts';
import { NO_PLUGINS, type Plugins } from './load-plugins.ts';
import type { AgentMetrics } from './metrics.ts';
import { MonitorLoop, type MonitorLoopParts } from './monitor-loop.ts';

export interface MonitorsParts extends Pick<MonitorLoopParts, 'observe'> {
  readonly config: Pick<AgentConfig, 'monitors' | 'auditSeconds'>;
  readonly driver: Driver;
  readonly log: Logger;
  readonly metrics: AgentMetrics;
  readonly plugins?: Plugins;
}

/** The loop of the monitors that the configuration names. One that cannot run is told in the log and on /metrics: no claim is to wait for it. */
export function openMonitors({
  config,
  driver,
  log,
  metrics,
  plugins = NO_PLUGINS,
  observe,
}: MonitorsParts): MonitorLoop {
  const { chosen, refused } = chooseMonitors([createCpuMonitor(driver), ...plugins.monitors], config.monitors);
  for (const { name, reason } of refused) {
    log.warn({ monitor: name, reason }, 'a monitor does not run');
    metrics.monitorRefused(name);
  }
  return new MonitorLoop({
    reader: new MonitorReader({ monitors: chosen, refused, wallClock: Date.now }),
    periodMs: config.auditSeconds * 1000,
    random: Math.random,
    onRound: (round) => metrics.measured(round),
    observe,
    log: (level, message, fields) => log[level](fields, message),
  });
}
