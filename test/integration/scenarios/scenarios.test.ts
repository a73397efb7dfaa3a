import { afterAll, beforeAll, describe, test } from 'vitest';
import { scenarios } from '../../scenarios/scenario.ts';
import { play } from '../../scenarios/steps.ts';
import { People } from './people.ts';
import { RealStage } from './real-stage.ts';

/** Most of its time a scenario waits: for a Lease to run out, for a file to be noticed, for a process to start. */
const TIMEOUT_MS = 300_000;

let people: People;
beforeAll(async () => {
  people = await People.gather();
});
afterAll(() => people?.part());

describe('On a real API server, with real agents', () => {
  test.concurrent.each(scenarios().map((scenario) => [scenario.title, scenario] as const))(
    '%s.',
    { timeout: TIMEOUT_MS },
    async (_title, scenario) => {
      const stage = await RealStage.open(scenario, people);
      try {
        for (const step of scenario.steps) await play(stage, step);
      } finally {
        await stage.close();
      }
    },
  );
});
