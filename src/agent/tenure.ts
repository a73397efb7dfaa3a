/**
 * One tenure of a node: a Tracker from its take-over to the moment that it steps down, with the watches that feed it. Nothing of
 * it survives: the next one lists everything anew.
 */
import type { ComputeNode, InstanceClaim } from '../api/generated/v1alpha1.ts';
import type { Random } from '../kube/clock.ts';
import { systemClock } from '../kube/clock.ts';
import type { KubeError } from '../kube/errors.ts';
import { type ReflectOptions, type Reflector, reflect } from '../kube/reflector.ts';
import type { KubeObject, ResourceClient } from '../kube/resource.ts';
import { Pacer } from '../process/pacer.ts';
import type { Observation } from '../protocol/messages.ts';
import type { TrackerSettings } from '../protocol/settings.ts';
import { Tracker } from '../protocol/tracker.ts';
import type { CoreNode } from './core-node.ts';
import { observationOfNode } from './core-node.ts';
import { Performer } from './performer.ts';
import { TrackerLoop, type TrackerLoopParts } from './tracker-loop.ts';

export interface TenureParts
  extends Pick<TrackerLoopParts, 'mayDecide' | 'onDecided' | 'onCommitted' | 'onLog' | 'onEnd'> {
  readonly settings: TrackerSettings;
  /** Fresh and random. */
  readonly token: string;
  readonly random: Random;
  readonly computeNodes: ResourceClient<ComputeNode>;
  readonly claims: ResourceClient<InstanceClaim>;
  readonly coreNodes: ResourceClient<CoreNode>;
  readonly onWatchError: (resource: string, error: KubeError, retryInMs: number) => void;
}

export class Tenure {
  readonly tracker: Tracker;
  readonly #parts: TenureParts;
  readonly #loop: TrackerLoop;
  readonly #lifetime = new AbortController();
  readonly #reflectors = new Map<string, Reflector>();
  #computeNodeUid: string | undefined;

  constructor(parts: TenureParts) {
    const { settings, computeNodes, claims, random } = parts;
    this.#parts = parts;
    this.tracker = new Tracker(settings);
    const pacer = new Pacer(systemClock, random, this.#lifetime.signal);
    this.#loop = new TrackerLoop({
      ...parts,
      tracker: this.tracker,
      performer: new Performer({ nodeName: settings.nodeName, nodes: computeNodes, claims, pacer }),
      wallClock: Date.now,
      listClaims: () => this.#watchClaims(),
    });
  }

  /** Begins to take the node over. */
  start(): void {
    this.#watchComputeNode();
    this.#watchCoreNode();
    this.observe({ kind: 'lead', token: this.#parts.token });
  }

  observe(observation: Observation): void {
    this.#loop.observe(observation);
  }

  /** Since when the API server is silent on a watch, in the clock of `performance.now()`; undefined before its first word. */
  lastContactAtMs(): Readonly<Record<string, number | undefined>> {
    return Object.fromEntries(
      [...this.#reflectors].map(([resource, { lastContactAtMs }]) => [resource, lastContactAtMs]),
    );
  }

  /** Lets what is under way be answered, at most until the signal is aborted, and ends. */
  async stop(signal: AbortSignal): Promise<void> {
    await this.#loop.stop(signal);
    this.#lifetime.abort();
    await Promise.allSettled([...this.#reflectors.values()].map((reflector) => reflector.stop()));
  }

  #watchClaims(): void {
    const { settings, claims } = this.#parts;
    this.#follow('instanceclaims', {
      client: claims,
      fieldSelector: `spec.nodeName=${settings.nodeName}`,
      onList: (items) => this.observe({ kind: 'claimsListed', claims: items }),
      onEvent: ({ type, object }) =>
        this.observe({ kind: type === 'DELETED' ? 'claimUnmatched' : 'claimSeen', claim: object }),
    });
  }

  #watchComputeNode(): void {
    const seen = (node: ComputeNode): void => {
      this.#computeNodeUid = node.metadata.uid;
      this.observe({ kind: 'nodeSeen', node });
    };
    const gone = (uid: string | undefined): void => {
      if (uid !== undefined) this.observe({ kind: 'nodeDeleted', uid });
    };
    this.#follow('computenodes', {
      client: this.#parts.computeNodes,
      fieldSelector: this.#byName(),
      onList: ([node]) => (node === undefined ? gone(this.#computeNodeUid) : seen(node)),
      onEvent: ({ type, object }) => (type === 'DELETED' ? gone(object.metadata.uid) : seen(object)),
    });
  }

  #watchCoreNode(): void {
    this.#follow('nodes', {
      client: this.#parts.coreNodes,
      fieldSelector: this.#byName(),
      onList: ([node]) => this.observe(observationOfNode(node)),
      onEvent: ({ type, object }) => this.observe(observationOfNode(type === 'DELETED' ? undefined : object)),
    });
  }

  #byName(): string {
    return `metadata.name=${this.#parts.settings.nodeName}`;
  }

  /** Follows a resource, from a new list on where it was followed already. */
  #follow<T extends KubeObject>(
    resource: string,
    options: Pick<ReflectOptions<T>, 'client' | 'fieldSelector' | 'onList' | 'onEvent'>,
  ): void {
    const { random, onWatchError, onEnd } = this.#parts;
    const previous = this.#reflectors.get(resource);
    previous?.stop().catch(() => undefined);
    const reflector = reflect<T>({
      ...options,
      clock: systemClock,
      random,
      signal: this.#lifetime.signal,
      // Claims and ComputeNode of another history: newer ones that we know must not hide what is there now.
      onWentBack: () => onEnd({ fatal: false, reason: 'the history of the API server went back: it was restored' }),
      onError: (error, retryInMs) => onWatchError(resource, error, retryInMs),
    });
    this.#reflectors.set(resource, reflector);
    reflector.done.catch((error: unknown) => onEnd({ fatal: true, reason: describe(error) }));
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
