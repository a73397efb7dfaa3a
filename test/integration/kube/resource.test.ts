import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { ensureTools } from '../../../dev/tools.ts';
import { EVENTS, LEASES } from '../../../src/api/kinds.ts';
import type { Lease } from '../../../src/api/lease.ts';
import { systemClock } from '../../../src/kube/clock.ts';
import { findEndpoint } from '../../../src/kube/endpoint.ts';
import type { EventObject } from '../../../src/kube/event-object.ts';
import { eventRecorder } from '../../../src/kube/events.ts';
import { reflect } from '../../../src/kube/reflector.ts';
import { resourceClient } from '../../../src/kube/resource.ts';
import { configMapsIn, connected, NODES, type Node, tcpConnectionsTo } from './api-server.ts';

const kubeconfig = inject('kubeconfigPath');
const run = promisify(execFile);

describe('A write is a compare-and-swap', () => {
  test('A replace with a stale resourceVersion is a Conflict, and has not landed.', async () => {
    const maps = await configMapsIn(await connected(kubeconfig), 'cas-stale');
    const first = await maps.create({ metadata: { name: 'a', namespace: 'cas-stale' }, data: { value: '1' } });
    const second = await maps.replace({ ...first, data: { value: '2' } });
    const stale = maps.replace({ ...first, data: { value: '3' } });
    await expect(stale).rejects.toMatchObject({
      reason: 'Conflict',
      status: 409,
      retryable: false,
      mayHaveLanded: false,
    });
    expect(await maps.get('a', 'cas-stale')).toEqual(second);
  });

  test('A status for an object that was deleted and made again is a Conflict, even with the new resourceVersion.', async () => {
    const nodes = resourceClient<Node>(await connected(kubeconfig), NODES);
    const first = await nodes.create({ metadata: { name: 'cas-uid' } });
    await nodes.delete('cas-uid');
    const again = await nodes.create({ metadata: { name: 'cas-uid' } });
    const metadata = { ...first.metadata, resourceVersion: again.metadata?.resourceVersion };
    await expect(nodes.replaceStatus({ ...first, metadata })).rejects.toMatchObject({ reason: 'Conflict' });
    await nodes.delete('cas-uid');
  });

  test('A replaceStatus changes the status and nothing else.', async () => {
    const nodes = resourceClient<Node & { spec?: { unschedulable?: boolean } }>(await connected(kubeconfig), NODES);
    const node = await nodes.create({ metadata: { name: 'status-only' } });
    const changed = await nodes.replaceStatus({
      ...node,
      spec: { unschedulable: true },
      status: { capacity: { cpu: '4' } },
    });
    expect(changed).toMatchObject({ status: { capacity: { cpu: '4' } } });
    expect(changed.spec?.unschedulable).toBeUndefined();
    await nodes.delete('status-only');
  });

  test('A delete with another UID or resourceVersion is a Conflict; of nothing, it is false.', async () => {
    const maps = await configMapsIn(await connected(kubeconfig), 'cas-delete');
    const namespace = 'cas-delete';
    const map = await maps.create({ metadata: { name: 'a', namespace } });
    const changed = await maps.replace({ ...map, data: { value: '1' } });
    await expect(maps.delete('a', { namespace, uid: 'other' })).rejects.toMatchObject({ reason: 'Conflict' });
    const stale = maps.delete('a', { namespace, resourceVersion: map.metadata?.resourceVersion });
    await expect(stale).rejects.toMatchObject({ reason: 'Conflict' });
    expect(
      await maps.delete('a', {
        namespace,
        uid: changed.metadata?.uid,
        resourceVersion: changed.metadata?.resourceVersion,
      }),
    ).toBe(true);
    expect(await maps.delete('a', { namespace })).toBe(false);
    expect(await maps.get('a', namespace)).toBeUndefined();
  });

  test('A create of what is there is AlreadyExists; of what is wrong, Invalid with the reason.', async () => {
    const maps = await configMapsIn(await connected(kubeconfig), 'cas-create');
    await maps.create({ metadata: { name: 'a', namespace: 'cas-create' } });
    const again = maps.create({ metadata: { name: 'a', namespace: 'cas-create' } });
    await expect(again).rejects.toMatchObject({ reason: 'AlreadyExists', mayHaveLanded: false });
    const wrong = maps.create({ metadata: { name: 'A_B', namespace: 'cas-create' } });
    await expect(wrong).rejects.toMatchObject({ reason: 'Invalid', message: expect.stringContaining('metadata.name') });
  });
});

test('A list comes in pages and is consistent; patches of all kinds work.', async () => {
  const maps = await configMapsIn(await connected(kubeconfig), 'pages');
  for (const name of ['a', 'b', 'c', 'd', 'e']) await maps.create({ metadata: { name, namespace: 'pages' } });
  const list = await maps.list({ namespace: 'pages', limit: 2 });
  expect(list.items.map(({ kind, metadata }) => [kind, metadata?.name])).toEqual(
    ['a', 'b', 'c', 'd', 'e'].map((name) => ['ConfigMap', name]),
  );
  expect(Number(await maps.latestResourceVersion())).toBeGreaterThanOrEqual(Number(list.resourceVersion));
  const { items } = await maps.list({ namespace: 'pages', fieldSelector: 'metadata.name=c' });
  expect(items).toHaveLength(1);
  const applied = { apiVersion: 'v1', kind: 'ConfigMap', data: { by: 'apply' } };
  await maps.patch('a', applied, { namespace: 'pages', type: 'apply', fieldManager: 'test', force: true });
  await maps.patch('a', { data: { and: 'merge' } }, { namespace: 'pages', type: 'merge' });
  const patched = await maps.patch('a', [{ op: 'add', path: '/data/more', value: 'json' }], {
    namespace: 'pages',
    type: 'json',
  });
  expect(patched.data).toEqual({ by: 'apply', and: 'merge', more: 'json' });
});

test('A Lease is created, renewed and taken over by compare-and-swap.', async () => {
  const leases = resourceClient<Lease>(await connected(kubeconfig), LEASES);
  const spec = { holderIdentity: 'me', leaseDurationSeconds: 40, renewTime: '2026-01-01T00:00:00.000000Z' };
  const lease = await leases.create({ metadata: { name: 'node-1', namespace: 'default' }, spec });
  const renewed = await leases.replace({ ...lease, spec: { ...spec, renewTime: '2026-01-01T00:00:10.000000Z' } });
  expect(renewed.spec?.renewTime).toBe('2026-01-01T00:00:10.000000Z');
  await expect(leases.replace({ ...lease, spec: { ...spec, holderIdentity: 'you' } })).rejects.toMatchObject({
    reason: 'Conflict',
  });
});

test('300 requests at once and 5 watches share one TCP connection, and every change reaches every watch.', async () => {
  const connection = await connected(kubeconfig);
  const namespace = 'one-connection';
  const maps = await configMapsIn(connection, namespace);
  const { promise: allSeen, resolve } = Promise.withResolvers<void>();
  let seen = 0;
  const reflectors = Array.from({ length: 5 }, () =>
    reflect({
      client: maps,
      namespace,
      clock: systemClock,
      random: Math.random,
      // A namespace gets its kube-root-ca.crt from the controller manager, which does not run here.
      onList: (items) => expect(items).toEqual([]),
      onEvent: () => {
        seen += 1;
        if (seen === 5 * 300) resolve();
      },
    }),
  );
  await expect.poll(() => reflectors.every(({ listed }) => listed)).toBe(true);
  await Promise.all(
    Array.from({ length: 300 }, (_, index) => maps.create({ metadata: { name: `map-${index}`, namespace } })),
  );
  await allSeen;
  const { server } = await findEndpoint({ kubeconfig });
  expect(await tcpConnectionsTo(Number(server.port))).toBe(1);
  expect(connection.stats).toMatchObject({ connectionsOpened: 1, retries: 0, waiting: 0 });
  await Promise.all(reflectors.map((reflector) => reflector.stop()));
});

test('A watch from a resourceVersion that the server has not reached is silent: why an interrupted watch looks at the history.', async () => {
  const connection = await connected(kubeconfig);
  const maps = await configMapsIn(connection, 'from-the-future');
  const future = (Number(await maps.latestResourceVersion()) + 1_000_000).toString();
  const seen: string[] = [];
  const watch = (async () => {
    for await (const { type } of maps.watch({ resourceVersion: future, timeoutSeconds: 4 })) seen.push(type);
  })();
  await maps.create({ metadata: { name: 'a', namespace: 'from-the-future' } });
  await watch;
  expect(seen).toEqual([]);
});

test("A pod's service account opens the connection, and its token may rotate.", async () => {
  const admin = await connected(kubeconfig);
  await allowToRead(admin, 'rotating');
  const { server, tls } = await findEndpoint({ kubeconfig });
  const folder = await mkdtemp(join(tmpdir(), 'service-account-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'ca.crt'), (await tls()).ca ?? '');
  await writeFile(join(folder, 'token'), await tokenFor(admin, 'rotating'));
  const env = { HOME: '/absent', KUBERNETES_SERVICE_HOST: server.hostname, KUBERNETES_SERVICE_PORT: server.port };
  const reports: (number | string)[] = [];
  const connection = await connected('', {
    env,
    serviceAccountFolder: folder,
    onRequest: ({ status }) => reports.push(status),
  });
  const nodes = resourceClient<Node>(connection, NODES);
  await nodes.list();
  await expect(nodes.delete('any')).rejects.toMatchObject({ reason: 'Forbidden', retryable: false });
  await writeFile(join(folder, 'token'), 'worn out');
  const other = await connected('', { env, serviceAccountFolder: folder });
  // The API server answers every 401 with a GOAWAY, too (it guards against floods of unauthenticated streams).
  await expect(resourceClient(other, NODES).list()).rejects.toMatchObject({
    reason: 'Unauthorized',
    mayHaveLanded: false,
  });
  await writeFile(join(folder, 'token'), await tokenFor(admin, 'rotating'));
  await resourceClient(other, NODES).list();
});

test('kubectl describe shows events with their count and reporter.', async () => {
  const connection = await connected(kubeconfig);
  const nodes = resourceClient<Node>(connection, NODES);
  const regarding = await nodes.create({ metadata: { name: 'eventful' } });
  let nowMs = 0;
  const timers: (() => void)[] = [];
  const after = (_: number, action: () => void) => {
    timers.push(action);
    return () => {};
  };
  const events = resourceClient<EventObject>(connection, EVENTS);
  const recorder = eventRecorder({
    client: events,
    clock: { now: () => nowMs, after },
    date: () => new Date(),
    random: Math.random,
    reportingController: 'resourcetracker.dev/agent',
    reportingInstance: 'node-1',
    onLost: (_, loss, error) => expect.fail(`${loss}: ${error}`),
  });
  const event = {
    regarding,
    type: 'Warning',
    action: 'Auditing',
    reason: 'OrphansDetected',
    note: 'two instances that no claim explains',
  } as const;
  recorder.record(event);
  await expect.poll(() => recorder.stats.written).toBe(1);
  recorder.record(event);
  recorder.record(event);
  nowMs = 10_000;
  for (const fire of timers.splice(0)) fire();
  await recorder.stop();
  expect(recorder.stats).toEqual({ written: 2, lost: 0, queued: 0 });
  const described = await describeNode('eventful');
  expect(described).toMatch(
    /Warning\s+OrphansDetected\s+\S+ \(x3 over \S+\)\s+resourcetracker.dev\/agent\s+two instances that no claim explains/,
  );
  await nodes.delete('eventful');
});

async function describeNode(name: string): Promise<string> {
  const bin = await ensureTools({ tools: ['kubectl'], env: process.env });
  const env = { ...process.env, KUBECONFIG: kubeconfig, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };
  return (await run('kubectl', ['describe', 'node', name], { env })).stdout;
}

type AnyConnection = Awaited<ReturnType<typeof connected>>;

async function allowToRead(admin: AnyConnection, name: string): Promise<void> {
  const post = (path: string, body: object) => admin.request({ method: 'POST', path, body });
  await post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name } });
  const rules = [{ apiGroups: [''], resources: ['nodes'], verbs: ['list'] }];
  await post('/apis/rbac.authorization.k8s.io/v1/clusterroles', { metadata: { name }, rules });
  await post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', namespace: 'default', name }],
  });
}

async function tokenFor(admin: AnyConnection, name: string): Promise<string> {
  const path = `/api/v1/namespaces/default/serviceaccounts/${name}/token`;
  const answer = await admin.request<{ status: { token: string } }>({
    method: 'POST',
    path,
    body: { spec: { expirationSeconds: 600 } },
  });
  return answer.status.token;
}
