import { type GenericClass, K8s, type KubernetesObject, WatchEvent } from 'kubernetes-fluent-client';
import { DemoError } from './errors.ts';
import { within } from './within.ts';

const connectTimeoutMs = 30_000;

type Waiter = { readonly look: () => boolean };

/** Told of every change; `after` is undefined when the object was deleted. */
export type OnChange<K> = (before: K | undefined, after: K | undefined) => void;

/** Follows all objects of one kind by a watch, and waits until something is true of them. */
export class Follower<K extends KubernetesObject> {
  readonly #objects = new Map<string, K>();
  readonly #waiters = new Set<Waiter>();
  readonly #onChange: OnChange<K>;

  private constructor(onChange: OnChange<K>) {
    this.#onChange = onChange;
  }

  /** Resolves once the watch is connected. It reconnects by itself, and ends with the process. */
  static async start<T extends GenericClass>(
    kind: T,
    onChange: OnChange<InstanceType<T>>,
  ): Promise<Follower<InstanceType<T>>> {
    const follower = new Follower<InstanceType<T>>(onChange);
    const watcher = K8s(kind).Watch((object, phase) => follower.#take(object, phase));
    const connected = Promise.withResolvers<void>();
    watcher.events.once(WatchEvent.CONNECT, () => connected.resolve());
    for (const failure of [WatchEvent.LIST_ERROR, WatchEvent.WATCH_ERROR, WatchEvent.NETWORK_ERROR])
      watcher.events.once(failure, (error: unknown) =>
        connected.reject(new DemoError(`cannot watch ${kind.name}: ${String(error)}`)),
      );
    const started = Promise.all([watcher.start(), connected.promise]);
    await within(connectTimeoutMs, `connecting the watch of ${kind.name}`, started);
    return follower;
  }

  /** By `namespace/name`, or the name alone where there is no namespace. */
  get(key: string): K | undefined {
    return this.#objects.get(key);
  }

  all(): K[] {
    return [...this.#objects.values()];
  }

  /** The first result of `probe` that is not undefined; it is asked again at each change. Rejects with what `late` says. */
  async waitFor<R>(probe: () => R | undefined, timeoutMs: number, late: () => string): Promise<R> {
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    const look = (): boolean => {
      try {
        const result = probe();
        if (result !== undefined) resolve(result);
        return result !== undefined;
      } catch (error) {
        reject(error);
        return true;
      }
    };
    const waiter = { look };
    const timer = setTimeout(() => reject(new DemoError(`${late()} (waited ${timeoutMs / 1000} s)`)), timeoutMs);
    if (!look()) this.#waiters.add(waiter);
    return await promise.finally(() => {
      clearTimeout(timer);
      this.#waiters.delete(waiter);
    });
  }

  #take(object: K, phase: string): void {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    const after = phase === 'DELETED' ? undefined : object;
    // The watch begins with what its list has told already.
    if (before !== undefined && before.metadata?.resourceVersion === after?.metadata?.resourceVersion) return;
    if (after === undefined) this.#objects.delete(key);
    else this.#objects.set(key, after);
    this.#onChange(before ?? (after === undefined ? object : undefined), after);
    for (const waiter of this.#waiters) if (waiter.look()) this.#waiters.delete(waiter);
  }
}

/** `namespace/name`, or the name alone where there is no namespace. */
export function keyOf({ metadata }: KubernetesObject): string {
  return metadata?.namespace === undefined ? `${metadata?.name}` : `${metadata.namespace}/${metadata.name}`;
}
