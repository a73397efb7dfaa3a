/** The simulation can fail: each safeguard is taken away, and a rule is broken in the plot that leads to it. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it, test } from 'vitest';
import { BrokenRule } from './broken-rule.ts';
import { mutant } from './mutant.ts';
import { SAFEGUARDS } from './safeguards/all.ts';
import type { Change, Plot } from './safeguards/safeguard.ts';
import { Stage } from './safeguards/stage.ts';
import type { Protocol } from './world/model-process.ts';

/** The rule that is broken; undefined if none is. */
function broken({ play, parts }: Plot, protocol: Protocol = {}): string | undefined {
  try {
    const stage = new Stage(protocol, parts);
    play(stage);
    stage.end();
  } catch (error) {
    if (error instanceof BrokenRule) return error.message;
    throw error;
  }
  return undefined;
}

async function without(...changes: readonly Change[]): Promise<Protocol> {
  const tampering = Object.assign({}, ...changes.map((change) => change.tampering));
  return { ...(await mutant(changes.flatMap(({ edits = [] }) => edits))), tampering };
}

describe('the real protocol keeps every rule:', () => {
  const plots = new Map(SAFEGUARDS.map(({ plot }) => [plot.what, plot]));
  it.each([...plots])('%s', (_what, plot) => {
    expect(broken(plot)).toBeUndefined();
  });
});

describe('a rule is broken when', () => {
  it.each(SAFEGUARDS.map((safeguard) => [safeguard.without, safeguard] as const))('%s', async (_without, safeguard) => {
    const { plot, breaks, behind } = safeguard;
    if (behind === undefined) {
      expect(broken(plot, await without(safeguard))).toMatch(breaks.says);
      return;
    }
    expect(broken(plot, await without(safeguard))).toBeUndefined();
    expect(broken(plot, await without(behind))).toBeUndefined();
    expect(broken(plot, await without(safeguard, behind))).toMatch(breaks.says);
  });
});

test('docs/safety.md has the same table.', async () => {
  const text = await readFile(new URL('../../docs/safety.md', import.meta.url), 'utf8');
  const rows = SAFEGUARDS.map(({ without: what, behind, breaks }) => {
    const both = behind === undefined ? what : `${what}, *and* ${behind.without}`;
    return `| ${both} | ${breaks.as} |`;
  });
  expect(rows.filter((row) => !text.includes(row))).toEqual([]);
});
