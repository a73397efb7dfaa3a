/** The simulation can fail: each safeguard is taken away in turn, and it notices within a bounded number of lives. */
import { describe, expect, it } from 'vitest';
import { BrokenRule, Life } from './life.ts';
import { mutant } from './mutant.ts';
import { MUTATIONS, type Mutation } from './mutations.ts';

const MAX_SEEDS = 3_000;

/** The first seed whose life breaks a rule, and which rule. */
async function firstBroken({ edits = [], tampering }: Mutation): Promise<{ seed: number; rule: string } | undefined> {
  const protocol = { ...(await mutant(edits)), ...(tampering !== undefined && { tampering }) };
  for (let seed = 1; seed <= MAX_SEEDS; seed += 1) {
    try {
      new Life(seed, protocol).run();
    } catch (error) {
      if (!(error instanceof BrokenRule)) throw error;
      return { seed, rule: error.message.split('\n')[0] ?? '' };
    }
  }
  return undefined;
}

describe('an agent that is wrong is caught:', () => {
  it.each(MUTATIONS)('$what', { timeout: 120_000 }, async (mutation) => {
    const broken = await firstBroken(mutation);
    console.info(`${mutation.what}: ${broken?.rule ?? 'NOT CAUGHT'}`);
    expect(broken).toBeDefined();
  });
});
