/**
 * How good the random lives are: for each safeguard the first seed whose life breaks a rule without it. A look and not a gate, as it moves
 * with every change of the generator; test/simulation/safeguards.test.ts is the gate.
 */
import { BrokenRule } from './broken-rule.ts';
import { Life } from './life.ts';
import { mutant } from './mutant.ts';
import { SAFEGUARDS } from './safeguards/all.ts';
import type { Safeguard } from './safeguards/safeguard.ts';
import type { Protocol } from './world/model-process.ts';

const SEEDS = Number(process.env.SEEDS || 400);

function brokenBy(seed: number, protocol: Protocol): string | undefined {
  try {
    new Life(seed, protocol).run();
  } catch (error) {
    if (error instanceof BrokenRule) return error.message.split('\n')[0] ?? '';
    throw error;
  }
  return undefined;
}

async function firstBroken({ edits = [], tampering }: Safeguard): Promise<string | undefined> {
  const protocol = { ...(await mutant(edits)), ...(tampering !== undefined && { tampering }) };
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const broken = brokenBy(seed, protocol);
    if (broken !== undefined) return broken;
  }
  return undefined;
}

let missed = 0;
for (const safeguard of SAFEGUARDS) {
  const broken = await firstBroken(safeguard);
  if (broken === undefined) missed += 1;
  console.info(`${safeguard.without}: ${broken ?? '-'}`);
}
console.info(`random lives of ${SEEDS} seeds miss ${missed} of ${SAFEGUARDS.length}`);
