/**
 * One tenure of a node: a Tracker from its take-over to the moment that it steps down, with the watches that feed it. Nothing of
 * it survives: the next one lists everything anew.
 */
import type { ComputeNode, InstanceClaim, Migration } from '../api/generated/v1alpha1.ts';
import type { Lease } from '../api/lease.ts';
import type { Random } from '../kube/clock.ts';
import { systemClock } from '../kube/clock.ts';
import type { KubeError } from '../kube/errors.ts';
import { type ReflectOptions, type Reflector, reflect } from '../kube/reflector.ts';
import type { KubeObject, ResourceClient } from '../kube/resource.ts';
import { Pacer } from '../process/pacer.ts';
import type { Observation } from '../protocol/messages.ts';
import type { TrackerSettings } from '../protocol/settings.ts';
import {
  CLAIM_SOURCES,
  type ClaimSource,
  Feed,
  FIRST_SOURCE,
  MIGRATION_SOURCES,
  type MigrationSource,
} from '../protocol/sources.ts';
import { Tracker } from '../protocol/tracker.ts';
import type { CoreNode } from './core-node.ts';
import { observationOfNode } from './core-node.ts';
import { Performer } from './performer.ts';
import { TrackerLoop, type TrackerLoopParts } from './tracker-loop.ts';

export interface TenureParts
  extends Pick<
    TrackerLoopParts,
    'mayDecide' | 'onDecided' | 'onNoticed' | 'onMigrated' | 'onCommitted' | 'onLog' | 'onEnd'
  > {
  readonly settings: TrackerSettings;
  /** Fresh and random. */
  readonly token: string;
  /** This process has seen that the history of the API server went back. */
  readonly restored: boolean;
  readonly random: Random;
  readonly computeNodes: ResourceClient<ComputeNode>;
  readonly claims: ResourceClient<InstanceClaim>;
  readonly migrations: ResourceClient<Migration>;
  readonly leases: ResourceClient<Lease>;
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
    const { settings, computeNodes, claims, migrations, leases, random } = parts;
    const { nodeName, leaseNamespace } = settings;
    this.#parts = parts;
    this.tracker = new Tracker(settings);
    const pacer = new Pacer(systemClock, random, this.#lifetime.signal);
    this.#loop = new TrackerLoop({
      ...parts,
      tracker: this.tracker,
      performer: new Performer({ nodeName, leaseNamespace, nodes: computeNodes, claims, migrations, leases, pacer }),
      wallClock: Date.now,
      listClaims: () => this.#watchAll(),
    });
  }

  /** Begins to take the node over. */
  start(): void {
    this.#watchComputeNode();
    this.#watchCoreNode();
    const { token, restored } = this.#parts;
    this.observe({ kind: 'lead', token, restored });
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

  /** Claims and migrations that concern the node, from the first source on: the others begin once its list is there. */
  #watchAll(): void {
    const feed = new Feed();
    const others = CLAIM_SOURCES.filter((source) => source !== FIRST_SOURCE);
    const rest = once(() => {
      for (const source of others) this.#watchClaims(source, feed);
      for (const source of MIGRATION_SOURCES) this.#watchMigrations(source, feed);
    });
    // What was watched before must not speak into the new feed's silence.
    for (const source of others) this.#unfollow(nameOf('instanceclaims', source));
    for (const source of MIGRATION_SOURCES) this.#unfollow(nameOf('migrations', source));
    this.#watchClaims(FIRST_SOURCE, feed, rest);
  }

  #watchClaims(source: ClaimSource, feed: Feed, onListed: () => void = () => undefined): void {
    const { settings, claims } = this.#parts;
    this.#follow(nameOf('instanceclaims', source), {
      client: claims,
      fieldSelector: `${source}=${settings.nodeName}`,
      onList: (items, resourceVersion) => {
        this.#observeAll(feed.claims(source, items, resourceVersion));
        onListed();
      },
      onEvent: ({ type, object }) =>
        this.#observeAll(feed.event({ kind: type === 'DELETED' ? 'claimUnmatched' : 'claimSeen', claim: object })),
    });
  }

  #watchMigrations(source: MigrationSource, feed: Feed): void {
    const { settings, migrations } = this.#parts;
    this.#follow(nameOf('migrations', source), {
      client: migrations,
      fieldSelector: `${source}=${settings.nodeName}`,
      onList: (items) => this.#observeAll(feed.migrations(source, items)),
      onEvent: ({ type, object }) =>
        this.#observeAll(
          feed.event({ kind: type === 'DELETED' ? 'migrationGone' : 'migrationSeen', migration: object }),
        ),
    });
  }

  #observeAll(observations: readonly Observation[]): void {
    for (const observation of observations) this.observe(observation);
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

  #unfollow(resource: string): void {
    const reflector = this.#reflectors.get(resource);
    reflector?.stop().catch(() => undefined);
    this.#reflectors.delete(resource);
  }

  /** Follows a resource, from a new list on where it was followed already. */
  #follow<T extends KubeObject>(
    resource: string,
    options: Pick<ReflectOptions<T>, 'client' | 'fieldSelector' | 'onList' | 'onEvent'>,
  ): void {
    const { random, onWatchError, onEnd } = this.#parts;
    this.#unfollow(resource);
    const reflector = reflect<T>({
      ...options,
      clock: systemClock,
      random,
      signal: this.#lifetime.signal,
      // Claims and ComputeNode of another history: newer ones that we know must not hide what is there now.
      onWentBack: () =>
        onEnd({ fatal: false, reason: 'the history of the API server went back: it was restored', restored: true }),
      onError: (error, retryInMs) => onWatchError(resource, error, retryInMs),
    });
    this.#reflectors.set(resource, reflector);
    reflector.done.catch((error: unknown) => onEnd({ fatal: true, reason: describe(error) }));
  }
}

/** As logs, metrics and /readyz name a watch. */
function nameOf(resource: string, source: string): string {
  return `${resource} by ${source}`;
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
