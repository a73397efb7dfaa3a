import { expect, test } from 'vitest';
import { runChaos } from '../chaos/chaos.ts';
import { summaryOf } from '../chaos/summary.ts';

const SEED = 1;
const SECONDS = 15;

test('Under real faults nothing is granted twice, nothing leaks, and no claim is left undecided.', async () => {
  const lines: string[] = [];
  const result = await runChaos({ seed: SEED, seconds: SECONDS, report: (line) => lines.push(line) });
  expect(result.violations, `${lines.join('\n')}\n${summaryOf(result)}`).toEqual([]);
  expect(result.counts.granted).toBeGreaterThan(100);
}, 240_000);
