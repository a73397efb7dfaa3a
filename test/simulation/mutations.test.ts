/** The simulation can fail: each safeguard is taken away in turn, and it notices within a bounded number of runs. */
import { describe, expect, it } from 'vitest';
import { BrokenRule } from './broken-rule.ts';
import { Life } from './life.ts';
import { mutant } from './mutant.ts';
import { MUTATIONS, type Mutation } from './mutations.ts';
import { OneNodeRun } from './one-node-run.ts';
import type { Protocol } from './world/model-process.ts';

const MAX_SEEDS = 800;

function ruleBroken(run: () => void): string | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof BrokenRule) return error.message.split('\n')[0] ?? '';
    throw error;
  }
  return undefined;
}

/** The first rule that is broken, by the crowded life of one node or by that of a cluster with the same seed. */
function firstBroken(protocol: Protocol, firstSeed = 1): string | undefined {
  for (let seed = firstSeed; seed < firstSeed + MAX_SEEDS; seed += 1) {
    const broken =
      ruleBroken(() => new OneNodeRun(seed, protocol).run()) ?? ruleBroken(() => new Life(seed, protocol).run());
    if (broken !== undefined) return broken;
  }
  return undefined;
}

const protocolOf = async ({ edits = [], tampering }: Mutation): Promise<Protocol> => ({
  ...(await mutant(edits)),
  ...(tampering !== undefined && { tampering }),
});

describe('an agent that is wrong is caught:', () => {
  it.each(MUTATIONS.filter(({ isRare }) => isRare !== true))('$what', { timeout: 120_000 }, async (mutation) => {
    const broken = firstBroken(await protocolOf(mutation), mutation.firstSeed);
    console.info(`${mutation.what}: ${broken ?? 'NOT CAUGHT'}`);
    expect(broken).toBeDefined();
  });

  it.each(MUTATIONS.filter(({ isRare }) => isRare === true))(
    '$what: what is taken away is still there',
    async (mutation) => {
      await mutant(mutation.edits ?? []);
    },
  );
});
