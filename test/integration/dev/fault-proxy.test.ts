import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import type { Passing } from '../../../dev/fault-proxy/passing.ts';
import type { Fault, Point } from '../../../dev/fault-proxy/rules.ts';
import { FaultProxy } from '../../../dev/fault-proxy.ts';
import { type Connection, connect } from '../../../src/kube/connection.ts';
import { type KubeObject, type ResourceClient, resourceClient, type WatchEvent } from '../../../src/kube/resource.ts';

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

const CONFIG_MAPS = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true } as const;
const NAMESPACE = 'default';

let proxy: FaultProxy;
let direct: Connection;
let client: ResourceClient<ConfigMap>;
let through: Connection;
let proxied: ResourceClient<ConfigMap>;
beforeAll(async () => {
  proxy = await FaultProxy.start(inject('kubeconfigPath'));
  direct = await connect({ kubeconfig: inject('kubeconfigPath'), userAgent: 'fault-proxy-test/direct' });
  through = await connect({ kubeconfig: proxy.kubeconfigPath, userAgent: 'fault-proxy-test/through' });
  client = resourceClient<ConfigMap>(direct, CONFIG_MAPS);
  proxied = resourceClient<ConfigMap>(through, CONFIG_MAPS);
});
afterEach(() => proxy.clearRules());
afterAll(async () => {
  await through.close();
  await direct.close();
  await proxy.stop();
});

test('Without rules everything passes as it is, large lists, refusals and watches among them.', async () => {
  const name = newName();
  const created = await proxied.create(configMap(name, { text: 'x'.repeat(700_000) }));
  expect(await proxied.get(name, NAMESPACE)).toEqual(await client.get(name, NAMESPACE));
  await expect(proxied.create(configMap(name))).rejects.toMatchObject({ reason: 'AlreadyExists', status: 409 });
  const events = watch(created.metadata?.resourceVersion ?? '', name);
  await client.delete(name, { namespace: NAMESPACE });
  expect((await events.next()).value).toMatchObject({ type: 'DELETED', object: { metadata: { name } } });
  await events.return(undefined);
});

test('Requests are counted with what they asked for.', async () => {
  const name = newName();
  proxy.forgetRequests();
  await proxied.create(configMap(name));
  await proxied.list({ namespace: NAMESPACE, labelSelector: 'none=such' });
  expect(proxy.requests).toMatchObject([
    { method: 'POST', path: `/api/v1/namespaces/${NAMESPACE}/configmaps`, body: { metadata: { name } } },
    { method: 'GET', isWatch: false, userAgent: 'fault-proxy-test/through' },
  ]);
  expect(proxy.requests[1]?.query.get('labelSelector')).toBe('none=such');
});

interface Row {
  readonly at: Point;
  readonly fault: Fault;
  /** Undefined: it succeeds. */
  readonly error?: object;
  readonly landed: boolean;
}

test.each<Row>([
  { at: 'request', fault: { kind: 'delay', ms: 10 }, landed: true },
  { at: 'answer', fault: { kind: 'delay', ms: 10 }, landed: true },
  { at: 'request', fault: { kind: 'fail', status: 500 }, error: { status: 500, mayHaveLanded: true }, landed: false },
  { at: 'answer', fault: { kind: 'fail', status: 503 }, error: { status: 503, mayHaveLanded: true }, landed: true },
  { at: 'request', fault: { kind: 'fail', status: 429 }, error: { status: 429, mayHaveLanded: false }, landed: false },
  { at: 'request', fault: { kind: 'fail', status: 429, retryAfterSeconds: 0 }, landed: true },
  { at: 'request', fault: { kind: 'silence' }, error: { reason: 'NoAnswer', mayHaveLanded: true }, landed: false },
  { at: 'answer', fault: { kind: 'silence' }, error: { reason: 'NoAnswer', mayHaveLanded: true }, landed: true },
  { at: 'request', fault: { kind: 'reset' }, error: { reason: 'ConnectionLost', mayHaveLanded: true }, landed: false },
  { at: 'answer', fault: { kind: 'reset' }, error: { reason: 'ConnectionLost', mayHaveLanded: true }, landed: true },
  { at: 'request', fault: { kind: 'cut' }, error: { reason: 'ConnectionLost', mayHaveLanded: true }, landed: false },
  { at: 'answer', fault: { kind: 'cut' }, error: { reason: 'ConnectionLost', mayHaveLanded: true }, landed: true },
])(
  'A write whose $at meets $fault is carried out ($landed), and its client is told $error for it.',
  async ({ at, fault, error, landed }) => {
    const name = newName();
    const rule = proxy.add({ at, fault, matches: creates(name) });
    const outcome = proxied.create(configMap(name), { timeoutMs: 1_000 }).catch((failure: unknown) => failure);
    const hit = await rule.hit();
    expect(hit.passing.body).toMatchObject({ metadata: { name } });
    if (error === undefined) expect(await outcome).toMatchObject({ metadata: { name } });
    else expect(await outcome).toMatchObject(error);
    expect((await client.get(name, NAMESPACE)) !== undefined).toBe(landed);
  },
);

describe('A held request', () => {
  test('is unknown to the API server until it is released, and is then answered.', async () => {
    const name = newName();
    const rule = proxy.add({ at: 'request', fault: { kind: 'hold' }, matches: creates(name) });
    const outcome = proxied.create(configMap(name));
    const hit = await rule.hit();
    expect(await client.get(name, NAMESPACE)).toBeUndefined();
    hit.release();
    expect(await outcome).toMatchObject({ metadata: { name } });
    expect(await hit.carriedOut).toMatchObject({ status: 201 });
  });

  test('is carried out after its client has died.', async () => {
    const name = newName();
    const mortal = await connect({ kubeconfig: proxy.kubeconfigPath, userAgent: 'fault-proxy-test/mortal' });
    const rule = proxy.add({ at: 'request', fault: { kind: 'hold' }, matches: creates(name) });
    const outcome = resourceClient(mortal, CONFIG_MAPS)
      .create(configMap(name))
      .catch((error: unknown) => error);
    const hit = await rule.hit();
    proxy.cut();
    expect(await outcome).toMatchObject({ reason: 'ConnectionLost' });
    await mortal.close();
    hit.release();
    expect(await hit.carriedOut).toMatchObject({ status: 201 });
    expect(await client.get(name, NAMESPACE)).toMatchObject({ metadata: { name } });
  });

  test('has been carried out already when its answer is held.', async () => {
    const name = newName();
    const rule = proxy.add({ at: 'answer', fault: { kind: 'hold' }, matches: creates(name) });
    const outcome = proxied.create(configMap(name));
    const hit = await rule.hit();
    expect(await hit.carriedOut).toMatchObject({ status: 201 });
    expect(await client.get(name, NAMESPACE)).toMatchObject({ metadata: { name } });
    hit.release();
    await outcome;
  });
});

test('A rule strikes from the n-th match on, for as many as it says, and the rest passes.', async () => {
  const names = Array.from({ length: 5 }, newName);
  const rule = proxy.add({
    at: 'request',
    fault: { kind: 'fail', status: 500 },
    from: 2,
    times: 2,
    matches: ({ method }) => method === 'POST',
  });
  const outcomes: boolean[] = [];
  for (const name of names) {
    outcomes.push(
      await proxied.create(configMap(name)).then(
        () => true,
        () => false,
      ),
    );
  }
  expect(outcomes).toEqual([true, false, false, true, true]);
  expect(rule.hits).toHaveLength(2);
  await expect(rule.hit(3, 10)).rejects.toThrow('the rule was hit 2 times in 10 ms, not 3');
});

test('A watch that runs already can be stalled, and tells everything in order once it is released.', async () => {
  const [first, second, third] = [newName(), newName(), newName()];
  const { resourceVersion } = await client.list({ namespace: NAMESPACE });
  const events = watch(resourceVersion);
  await client.create(configMap(first));
  expect((await events.next()).value).toMatchObject({ object: { metadata: { name: first } } });
  const rule = proxy.add({ at: 'answer', fault: { kind: 'hold' }, matches: ({ isWatch }) => isWatch });
  await client.create(configMap(second));
  await client.create(configMap(third));
  await rule.hit();
  const next = events.next();
  expect(await Promise.race([next, proxied.get(third, NAMESPACE)])).toMatchObject({ metadata: { name: third } });
  rule.release();
  expect((await next).value).toMatchObject({ object: { metadata: { name: second } } });
  expect((await events.next()).value).toMatchObject({ object: { metadata: { name: third } } });
  await events.return(undefined);
});

test('While the proxy is not reachable, connections are refused, and come back after it.', async () => {
  const name = newName();
  await client.create(configMap(name));
  const fresh = await connect({ kubeconfig: proxy.kubeconfigPath, userAgent: 'fault-proxy-test/fresh' });
  onTestFinished(() => fresh.close());
  proxy.setReachable(false);
  await expect(resourceClient(fresh, CONFIG_MAPS).get(name, NAMESPACE)).rejects.toMatchObject({
    reason: 'Unreachable',
    mayHaveLanded: false,
  });
  proxy.setReachable(true);
  expect(await proxied.get(name, NAMESPACE)).toMatchObject({ metadata: { name } });
});

test('A proxy whose API server is gone cannot be reached either.', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fault-proxy-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const kubeconfig = (await readFile(inject('kubeconfigPath'), 'utf8')).replace(
    /server: .*/,
    'server: https://127.0.0.1:1',
  );
  await writeFile(join(folder, 'kubeconfig'), kubeconfig);
  const nobody = await FaultProxy.start(join(folder, 'kubeconfig'));
  onTestFinished(() => nobody.stop());
  const lost = await connect({ kubeconfig: nobody.kubeconfigPath, userAgent: 'fault-proxy-test/lost' });
  onTestFinished(() => lost.close());
  await expect(lost.request({ method: 'GET', path: '/api' })).rejects.toMatchObject({ reason: 'Unreachable' });
});

function newName(): string {
  return `fault-proxy-${randomUUID()}`;
}

function configMap(name: string, data: ConfigMap['data'] = {}): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: NAMESPACE }, data };
}

function creates(name: string): (passing: Passing) => boolean {
  return ({ method, body }) => method === 'POST' && JSON.stringify(body ?? {}).includes(name);
}

/** A watch through the proxy. */
function watch(resourceVersion: string, name?: string): AsyncGenerator<WatchEvent<ConfigMap>, void, undefined> {
  const fieldSelector = name === undefined ? undefined : `metadata.name=${name}`;
  const events = proxied.watch({ namespace: NAMESPACE, fieldSelector, resourceVersion, timeoutSeconds: 60 });
  return events as AsyncGenerator<WatchEvent<ConfigMap>, void, undefined>;
}
