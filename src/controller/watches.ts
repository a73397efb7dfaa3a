/** Keeps a World up to date with list-and-watch of everything that the controller looks at. */
import type { ComputeNode, InstanceClaim, Migration } from '../api/generated/v1alpha1.ts';
import type { Lease } from '../api/lease.ts';
import type { ObjectMeta } from '../api/object-meta.ts';
import { type Clock, type Random, systemClock } from '../kube/clock.ts';
import type { KubeError } from '../kube/errors.ts';
import { type ReflectOptions, type Reflector, reflect } from '../kube/reflector.ts';
import type { KubeObject, ResourceClient } from '../kube/resource.ts';
import type { Now } from '../protocol/lease-keeper.ts';
import type { Cache } from './cache.ts';
import type { HostNode, World } from './world.ts';

export interface WatchesParts {
  readonly world: World;
  readonly computeNodes: ResourceClient<ComputeNode>;
  readonly claims: ResourceClient<InstanceClaim>;
  readonly migrations: ResourceClient<Migration>;
  readonly hostNodes: ResourceClient<HostNode>;
  readonly leases: ResourceClient<Lease>;
  readonly leaseNamespace: string;
  readonly random: Random;
  readonly clock?: Clock;
  readonly now: () => Now;
  /** The world has changed. */
  readonly onChange: () => void;
  readonly onError: (resource: string, error: KubeError, retryInMs: number) => void;
  /** A watch is of no use any more: a programmer's error. */
  readonly onEnd: (error: unknown) => void;
}

export class Watches {
  readonly #parts: WatchesParts;
  readonly #reflectors = new Map<string, Reflector>();

  constructor(parts: WatchesParts) {
    this.#parts = parts;
  }

  start(): void {
    const { world, computeNodes, claims, migrations, hostNodes } = this.#parts;
    this.#follow('computenodes', { client: computeNodes, ...this.#into(() => world.computeNodes) });
    this.#follow('instanceclaims', { client: claims, ...this.#into(() => world.claims) });
    this.#follow('migrations', { client: migrations, ...this.#into(() => world.migrations) });
    this.#follow('nodes', { client: hostNodes, ...this.#into(() => world.hostNodes) });
    this.#followLeases();
  }

  /** Since when the API server is silent on a watch, in the clock's time; undefined before its first word. */
  lastContactAtMs(): Readonly<Record<string, number | undefined>> {
    return Object.fromEntries(
      [...this.#reflectors].map(([resource, { lastContactAtMs }]) => [resource, lastContactAtMs]),
    );
  }

  async stop(): Promise<void> {
    await Promise.allSettled([...this.#reflectors.values()].map((reflector) => reflector.stop()));
  }

  #followLeases(): void {
    const { leases, leaseNamespace } = this.#parts;
    this.#follow<Lease>('leases', {
      client: leases,
      namespace: leaseNamespace,
      onList: (items) => this.#world().leasesListed(items),
      onEvent: ({ type, object }) =>
        type === 'DELETED' ? this.#world().leaseDeleted(object) : this.#world().leaseSeen(object),
      onBookmark: () => this.#world().leasesInSight(),
    });
  }

  #into<T extends { readonly metadata: ObjectMeta }>(cache: () => Cache<T>) {
    return {
      onList: (items: T[]): void => {
        this.#world();
        cache().replaceAll(items);
      },
      onEvent: ({ type, object }: { readonly type: string; readonly object: T }): void => {
        this.#world();
        if (type === 'DELETED') cache().remove(object);
        else cache().put(object);
      },
    };
  }

  #world(): World {
    const { world, now } = this.#parts;
    return world.at(now());
  }

  #follow<T extends KubeObject>(
    resource: string,
    options: Pick<ReflectOptions<T>, 'client' | 'namespace' | 'onList' | 'onEvent' | 'onBookmark'>,
  ): void {
    const { random, clock = systemClock, onChange, onError, onEnd } = this.#parts;
    const reflector = reflect<T>({
      ...options,
      onList: (items, resourceVersion) => {
        options.onList(items, resourceVersion);
        onChange();
      },
      onEvent: (event) => {
        options.onEvent(event);
        onChange();
      },
      clock,
      random,
      onError: (error, retryInMs) => {
        if (resource === 'leases') this.#world().leasesUnseen();
        onError(resource, error, retryInMs);
      },
    });
    this.#reflectors.set(resource, reflector);
    reflector.done.catch(onEnd);
  }
}
