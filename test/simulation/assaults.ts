/**
 * Chains of events that chance alone seldom brings together: decisions are under way, something befalls their agent, others want the same
 * room, somebody decides about these, and then the first decisions land.
 */
import { agentsOf, type Scene, underWay } from './scene.ts';
import type { ModelProcess } from './world/model-process.ts';
import type { Request } from './world/network.ts';
import type { Step } from './world/step.ts';

/** Until something is decided. */
const MAX_STEPS_BEFORE = 70;
const MAX_STEPS_BETWEEN = 60;
const MAX_STEPS_AFTER = 20;

export class Assaults {
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  run(): void {
    const { random, cluster, people, perform, staff } = this.#scene;
    const nodeName = random.pick(cluster.parts.nodeNames);
    perform(people.makeRoom());
    perform(people.wantNow(nodeName));
    const goal = random.chance(0.8) ? / write claim / : / commit$/;
    this.#go(MAX_STEPS_BEFORE, (what) => / land /.test(what) && goal.test(what), goal);
    const [first] = underWay(this.#scene, goal);
    const victim = first && cluster.process(first.sender);
    if (victim === undefined) return;
    const writes = underWay(this.#scene, goal).filter(({ sender }) => sender === victim.name);
    for (const write of writes) write.delay();
    perform(this.#blow(victim, writes));
    perform(people.wantLate(nodeName));
    staff();
    this.#go(random.below(MAX_STEPS_BETWEEN));
    this.#land(writes);
    this.#go(random.below(MAX_STEPS_AFTER));
    this.#calm(victim, writes);
  }

  /** Random steps, with some that go wrong, until something is under way. */
  #go(steps: number, isHeldBack: (what: string) => boolean = () => false, goal?: RegExp): void {
    const { random, cluster, perform } = this.#scene;
    for (let count = 0; count < steps; count += 1) {
      if (goal !== undefined && random.chance(0.3) && underWay(this.#scene, goal).length > 0) return;
      const isFault = goal === undefined && random.chance(0.08);
      const next = (isFault ? cluster.faults() : cluster.steps()).filter(({ what }) => !isHeldBack(what));
      if (next.length > 0) perform(random.pick(next));
    }
  }

  #blow(victim: ModelProcess, writes: readonly Request[]): Step {
    const { random, cluster, maxAgents, start } = this.#scene;
    const { name, nodeName } = victim;
    const kill: Step = { what: `${name} is killed`, fault: 'crash', run: () => victim.kill() };
    const blows = [
      kill,
      stuck(writes),
      { what: `${name} is paused`, fault: 'pause', run: () => victim.pause() },
      {
        what: `${name} is killed, and ComputeNode ${nodeName} is deleted`,
        fault: 'ComputeNode deleted',
        run: () => {
          victim.kill();
          cluster.api.computeNodes.delete(nodeName);
        },
      },
    ];
    return agentsOf(this.#scene, nodeName).length < maxAgents
      ? random.pick([...blows, start(nodeName)])
      : random.pick(blows);
  }

  #land(writes: readonly Request[]): void {
    const { random, perform } = this.#scene;
    for (const write of writes)
      if (write.mayLand && random.chance(0.8))
        perform({ what: `${write.what} lands late`, fault: 'delayed request', run: () => write.land() });
  }

  #calm(victim: ModelProcess, writes: readonly Request[]): void {
    for (const write of writes) write.hurry();
    this.#scene.perform({ what: `${victim.name} goes on`, run: () => victim.resume() });
  }
}

/** Their agent waits no longer. */
function stuck(writes: readonly Request[]): Step {
  const run = (): void => {
    for (const write of writes) if (write.isUnderWay) write.giveUp();
  };
  return { what: `${writes.map(({ what }) => what).join(', ')}: given up`, fault: 'no answer, may land later', run };
}
