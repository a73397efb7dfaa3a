import { describe, it } from 'vitest';
import { ModelStage } from './model-stage.ts';
import { scenarios } from './scenario.ts';
import { play } from './steps.ts';

describe('on a modelled API server', () => {
  it.each(scenarios())('$title', async ({ nodes, steps }) => {
    const stage = new ModelStage(nodes);
    for (const step of steps) await play(stage, step);
  });
});
