import { setTimeout as delay } from 'node:timers/promises';
import { AgentProcess } from '../agent-process.ts';
import type { Bench, Plane } from '../bench.ts';
import { ClaimWatch } from '../claim-watch.ts';
import { createClaims, deleteClaims, grant, inParallel } from '../claims.ts';
import { libvirtHost } from '../libvirt-host.ts';
import { NodeWatch } from '../node-watch.ts';
import { interleaved } from '../rounds.ts';
import type { Measurement, Row } from '../row.ts';

const ROUNDS = 4;
const CLAIMS = 500;
/** The Events of a round are written one after the other, and must not slow down what is measured next. */
const SETTLE_MS = 1_500;

/** 500 claims wait while the agent stands still; then it decides them all. */
export const grantThroughput: Row = {
  name: 'grant-throughput',
  target: { ratioAtLeast: 0.85 },
  measure: async (bench): Promise<Measurement> => {
    const plane = await bench.plane();
    const [nodeName, referenceNode] = [bench.nodeName(), bench.nodeName()];
    const names = (await createClaims(plane, referenceNode, CLAIMS)).map(({ metadata }) => metadata.name);
    await using grants = await Grants.begin(bench, plane, nodeName);
    let round = 0;
    const figures = await interleaved(ROUNDS, {
      measured: () => grants.perSecond(),
      reference: async () => {
        round += 1;
        await delay(SETTLE_MS);
        return patchesPerSecond(plane, referenceNode, names, grants.writesAtOnce, `round ${round}`);
      },
    });
    return {
      ...figures,
      unit: 'claims/s',
      note:
        `${CLAIMS} claims Pending when the agent begins; from its first announcement of decisions (ComputeNode.status.agent.deciding) ` +
        `to the last claim seen as Claimed on the creator's watch. The reference is ${CLAIMS} status PATCHes of claims of another node, ` +
        `${grants.writesAtOnce} in flight, which is the most that the agent had.`,
    };
  },
};

class Grants implements AsyncDisposable {
  readonly #plane: Plane;
  readonly #nodeName: string;
  readonly #agent: AgentProcess;
  readonly #node: NodeWatch;
  readonly #claims: ClaimWatch;

  private constructor(plane: Plane, nodeName: string, agent: AgentProcess, node: NodeWatch, claims: ClaimWatch) {
    this.#plane = plane;
    this.#nodeName = nodeName;
    this.#agent = agent;
    this.#node = node;
    this.#claims = claims;
  }

  static async begin(bench: Bench, plane: Plane, nodeName: string): Promise<Grants> {
    const libvirtUri = await libvirtHost(bench, 0);
    const agent = await AgentProcess.ready(bench, { nodeName, kubeconfig: plane.agentKubeconfig, libvirtUri });
    const node = await NodeWatch.open(plane, nodeName);
    return new Grants(plane, nodeName, agent, node, await ClaimWatch.open(plane, nodeName));
  }

  /** The most claims that the agent has had under way to the API server. */
  get writesAtOnce(): number {
    return this.#node.mostDeciding;
  }

  async perSecond(): Promise<number> {
    this.#agent.pause();
    await createClaims(this.#plane, this.#nodeName, CLAIMS);
    this.#node.clear();
    this.#claims.clear();
    this.#agent.resume();
    const endedAtMs = await this.#claims.allClaimedAtMs(CLAIMS);
    const startedAtMs = await this.#node.firstDecidingAtMs();
    await deleteClaims(this.#plane, this.#nodeName, CLAIMS);
    await this.#node.untilEmpty();
    return (CLAIMS * 1000) / (endedAtMs - startedAtMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#claims[Symbol.asyncDispose]();
    await this.#node[Symbol.asyncDispose]();
    await this.#agent[Symbol.asyncDispose]();
  }
}

async function patchesPerSecond(
  plane: Plane,
  nodeName: string,
  names: readonly string[],
  atOnce: number,
  message: string,
): Promise<number> {
  const startedAtMs = performance.now();
  await inParallel(names, atOnce, (name) => grant(plane, nodeName, name, message));
  return (names.length * 1000) / (performance.now() - startedAtMs);
}
