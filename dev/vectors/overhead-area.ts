import { overheadBytes } from '../../src/drivers/overhead.ts';
import type { VectorCase } from './case.ts';
import { NotRunnable } from './json.ts';
import { type Outcome, ran } from './outcome.ts';
import { fromUnits, MB } from './units.ts';

/** A formula that is told with its figures, for pairs of memory and VCPUs; undefined where the case is about something else. */
export function runOverheadFormula({ given, outputs }: VectorCase): Outcome | undefined {
  if (!/overhead formula/.test(given)) return undefined;
  if (!given.includes('ceil(memory x 0.00781 + vcpus x 1.5 + 3)')) throw new NotRunnable('an unknown formula');
  const rows = Object.keys(outputs).map((pair) => {
    const [memoryMb = '', vcpus = ''] = pair.split('/');
    if (!/^\d+\/\d+$/.test(pair)) throw new NotRunnable(`${pair} is no pair of memory and VCPUs`);
    const overhead = overheadBytes({ formula: 'xen' }, { memoryBytes: BigInt(memoryMb) * MB, vcpus: BigInt(vcpus) });
    return [pair, fromUnits(overhead, MB)] as const;
  });
  return ran(Object.fromEntries(rows));
}
