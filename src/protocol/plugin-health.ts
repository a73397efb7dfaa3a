/** What is said of monitors and statistics that go on failing. Pure. */
import type { StatisticFault } from '../ledger/statistic.ts';
import type { HostReading } from './host-metrics.ts';

/** Reason and message of the condition PluginsHealthy. */
export function pluginHealth(
  monitors: HostReading['failing'],
  statistics: readonly StatisticFault[],
): { readonly good: boolean; readonly reason: string; readonly message: string } {
  const reasons = [monitors.length > 0 && 'MonitorFailed', statistics.length > 0 && 'StatisticFailed'];
  const messages = [
    ...monitors.map(({ monitor, message }) => `monitor ${monitor}: ${message}`),
    ...statistics.map((fault) => `statistic ${fault.statistic}, ${instances(fault.instances)}: ${fault.message}`),
  ];
  if (messages.length === 0) return { good: true, reason: 'Healthy', message: 'no monitor and no statistic fails' };
  return { good: false, reason: reasons.filter((reason) => reason !== false).join(','), message: messages.join('; ') };
}

function instances(count: number): string {
  return count === 1 ? '1 instance' : `${count} instances`;
}
