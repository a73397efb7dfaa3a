import fc from 'fast-check';
import { expect, it } from 'vitest';
import { plan } from '../../../examples/executor/plan.ts';
import { type Start, World } from './world.ts';

/** What happens next. `look`: the executor does a step; `fail`: it cannot; `doubt`: it did, and is told that it could not; `crash`: it is killed and started again. */
type Happening = 'look' | 'fail' | 'doubt' | 'crash' | 'agents' | 'Confirm' | 'Revert' | 'Abort' | 'delete';

const starts: fc.Arbitrary<Start> = fc.record({
  kind: fc.constantFrom('LiveMigration', 'ColdMigration', 'Resize', 'ResizeInPlace'),
  power: fc.constantFrom('on', 'off'),
});
const happenings: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.constant<Happening>('look') },
    { weight: 6, arbitrary: fc.constant<Happening>('agents') },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Happening>('fail', 'doubt', 'crash', 'Confirm', 'Revert', 'Abort', 'delete'),
    },
  ),
  { maxLength: 40 },
);
const MAX_STEPS = 100;

it('whatever happens and whenever the executor is killed, the instance ends where its claim is, as large, and running if it ran', () => {
  fc.assert(
    fc.property(starts, happenings, (start, story) => {
      const world = new World(start);
      const executor = new Executor(world);
      for (const happening of story) {
        happen(world, executor, happening);
        isSound(world);
      }
      for (let steps = 0; executor.step() || world.agents(); steps += 1) {
        isSound(world);
        if (steps > MAX_STEPS) throw new Error('it does not come to an end');
      }
      hasEnded(world, start);
    }),
    { numRuns: 20_000 },
  );
});

function happen(world: World, executor: Executor, happening: Happening): void {
  const isDecided = world.decision !== undefined || world.phase === undefined;
  if (happening === 'look') executor.step();
  else if (happening === 'fail') executor.step({ isDone: false, isSaid: false });
  else if (happening === 'doubt') executor.step({ isDone: true, isSaid: false });
  else if (happening === 'crash') executor.crash();
  else if (happening === 'agents') world.agents();
  else if (happening === 'delete') world.deleteMigration();
  else if (!isDecided) world.decision = happening;
}

/** At every moment. */
function isSound(world: World): void {
  expect(world.domains.size).toBeGreaterThan(0);
  expect(world.running().length).toBeLessThanOrEqual(1);
  // A migration that is deleted takes its hold away at once, wherever the instance is.
  if (world.phase !== undefined) for (const name of world.running()) expect(world.holds(name)).toBe(true);
}

function hasEnded(world: World, { power }: Start): void {
  const { claim, sizes } = world;
  expect([...world.domains.keys()]).toEqual([claim.nodeName]);
  const domain = world.domains.get(claim.nodeName);
  expect(domain?.mark).toBeUndefined();
  expect(domain?.power).toBe(power);
  if (sizes !== undefined) expect(domain?.size).toEqual(claim.size);
}

/** As in move.ts: a failure on the way there is remembered, one on the way back is tried again. */
class Executor {
  readonly #world: World;
  #failure: string | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  crash(): void {
    this.#failure = undefined;
  }

  /** False: there was nothing to do. */
  step({ isDone, isSaid } = { isDone: true, isSaid: true }): boolean {
    const { phase } = this.#world;
    const step = plan(this.#world.task(this.#failure));
    if (step.kind === 'wait') return false;
    if (step.kind === 'refuse') throw new Error(step.reason);
    if (isDone) this.#world.perform(step);
    if (!isSaid && phase === 'Migrating' && step.kind !== 'report') this.#failure ??= `cannot ${step.kind}`;
    return true;
  }
}
