import { describe, expect, it } from 'vitest';
import type { Connection, KubeRequest } from '../../src/kube/connection.ts';
import { KubeError, type KubeErrorReason } from '../../src/kube/errors.ts';
import { resourceOfPath } from '../../src/kube/paths.ts';
import { type KubeObject, resourceClient } from '../../src/kube/resource.ts';

const CLAIMS = {
  group: 'resourcetracker.dev',
  version: 'v1alpha1',
  plural: 'instanceclaims',
  kind: 'InstanceClaim',
  namespaced: true,
};
const NODES = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false };

/** A connection that answers in turn, and writes down what it is asked. */
function scripted(...answers: unknown[]): { connection: Connection; asked: KubeRequest[] } {
  const asked: KubeRequest[] = [];
  const stats = { connectionsOpened: 1, connected: true, requests: 0, retries: 0, waiting: 0 };
  const connection: Connection = {
    // biome-ignore lint/suspicious/noExplicitAny: what a script answers has any type
    request: async (request): Promise<any> => {
      asked.push(request);
      const next = answers.shift();
      if (next instanceof Error) throw next;
      return next;
    },
    async *stream(request) {
      asked.push(request);
      for (const line of answers.splice(0)) yield String(line);
    },
    stats,
    close: async () => {},
  };
  return { connection, asked };
}

function failure(reason: KubeErrorReason): KubeError {
  return new KubeError({ message: reason, reason, retryable: false, mayHaveLanded: false });
}

function page(names: string[], next?: string): object {
  const items = names.map((name) => ({ metadata: { name } }));
  return { metadata: { resourceVersion: '7', ...(next && { continue: next }) }, items };
}

describe('a resource client', () => {
  const object = { metadata: { name: 'we b', namespace: 'shop', uid: 'u', resourceVersion: '5' } };

  it.each<[string, (connection: Connection) => Promise<unknown>, Partial<KubeRequest>]>([
    [
      'get',
      (to) => resourceClient(to, CLAIMS).get('web', 'shop'),
      { method: 'GET', path: '/namespaces/shop/instanceclaims/web' },
    ],
    [
      'create',
      (to) => resourceClient(to, CLAIMS).create(object),
      { method: 'POST', path: '/namespaces/shop/instanceclaims' },
    ],
    [
      'replace',
      (to) => resourceClient(to, CLAIMS).replace(object),
      { method: 'PUT', path: '/namespaces/shop/instanceclaims/we%20b' },
    ],
    [
      'replaceStatus',
      (to) => resourceClient(to, CLAIMS).replaceStatus(object),
      {
        method: 'PUT',
        path: '/namespaces/shop/instanceclaims/we%20b/status',
        body: { ...object, apiVersion: 'resourcetracker.dev/v1alpha1', kind: 'InstanceClaim' },
      },
    ],
    [
      'delete',
      (to) => resourceClient(to, CLAIMS).delete('web', { namespace: 'shop', uid: 'u' }),
      {
        method: 'DELETE',
        path: '/namespaces/shop/instanceclaims/web',
        body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'u', resourceVersion: undefined } },
      },
    ],
    [
      'patch',
      (to) =>
        resourceClient(to, CLAIMS).patch(
          'web',
          {},
          { namespace: 'shop', type: 'apply', fieldManager: 'm', subresource: 'status' },
        ),
      {
        method: 'PATCH',
        path: '/namespaces/shop/instanceclaims/web/status',
        contentType: 'application/apply-patch+yaml',
        query: { fieldManager: 'm', force: undefined },
      },
    ],
  ])('%s asks for the right thing', async (_, call, expected) => {
    const { connection, asked } = scripted({});
    await call(connection);
    expect(asked).toMatchObject([{ ...expected, path: `/apis/resourcetracker.dev/v1alpha1${expected.path}` }]);
  });

  it('takes absence for an answer where it is one', async () => {
    const { connection } = scripted(failure('NotFound'), failure('NotFound'), failure('Forbidden'));
    const nodes = resourceClient(connection, NODES);
    expect(await nodes.get('one')).toBeUndefined();
    expect(await nodes.delete('one')).toBe(false);
    await expect(nodes.get('one')).rejects.toMatchObject({ reason: 'Forbidden' });
  });

  it.each<[string, KubeObject]>([
    ['resourceVersion', { metadata: { name: 'a', uid: 'u' } }],
    ['uid', { metadata: { name: 'a', resourceVersion: '1' } }],
    ['metadata', {}],
  ])('never replaces without %s', async (_, incomplete) => {
    const { connection, asked } = scripted();
    expect(() => resourceClient(connection, NODES).replace(incomplete)).toThrow(TypeError);
    expect(() => resourceClient(connection, NODES).replaceStatus(incomplete)).toThrow(TypeError);
    expect(asked).toEqual([]);
  });

  it('lists all pages as one, consistently, and says what kind its items are', async () => {
    const { connection, asked } = scripted(page(['a', 'b'], 'next'), page(['c']));
    const list = await resourceClient(connection, NODES).list({ fieldSelector: 'metadata.name=x' });
    expect(list.resourceVersion).toBe('7');
    expect(list.items[0]).toEqual({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } });
    expect(list.items.map(({ metadata }) => metadata?.name)).toEqual(['a', 'b', 'c']);
    expect(asked).toMatchObject([
      { path: '/api/v1/nodes', query: { limit: 500, resourceVersion: undefined, fieldSelector: 'metadata.name=x' } },
      { path: '/api/v1/nodes', query: { limit: 500, continue: 'next', fieldSelector: 'metadata.name=x' } },
    ]);
  });

  it('lists in one piece when the pages ran out of time', async () => {
    const { connection, asked } = scripted(page(['a'], 'next'), failure('Expired'), page(['a', 'b']));
    const { items } = await resourceClient(connection, NODES).list();
    expect(items).toHaveLength(2);
    expect(asked.at(-1)?.query?.limit).toBeUndefined();
  });

  it('lists nothing where the server says null', async () => {
    const { connection } = scripted({ metadata: { resourceVersion: '3' }, items: null });
    expect(await resourceClient(connection, NODES).list()).toEqual({ items: [], resourceVersion: '3' });
  });
});

describe('a watch', () => {
  const read = async (...lines: string[]) => {
    const { connection } = scripted(...lines);
    const seen: string[] = [];
    try {
      for await (const { type } of resourceClient(connection, NODES).watch({
        resourceVersion: '1',
        timeoutSeconds: 300,
      }))
        seen.push(type);
    } catch (error) {
      seen.push(error instanceof KubeError ? error.reason : String(error));
    }
    return seen;
  };

  it.each([
    [
      'delivers events in order',
      ['{"type":"ADDED","object":{}}', '{"type":"BOOKMARK","object":{}}'],
      ['ADDED', 'BOOKMARK'],
    ],
    ['throws an ERROR event', ['{"type":"ERROR","object":{"code":410,"reason":"Expired"}}'], ['Expired']],
    ['throws an ERROR event without an object', ['{"type":"ERROR"}'], ['InternalError']],
    ['refuses what is no JSON', ['{"type":"ADDED","object":{}}', '{"type":"ADD'], ['ADDED', 'Malformed']],
    ['refuses an unknown type', ['{"type":"RENAMED","object":{}}'], ['Malformed']],
    ['refuses an event without an object', ['{"type":"ADDED","object":null}'], ['Malformed']],
    ['refuses null', ['null'], ['Malformed']],
    ['refuses a number', ['7'], ['Malformed']],
  ])('%s', async (_, lines, expected) => {
    expect(await read(...lines)).toEqual(expected);
  });
});

describe('the resource in a path', () => {
  it.each([
    ['/api/v1/nodes', 'nodes'],
    ['/api/v1/nodes/one', 'nodes'],
    ['/api/v1/nodes/one/status', 'nodes/status'],
    ['/api/v1/namespaces', 'namespaces'],
    ['/api/v1/namespaces/shop', 'namespaces'],
    ['/api/v1/namespaces/shop/configmaps', 'configmaps'],
    ['/api/v1/namespaces/shop/configmaps/settings', 'configmaps'],
    ['/apis/resourcetracker.dev/v1alpha1/instanceclaims', 'instanceclaims'],
    ['/apis/resourcetracker.dev/v1alpha1/namespaces/shop/instanceclaims/web/status', 'instanceclaims/status'],
    ['/version', 'other'],
  ])('%s is of %s', (path, expected) => {
    expect(resourceOfPath(path)).toBe(expected);
  });
});
