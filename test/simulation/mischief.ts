/** What is worst for a write that is under way. */
import { agentsOf, type Scene, underWay } from './scene.ts';
import type { ModelProcess } from './world/model-process.ts';
import type { Request } from './world/network.ts';
import type { Step } from './world/step.ts';

export class Mischief {
  readonly #scene: Scene;
  #labels = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** What was decided is in doubt, and then many want to be decided. */
  hurt(): void {
    const { random, cluster, people, perform } = this.#scene;
    const writes = underWay(this.#scene, / (write claim|commit)/);
    if (writes.length === 0) return;
    const write = random.pick(writes);
    const sender = cluster.process(write.sender);
    if (sender === undefined || sender.isPaused) return;
    const steps = this.#kinds(write, sender).filter((step) => step !== undefined);
    if (steps.length === 0) return;
    perform(random.pick(steps));
    if (random.chance(0.5)) perform(people.burst(random.pick(cluster.parts.nodeNames)));
  }

  #kinds(write: Request, sender: ModelProcess): readonly (Step | undefined)[] {
    return [
      stuck(write),
      this.#overtaken(write),
      this.#refusedLater(write),
      this.#deposed(sender),
      this.#killed(write, sender),
      this.#killed(write, sender),
      paused(write, sender),
      ...this.#scene.backups(),
    ];
  }

  #killed(write: Request, sender: ModelProcess): Step {
    const run = (): void => {
      for (const request of this.#scene.cluster.network.requests) if (request.sender === write.sender) request.delay();
      sender.kill();
    };
    return { what: `${write.sender} is killed, and what it sent is stuck`, fault: 'crash', run };
  }

  /** Somebody else edits the claim before it lands. */
  #overtaken(write: Request): Step | undefined {
    const [, namespace, name] = /write claim (.+)\/(.+)$/.exec(write.what) ?? [];
    if (name === undefined) return undefined;
    this.#labels += 1;
    const labels = { mischief: String(this.#labels) };
    const run = (): void => {
      this.#scene.cluster.api.claims.change(name, namespace, ({ metadata }) => ({
        metadata: { ...metadata, labels },
      }));
    };
    return { what: `label ${name} before ${write.what}`, fault: 'conflict', run };
  }

  /** A try is refused whose first one may still land. */
  #refusedLater(write: Request): Step | undefined {
    const { requests } = this.#scene.cluster.network;
    const isAgain = requests.some((other) => other !== write && other.mayLand && other.what === write.what);
    return isAgain ? { what: `refuse ${write.what}`, fault: 'refused request', run: () => write.refuse() } : undefined;
  }

  /** The ComputeNode is gone, or another agent comes, while its decisions are under way. */
  #deposed({ nodeName }: ModelProcess): Step | undefined {
    const { random, cluster, maxAgents, start } = this.#scene;
    if (random.chance(0.15)) {
      const run = (): void => void cluster.api.computeNodes.delete(nodeName);
      return { what: `ComputeNode ${nodeName} is deleted`, fault: 'ComputeNode deleted', run };
    }
    return agentsOf(this.#scene, nodeName).length < maxAgents ? start(nodeName) : undefined;
  }
}

/** Its agent waits no longer, and it arrives late. */
function stuck(write: Request): Step {
  const run = (): void => {
    write.delay();
    write.giveUp();
  };
  return { what: `${write.what} is stuck, and given up`, fault: 'no answer, may land later', run };
}

function paused(write: Request, sender: ModelProcess): Step {
  return { what: `${sender.name} is paused with ${write.what} under way`, fault: 'pause', run: () => sender.pause() };
}
