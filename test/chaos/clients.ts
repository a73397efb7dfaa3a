/** Those who create and delete claims, and the schedulers that race to place some of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { KubeError } from '../../src/kube/errors.ts';
import type { ResourceClient } from '../../src/kube/resource.ts';
import type { Dice } from './dice.ts';

export const NAMESPACE = 'chaos';
export const SCHEDULER = 'chaos-scheduler';
const ERROR_PAUSE_MS = 100;
/** Each client keeps about so many claims. */
const KEPT_PER_CLIENT = 7;

type Claims = ResourceClient<InstanceClaim>;
type ClaimSpec = InstanceClaim['spec'];

export interface ClientParts {
  readonly claims: Claims;
  readonly name: string;
  readonly nodes: readonly string[];
  readonly dice: Dice;
  readonly signal: AbortSignal;
  /** The API server has accepted a claim. */
  readonly onCreated: () => void;
}

/** One client that works in a loop until the signal is aborted. */
export async function runClient({ claims, name, nodes, dice, signal, onCreated }: ClientParts): Promise<void> {
  const living: string[] = [];
  for (let count = 0; !signal.aborted; count += 1) {
    const claim = claimOf(`${name}-${count}`, specOf(nodes, dice));
    const done = await attempt(() => claims.create(claim));
    // Without an answer it may be there all the same.
    living.push(claim.metadata.name);
    if (done) onCreated();
    else await sleep(ERROR_PAUSE_MS);
    if (living.length <= KEPT_PER_CLIENT) continue;
    const [victim = ''] = living.splice(dice.between(0, living.length - 1), 1);
    while (!(await attempt(() => claims.delete(victim, { namespace: NAMESPACE }))) && !signal.aborted)
      await sleep(ERROR_PAUSE_MS);
  }
}

function claimOf(name: string, spec: ClaimSpec): InstanceClaim {
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'InstanceClaim',
    metadata: { name, namespace: NAMESPACE },
    spec,
  };
}

/** Of all kinds: small and large, with devices, patient ones, and such that a scheduler places. */
function specOf(nodes: readonly string[], dice: Dice): ClaimSpec {
  const flavor = { vcpus: dice.between(1, 2), memory: `${dice.pick([256, 512, 1024, 3072])}Mi`, rootDisk: '1Gi' };
  const pciRequests = [{ name: 'gpu', count: dice.between(1, 2), selectors: [{ vendorID: '10de' }] }];
  const isLate = dice.next() < 0.2;
  return {
    flavor,
    ...(isLate ? { schedulerName: SCHEDULER } : { nodeName: dice.pick(nodes) }),
    ...(dice.next() < 0.15 && { pciRequests }),
    ...(!isLate && dice.next() < 0.15 && { whenInsufficient: 'Wait' as const, waitSeconds: dice.between(2, 6) }),
  };
}

/** Whether it was done; what the API server does not answer or refuses may have been done all the same. */
async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof KubeError) return false;
    throw error;
  }
}

/** Of one scheduler, at the same time. */
const WORKERS = 8;

/** A late-binding scheduler: binds what has no node, goes on after a refusal, gives up (deletes) when every node has refused. */
export class Scheduler {
  readonly #claims: Claims;
  readonly #nodes: readonly string[];
  readonly #dice: Dice;
  readonly #todo = new Map<string, InstanceClaim>();
  readonly #lifetime = new AbortController();
  readonly #working: Promise<unknown>;

  constructor(claims: Claims, nodes: readonly string[], dice: Dice) {
    this.#claims = claims;
    this.#nodes = nodes;
    this.#dice = dice;
    this.#working = Promise.all(Array.from({ length: WORKERS }, () => this.#work()));
  }

  async stop(): Promise<void> {
    this.#lifetime.abort();
    await this.#working;
  }

  /** A claim as a watch shows it. */
  see(claim: InstanceClaim): void {
    const { spec, status, metadata } = claim;
    const isPending = (status?.phase ?? 'Pending') === 'Pending';
    const refusedHere = status?.attempts?.at(-1)?.nodeName === spec.nodeName;
    if (spec.schedulerName === SCHEDULER && isPending && (spec.nodeName === undefined || refusedHere))
      this.#todo.set(metadata.name, claim);
    else this.#todo.delete(metadata.name);
  }

  /** It was deleted. */
  forget({ metadata }: InstanceClaim): void {
    this.#todo.delete(metadata.name);
  }

  async #work(): Promise<void> {
    while (!this.#lifetime.signal.aborted) {
      const [next] = this.#todo.values();
      if (next === undefined) {
        await sleep(10);
        continue;
      }
      this.#todo.delete(next.metadata.name);
      // A conflict means that the other scheduler, or a refusal, came first: the watch shows what is to be done now.
      if (await attempt(() => this.#place(next))) continue;
      await sleep(ERROR_PAUSE_MS);
      const isKnown = await attempt(async () => {
        const claim = await this.#claims.get(next.metadata.name, NAMESPACE);
        if (claim !== undefined) this.see(claim);
      });
      // While the API server is down no watch says that this is still to be done.
      if (!isKnown) this.#todo.set(next.metadata.name, next);
    }
  }

  async #place(claim: InstanceClaim): Promise<void> {
    const tried = new Set((claim.status?.attempts ?? []).map(({ nodeName }) => nodeName));
    const left = this.#nodes.filter((nodeName) => !tried.has(nodeName));
    const { name } = claim.metadata;
    if (left.length === 0) await this.#claims.delete(name, { namespace: NAMESPACE });
    else await this.#claims.replace({ ...claim, spec: { ...claim.spec, nodeName: this.#dice.pick(left) } });
  }
}
