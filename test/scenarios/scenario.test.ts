import { describe, expect, it } from 'vitest';
import { ModelStage } from './model-stage.ts';
import { parse, scenarios } from './scenario.ts';
import { play } from './steps.ts';

const CLAIM = 'claim db on node-a: 2 vCPUs, 4Gi, 20Gi | 2 4Gi 20Gi  6 12Gi 80Gi | 0 0 0  8 16Gi 100Gi';

describe('a scenario file', () => {
  it('has steps with the figures of each node, and what a column leaves out is as it was', () => {
    const { title, nodes, steps } = parse(
      `# What it shows\n\n${CLAIM}\n# why\nboot db on node-a | | 1 1Gi 0  7 15Gi 0`,
      'x',
    );
    expect({ title, nodes }).toEqual({ title: 'What it shows', nodes: ['node-a', 'node-b'] });
    expect(steps.map(({ line, words }) => [line, words])).toEqual([
      [3, 'claim db on node-a: 2 vCPUs, 4Gi, 20Gi'],
      [5, 'boot db on node-a'],
    ]);
    expect(steps[1]?.figures.get('node-a')).toEqual({ used: '2 4Gi 20Gi', available: '6 12Gi 80Gi' });
    expect(steps[1]?.figures.get('node-b')).toEqual({ used: '1 1Gi 0', available: '7 15Gi 0' });
  });

  it.each([
    ['without a title', CLAIM, 'x: the first line is "# " and a title'],
    ['whose first step leaves a node out', '# A\nboot db on node-a | 0 0 0  8 16Gi 100Gi |', 'x:2: the first step'],
    ['whose first step tells of no node', '# A\nboot db on node-a', 'x:2: the first step'],
  ])('%s is told so', (_what, text, message) => {
    expect(() => parse(text, 'x')).toThrow(message);
  });

  it.each([
    ['figures of the node', CLAIM.replace('6 12Gi', '6 11Gi'), 'available of node-a is 6 12Gi 80Gi'],
    ['figures of the other node', CLAIM.replace('0 0 0 ', '0 1Gi 0 '), 'used of node-b is 0 0 0'],
    ['a phase', 'db is Rejected', 'db is Claimed'],
    ['a reason', 'db is Claimed: NoReason', 'db is Claimed'],
    ['a place', 'db is on node-b', 'db is on node-a'],
    ['a flavor', 'db is on node-a with 2 vCPUs, 3Gi', 'db is on node-a with 2 vCPUs, 4Gi'],
    ['a lock', 'db is locked for move', 'it is "unlocked"'],
    ['devices', 'db has 0000:a1:00.0', 'it is ""'],
    ['the state of a device', '0000:a1:00.0 of node-a is Claimed', 'it is "Available"'],
    ['orphans', 'node-a has 1 orphan', 'it is "0"'],
    ['statistics', 'node-a counts 2 instances, 2 vCPUs', 'it is "1 instances'],
    ['a step', 'dance', 'no step is called "dance"'],
    ['a node', 'boot db on node-d', 'there is no node node-d'],
  ])('that has %s wrong fails, and says in which line', async (_what, words, message) => {
    const text = words.startsWith('claim') ? `# A\n${words}` : `# A\n${CLAIM}\n${words}`;
    const { nodes, steps } = parse(text, 'x');
    const stage = new ModelStage(nodes);
    const played = (async () => {
      for (const step of steps) await play(stage, step);
    })();
    await expect(played).rejects.toThrow(message);
    await expect(played).rejects.toThrow(words.startsWith('claim') ? 'line 2, ' : 'line 3, ');
  });
});

it('scenario files have different titles', () => {
  const titles = scenarios().map(({ title }) => title);
  expect(titles).toEqual([...new Set(titles)]);
});
