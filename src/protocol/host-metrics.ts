/**
 * Which of the monitors' figures ComputeNode.status shows, and when anew. They move all the time, and each write of the status goes to everyone
 * who watches: so a counter that only grows is not shown at all, a figure that has hardly moved stays as it was last published, and
 * there is a least time between two changes. All are published together, so that shares of one whole add up. Pure.
 */
import { formatTimestamp } from '../api/conditions.ts';
import type { HostMetric } from '../api/generated/v1alpha1.ts';

/** One figure of a monitor. */
export interface HostFigure {
  /** For example `cpu.percent`. */
  readonly name: string;
  /** share: a fraction of a whole, 0 to 1; level: any other figure that goes up and down; counter: one that only grows. */
  readonly kind: 'share' | 'level' | 'counter';
  readonly value: number | bigint;
  /** The monitor. */
  readonly source: string;
  /** When it was measured, in milliseconds since the epoch. */
  readonly atMs: number;
}

/** What all monitors measured at one time. */
export interface HostReading {
  readonly figures: readonly HostFigure[];
  /** Monitors that have been failing for a while; the message stays the same for as long as one does. */
  readonly failing: readonly { readonly monitor: string; readonly message: string }[];
}

/** When figures are published anew. */
export interface MetricsPolicy {
  readonly minIntervalMs: number;
  /** How far a share, or any other figure in proportion to what was last published, has to move. */
  readonly threshold: number;
}

/** What the status has room for, as JSON; about fifty figures. */
const MAX_BYTES = 6 * 1024;
/** Of one figure, without the names that it has. */
const FIGURE_BYTES = 110;

/** The figures that the status can show, by name. Which ones does not depend on their values, so that none comes and goes with these. */
export function showable(figures: readonly HostFigure[]): {
  readonly shown: readonly HostFigure[];
  readonly omitted: number;
} {
  const all = figures.filter(({ kind }) => kind !== 'counter').toSorted(byName);
  let left = MAX_BYTES;
  const tooMany = all.findIndex(({ name, source }) => {
    left -= FIGURE_BYTES + name.length + source.length;
    return left < 0;
  });
  const shown = tooMany < 0 ? all : all.slice(0, tooMany);
  return { shown, omitted: all.length - shown.length };
}

function byName(one: HostFigure, other: HostFigure): number {
  return one.name < other.name ? -1 : 1;
}

/** What to publish: what was published last, or what is to be shown now. `last` is as the API server has it, whoever wrote it. */
export function publishedMetrics(
  last: readonly HostMetric[],
  shown: readonly HostFigure[],
  policy: MetricsPolicy,
  nowMs: number,
): readonly HostMetric[] {
  if (last.length === 0) return shown.map(published);
  const sinceMs = nowMs - Math.max(...last.map(({ timestamp = '' }) => Date.parse(timestamp)));
  // Neither a clock that was put back nor a time that cannot be read may keep old figures for good.
  if (sinceMs >= 0 && sinceMs < policy.minIntervalMs) return last;
  return isSameList(last, shown) && !hasMoved(last, shown, policy.threshold) ? last : shown.map(published);
}

function isSameList(last: readonly HostMetric[], shown: readonly HostFigure[]): boolean {
  return (
    last.length === shown.length &&
    last.every(({ name, source }, index) => shown[index]?.name === name && shown[index].source === source)
  );
}

function hasMoved(last: readonly HostMetric[], shown: readonly HostFigure[], threshold: number): boolean {
  return shown.some(({ kind, value }, index) => {
    const before = Number(last[index]?.value);
    const whole = kind === 'share' ? 1 : Math.abs(before);
    const distance = Math.abs(Number(value) - before);
    return !(distance === 0 || distance < threshold * whole);
  });
}

function published({ name, value, source, atMs }: HostFigure): HostMetric {
  return { name, value: decimal(value), source, timestamp: formatTimestamp(new Date(atMs)) };
}

/** The schema's. */
const MAX_VALUE = 32;

/** As a decimal quantity, of at most six digits behind the point. */
function decimal(value: number | bigint): string {
  const plain = typeof value === 'bigint' ? `${value}` : withoutZeros(value.toFixed(6));
  return plain.length <= MAX_VALUE && !plain.includes('e') ? plain : Number(value).toExponential(6);
}

function withoutZeros(text: string): string {
  const short = text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  return short === '-0' ? '0' : short;
}
