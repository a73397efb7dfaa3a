import { limitOf } from '../../src/ledger/limits.ts';
import type { VectorCase } from './case.ts';
import { NotRunnable } from './json.ts';
import { type Outcome, ran } from './outcome.ts';
import { fromUnits, GB, inUnits, MB, VCPU } from './units.ts';

const LIMITS = [
  ['memory_mb', 'MB', MB],
  ['disk_gb', 'GB', GB],
  ['vcpu', 'VCPU', VCPU],
] as const;

/** The limits that a scheduler hands out: total x ratio, nothing being reserved. */
export function runSchedulerLimits({ given, outputs }: VectorCase): Outcome {
  const total = /node total (\d+(?:\.\d+)?) (MB|GB|VCPU)s?/.exec(given);
  const ratio = /ratio (\d+(?:\.\d+)?)/.exec(given)?.[1];
  if (total === null || ratio === undefined) return { kind: 'outside', why: 'the scheduler’s other filters' };
  const row = LIMITS.find(([, unit]) => unit === total[2]);
  if (row === undefined || outputs[row[0]] === undefined) throw new NotRunnable('no limit for what the node has');
  const [key, , unit] = row;
  // Nova: a node that reports no VCPUs is one that does not know; then there is no limit.
  if (unit === VCPU && Number(total[1]) === 0) return ran({ [key]: null });
  const exact = { numerator: inUnits(Number(ratio), 1_000_000n), denominator: 1_000_000n };
  return ran({ [key]: fromUnits(limitOf(inUnits(Number(total[1]), unit), 0n, exact), unit) });
}
