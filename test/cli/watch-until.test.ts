import { describe, expect, it } from 'vitest';
import { watchUntil } from '../../src/cli/watch-until.ts';
import { KubeError, type KubeErrorReason } from '../../src/kube/errors.ts';
import type { KubeObject, ResourceClient, WatchEvent } from '../../src/kube/resource.ts';

const object = (uid: string, resourceVersion = '1'): KubeObject => ({ metadata: { name: uid, uid, resourceVersion } });
const KIND = { group: '', version: 'v1', kind: 'Thing', plural: 'things', namespaced: true };

function failure(reason: KubeErrorReason, status: number | undefined, retryable: boolean): KubeError {
  return new KubeError({ message: reason, reason, status, retryable, mayHaveLanded: false });
}

/** A server that lists these objects, or fails first, and then tells these events; after them it is silent. */
function client(items: readonly KubeObject[], events: readonly WatchEvent<KubeObject>[], failures: KubeError[] = []) {
  const seen: { fieldSelector?: string | undefined; namespace?: string | undefined }[] = [];
  const fake: Pick<ResourceClient<KubeObject>, 'kind' | 'list' | 'watch' | 'latestResourceVersion'> = {
    kind: KIND,
    list: async ({ fieldSelector, namespace } = {}) => {
      seen.push({ fieldSelector, namespace });
      const error = failures.shift();
      if (error !== undefined) throw error;
      return { items: [...items], resourceVersion: '1' };
    },
    latestResourceVersion: async () => '1',
    watch: async function* ({ signal }) {
      yield* events;
      if (signal?.aborted !== true)
        await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
    },
  };
  return { client: fake, seen };
}

const names = (objects: ReadonlyMap<string, KubeObject>): string => [...objects.keys()].join(' ');

describe('waiting by watching', () => {
  it('ends with what the first list shows already, and asks for no more than was wanted', async () => {
    const { client: fake, seen } = client([object('a')], []);
    const selection = { namespace: 'ns', fieldSelector: 'metadata.name=a' };
    expect(await watchUntil({ client: fake, timeoutMs: 5_000, ...selection, look: names })).toBe('a');
    expect(seen).toEqual([selection]);
  });

  it('ends with the first change that is enough; what is deleted is gone', async () => {
    const { client: fake } = client(
      [object('a')],
      [
        { type: 'ADDED', object: object('b', '2') },
        { type: 'DELETED', object: object('a', '3') },
        { type: 'MODIFIED', object: object('b', '4') },
      ],
    );
    const looked: string[] = [];
    const look = (objects: ReadonlyMap<string, KubeObject>): true | undefined => {
      looked.push(names(objects));
      return objects.get('b')?.metadata?.resourceVersion === '4' ? true : undefined;
    };
    expect(await watchUntil({ client: fake, timeoutMs: 5_000, look })).toBe(true);
    expect(looked).toEqual(['a', 'a b', 'b', 'b']);
  });

  it('ends with nothing when the time is over', async () => {
    const { client: fake } = client([object('a')], []);
    expect(await watchUntil({ client: fake, timeoutMs: 20, look: () => undefined })).toBeUndefined();
  });

  it.each<[string, KubeError]>([
    ['does not answer', failure('Unreachable', undefined, true)],
    ['has lost the place', failure('Expired', 410, false)],
    ['is overloaded', failure('TooManyRequests', 429, true)],
  ])('goes on when the API server %s for a while', async (_what, error) => {
    const { client: fake } = client([object('a')], [], [error]);
    expect(await watchUntil({ client: fake, timeoutMs: 5_000, look: names })).toBe('a');
  });

  it('fails at once where the right to watch is missing', async () => {
    const error = failure('Forbidden', 403, false);
    const { client: fake } = client([object('a')], [], [error]);
    await expect(watchUntil({ client: fake, timeoutMs: 5_000, look: names })).rejects.toBe(error);
  });

  it('fails with what the caller throws', async () => {
    const { client: fake } = client([object('a')], []);
    const look = (): undefined => {
      throw new RangeError('a fault');
    };
    await expect(watchUntil({ client: fake, timeoutMs: 5_000, look })).rejects.toThrow('a fault');
  });
});
