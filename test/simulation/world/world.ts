/** One API server, one host, and the processes of the agents on it, with everything that may happen next. */
import type { InstanceClaim } from '../../../src/api/generated/v1alpha1.ts';
import type { TrackerSettings } from '../../../src/protocol/settings.ts';
import type { Tracker } from '../../../src/protocol/tracker.ts';
import { ModelAgent, type Tampering } from './model-agent.ts';
import { ModelApi } from './model-api.ts';
import { ModelClock } from './model-clock.ts';
import { ModelHost, type ModelHostParts } from './model-host.ts';
import { Network } from './network.ts';
import { GIBIBYTE, settings } from './objects.ts';
import type { Step } from './step.ts';

export interface WorldParts {
  readonly host?: Partial<ModelHostParts>;
  readonly settings?: Partial<TrackerSettings>;
  readonly tampering?: Tampering;
  readonly Tracker?: typeof Tracker;
}

const MAX_STEPS_TO_SETTLE = 20_000;

/** 8 vCPUs, 8 GiB of memory and 100 GiB of disk, but for what is given. */
const PLAIN_HOST: ModelHostParts = {
  hostname: 'host-a',
  totals: { vcpus: 8n, memoryBytes: 8n * GIBIBYTE, diskBytes: 100n * GIBIBYTE },
};

export class World {
  readonly clock = new ModelClock();
  readonly api = new ModelApi(this.clock);
  readonly network = new Network();
  readonly host: ModelHost;
  readonly settings: TrackerSettings;
  readonly #tampering: Tampering | undefined;
  readonly #Tracker: typeof Tracker | undefined;
  #agents: ModelAgent[] = [];
  #started = 0;

  constructor(parts: WorldParts = {}) {
    this.host = new ModelHost({ ...PLAIN_HOST, ...parts.host });
    this.settings = settings(parts.settings);
    this.#tampering = parts.tampering;
    this.#Tracker = parts.Tracker;
  }

  /** Processes that run, whether they own the node or not. */
  get agents(): readonly ModelAgent[] {
    this.#agents = this.#agents.filter(({ isAlive }) => isAlive);
    return this.#agents;
  }

  /** A new process, with a token of its own, that begins to take the node over. `restored`: it has seen that the history went back. */
  startAgent(given: Partial<TrackerSettings> = {}, restored = false): ModelAgent {
    this.#started += 1;
    const { api, host, clock, network } = this;
    const agent = new ModelAgent({
      name: `agent-${this.#started}`,
      token: `token-${this.#started}`,
      settings: { ...this.settings, ...given },
      api,
      host,
      clock,
      network,
      restored,
      ...(this.#tampering !== undefined && { tampering: this.#tampering }),
      ...(this.#Tracker !== undefined && { Tracker: this.#Tracker }),
    });
    this.#agents.push(agent);
    agent.start();
    return agent;
  }

  /** All that may happen next when nothing goes wrong. */
  steps(): Step[] {
    return [...this.agents.flatMap((agent) => agent.steps()), ...this.network.steps()];
  }

  faults(): Step[] {
    return [...this.agents.flatMap((agent) => agent.faults()), ...this.network.faults()];
  }

  /** Lets everything happen, in order, until nothing is left to do. Steps whose words match are held back. */
  settle(heldBack?: RegExp): void {
    for (let count = 0; count < MAX_STEPS_TO_SETTLE; count += 1) {
      const step = this.steps().find(({ what }) => heldBack?.test(what) !== true);
      if (step === undefined) return;
      step.run();
    }
    throw new Error(
      `the world does not come to rest; next: ${this.steps()
        .map(({ what }) => what)
        .join(', ')}`,
    );
  }

  /** Creates a claim; throws where one of its name exists. */
  create(claim: InstanceClaim): InstanceClaim {
    const answer = this.api.claims.create(claim);
    if (answer.kind !== 'ok') throw new Error(`create: ${answer.kind}`);
    return answer.object;
  }

  /** A claim as it is now; throws where there is none. */
  claim(name: string, namespace = 'default'): InstanceClaim {
    const claim = this.api.claims.get(name, namespace);
    if (claim === undefined) throw new Error(`there is no claim ${namespace}/${name}`);
    return claim;
  }
}
