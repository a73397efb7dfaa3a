import { describe, expect, it } from 'vitest';
import { OneNodeRun, type RunResult } from './one-node-run.ts';

/** SEED=n replays one run; SEEDS=n runs that many. */
const REPLAYED = process.env.SEED || undefined;
const SEEDS = REPLAYED === undefined ? Number(process.env.SEEDS || 300) : 1;
const FIRST_SEED = Number(REPLAYED ?? 1);

describe('one node, whatever happens', () => {
  it(`keeps every rule in ${SEEDS} random runs`, { timeout: 60_000 + SEEDS * 200 }, () => {
    const results: RunResult[] = [];
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) results.push(new OneNodeRun(seed).run());
    const sum = (of: (result: RunResult) => number): number => results.reduce((total, result) => total + of(result), 0);
    const [steps, granted, refused, agents] = [
      sum((result) => result.steps),
      sum((result) => result.granted),
      sum((result) => result.refused),
      sum((result) => result.agents),
    ];
    console.info(`${SEEDS} runs: ${steps} steps, ${granted} grants, ${refused} refusals, ${agents} agents`);
    // Runs in which nothing happens would keep every rule, too.
    if (SEEDS > 1) expect(Math.min(granted, refused, agents) / SEEDS).toBeGreaterThan(1);
  });
});
