/**
 * What a plug-in module is made of: a file, TypeScript or JavaScript, that the option `plugins` names. It exports a list `monitors`, a list
 * `statistics`, or both, and imports its types from here. docs/plugins.md explains, examples/plugins shows one.
 */
import type { Statistic } from './ledger/statistic.ts';
import type { Monitor } from './monitors/monitor.ts';

export type { CountedInstance, Statistic } from './ledger/statistic.ts';
export type { MetricSpec, Monitor, MonitorCall, MonitorReading } from './monitors/monitor.ts';

/** The exports of a plug-in module. */
export interface Plugin {
  /** Run where the option `monitors` names them. */
  readonly monitors?: readonly Monitor[];
  /** All of them are counted. */
  readonly statistics?: readonly Statistic[];
}
