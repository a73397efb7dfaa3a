import type { People } from './people.ts';
import type { Cluster } from './world/cluster.ts';
import type { ModelProcess } from './world/model-process.ts';
import type { Request } from './world/network.ts';
import type { Random } from './world/random.ts';
import type { Step } from './world/step.ts';

/** One life, as those see it who make its worst moments. */
export interface Scene {
  readonly cluster: Cluster;
  readonly random: Random;
  readonly people: People;
  /** Of one node at a time. */
  readonly maxAgents: number;
  /** Lets a step happen, and checks the rules. */
  readonly perform: (step: Step) => void;
  /** An agent of a node starts. */
  readonly start: (nodeName: string) => Step;
  /** Starts one on each node that has none which goes on. */
  readonly staff: () => void;
  /** What a backup of etcd may lead to. */
  readonly backups: () => readonly Step[];
}

export function agentsOf({ cluster }: Scene, nodeName: string): readonly ModelProcess[] {
  return cluster.processes.filter((process) => process.nodeName === nodeName);
}

/** Requests that have been sent and have not arrived, and whose sender waits for them. */
export function underWay({ cluster }: Scene, words: RegExp): readonly Request[] {
  return cluster.network.requests.filter(({ isUnderWay, what }) => isUnderWay && words.test(what));
}
