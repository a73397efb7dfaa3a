/** What a monitor is: a small plug-in that measures something of the host. (Nova: compute/monitors) */

/**
 * What kind of figure a metric is.
 *
 * - `share`: a fraction of a whole, 0 to 1. In the node's status it counts as changed when it has moved by the threshold.
 * - `level`: any other figure that goes up and down. It counts as changed when it has moved by the threshold in proportion to itself.
 * - `counter`: a figure that only grows until what it counts starts anew. It is in /metrics only, as it always changes.
 */
export type MetricKind = 'share' | 'level' | 'counter';

/** One of the metrics that a monitor gives. */
export interface MetricSpec {
  /** Lower-case words joined by dots, such as `cpu.user.percent`: 127 characters at most, and no two monitors give the same. */
  readonly name: string;
  readonly kind: MetricKind;
}

/** What one reading gave. */
export interface MonitorReading {
  /** Finite numbers by metric. A metric that cannot be told this time is left out. */
  readonly values: Readonly<Record<string, number | bigint>>;
  /** When it was measured, in milliseconds since the epoch; absent: at the time of the call. */
  readonly atMs?: number;
}

/** The circumstances of a reading. */
export interface MonitorCall {
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** Aborted when the reading is not wanted any more: after ten seconds, or when the agent stops. */
  readonly signal: AbortSignal;
}

/**
 * A monitor. `metrics` is asked for once, at the start. `read` is called once in an audit period, never while its last call is under way. A
 * monitor that throws, rejects, takes longer than ten seconds or gives what it has not named costs its own figures of that time only. It
 * must not block: all of the agent waits for a loop that does.
 */
export interface Monitor {
  /** How the option `monitors` names it: lower-case letters, digits and `-`, 63 characters at most. */
  readonly name: string;
  readonly metrics: readonly MetricSpec[];
  read(call: MonitorCall): MonitorReading | Promise<MonitorReading>;
}
