/** The result of a run for people. */
import type { ChaosResult } from './chaos.ts';

const MOST_VIOLATIONS = 50;

export function summaryOf({ faults, counts, rates, violations }: ChaosResult): string {
  const byKind = new Map<string, number>();
  for (const { kind } of faults) byKind.set(kind, (byKind.get(kind) ?? 0) + 1);
  const rows: [string, number][] = [
    ...Object.entries(counts),
    ['faults', faults.length],
    ...[...byKind].toSorted().map(([kind, count]): [string, number] => [`  ${kind}`, count]),
    ...Object.entries(rates),
    ['violations', violations.length],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, count]) => `${name.padEnd(width)}  ${String(count).padStart(7)}`);
  return [...lines, ...violations.slice(0, MOST_VIOLATIONS)].join('\n');
}
