/** Waits for objects by watching them, for a bounded time. */
import { systemClock } from '../kube/clock.ts';
import { isExpired, type KubeError } from '../kube/errors.ts';
import { reflect } from '../kube/reflector.ts';
import type { KubeObject, ResourceClient, Selection } from '../kube/resource.ts';

export interface WatchUntil<T extends KubeObject, Result> extends Selection {
  readonly client: Pick<ResourceClient<T>, 'list' | 'watch' | 'latestResourceVersion'>;
  readonly timeoutMs: number;
  /** Called with all objects, by UID, at first and after each change; the first result that is not undefined is the end. */
  readonly look: (objects: ReadonlyMap<string, T>) => Result | undefined;
}

/**
 * What `look` said, or undefined when the time was over first. The API server may be away meanwhile; only what waiting does not mend (no right
 * to watch) is thrown, as a KubeError.
 */
export async function watchUntil<T extends KubeObject, Result>(
  options: WatchUntil<T, Result>,
): Promise<Result | undefined> {
  const { client, timeoutMs, look, ...selection } = options;
  const objects = new Map<string, T>();
  const end = Promise.withResolvers<Result | undefined>();
  const lookAgain = (): void => {
    const result = look(objects);
    if (result !== undefined) end.resolve(result);
  };
  const reflector = reflect<T>({
    ...selection,
    client,
    clock: systemClock,
    random: Math.random,
    onList: (items) => {
      objects.clear();
      for (const item of items) objects.set(item.metadata?.uid ?? '', item);
      lookAgain();
    },
    onEvent: ({ type, object }) => {
      if (type === 'DELETED') objects.delete(object.metadata?.uid ?? '');
      else objects.set(object.metadata?.uid ?? '', object);
      lookAgain();
    },
    onError: (error) => {
      if (isForGood(error)) end.reject(error);
    },
  });
  const cancel = systemClock.after(timeoutMs, () => end.resolve(undefined));
  reflector.done.catch(end.reject);
  try {
    return await end.promise;
  } finally {
    cancel();
    await reflector.stop().catch(() => undefined);
  }
}

/** A watch that lost its place lists again by itself. */
function isForGood(error: KubeError): boolean {
  return !error.retryable && !isExpired(error) && error.status !== undefined;
}
