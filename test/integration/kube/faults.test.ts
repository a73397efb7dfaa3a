import { beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../../dev/control-plane.ts';
import { systemClock } from '../../../src/kube/clock.ts';
import { isKubeError, KubeError } from '../../../src/kube/errors.ts';
import { type Reflector, reflect } from '../../../src/kube/reflector.ts';
import type { ResourceClient } from '../../../src/kube/resource.ts';
import { type ConfigMap, configMapsIn, connected, connectedByCable } from './api-server.ts';

describe('An API server that is killed and started again', () => {
  let controlPlane: ControlPlane;
  beforeAll(async () => {
    controlPlane = await startControlPlane({ controllerManager: false, unsafeNoFsync: true });
    return () => controlPlane.stop();
  });

  test('loses no change for watches that ran through it, and writes say truly whether they may have landed.', async () => {
    const namespace = 'restart';
    const connection = await connected(controlPlane.kubeconfigPath);
    const maps = await configMapsIn(connection, namespace);
    const views = Array.from({ length: 5 }, () => follow(maps, namespace));
    await expect.poll(() => views.every(({ reflector }) => reflector.listed)).toBe(true);
    const writer = writeThroughout(maps, namespace);
    await writer.reached(50);
    await controlPlane.killApiServer();
    await controlPlane.startApiServer();
    await writer.reached(writer.count + 50);
    const written = await writer.stop();
    expect(
      written.failures.every((error) =>
        isKubeError(
          error,
          'Unreachable',
          'ConnectionLost',
          'Forbidden',
          'ServiceUnavailable',
          'InternalError',
          'Timeout',
        ),
      ),
    ).toBe(true);
    const { items } = await maps.list({ namespace });
    const truth = new Map(items.map(({ metadata }) => [metadata?.name, metadata?.resourceVersion]));
    expect(
      [...written.names].filter((name) => !truth.has(name)),
      'an answer is a promise',
    ).toEqual([]);
    const unsure = items.length - written.names.size;
    expect(unsure, 'only what may have landed did').toBeLessThanOrEqual(written.mayHaveLanded);
    for (const { objects, goneBack } of views) {
      await expect.poll(() => objects, { timeout: 20_000 }).toEqual(truth);
      expect(goneBack).toEqual([]);
    }
    console.log(
      `restart: ${items.length} written, ${written.failures.length} failed, ${written.mayHaveLanded} of them may have landed, ${unsure} did;`,
      `connections opened: ${connection.stats.connectionsOpened}; lists of the five watches: ${views.map(({ lists }) => lists.length).join(' ')}`,
    );
  });

  test('is found again within seconds after ten seconds without it.', async () => {
    const connection = await connected(controlPlane.kubeconfigPath);
    const maps = await configMapsIn(connection, 'outage');
    const { objects, reflector } = follow(maps, 'outage');
    await expect.poll(() => reflector.listed).toBe(true);
    await controlPlane.killApiServer();
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    await expect(maps.get('a', 'outage')).rejects.toMatchObject({
      reason: 'Unreachable',
      retryable: true,
      mayHaveLanded: false,
    });
    await controlPlane.startApiServer();
    await maps.create({ metadata: { name: 'a', namespace: 'outage' } });
    await expect.poll(() => objects.size, { timeout: 12_000 }).toBe(1);
  });
});

test('A peer that vanishes without a word is noticed within 30 seconds, and says what may have landed.', async () => {
  const { connection, pull } = await connectedByCable(inject('kubeconfigPath'), { requestTimeoutMs: 60_000 });
  const maps = await configMapsIn(connection, 'cable');
  const map = await maps.create({ metadata: { name: 'a', namespace: 'cable' } });
  const noticed: KubeError[] = [];
  const { reflector } = follow(maps, 'cable', (error) => noticed.push(error));
  await expect.poll(() => reflector.listed).toBe(true);
  pull();
  const pulledAtMs = performance.now();
  const write = maps.replace({ ...map, data: { value: '1' } });
  await expect(write).rejects.toMatchObject({ reason: 'ConnectionLost', mayHaveLanded: true });
  const noticedAfterMs = performance.now() - pulledAtMs;
  expect(noticedAfterMs).toBeLessThan(30_000);
  await expect.poll(() => noticed[0]?.reason).toBe('ConnectionLost');
  console.log(`dead peer: noticed after ${(noticedAfterMs / 1_000).toFixed(1)} s`);
});

/** What a reflector makes its user know. */
function follow(maps: ResourceClient<ConfigMap>, namespace: string, onError?: (error: KubeError) => void) {
  const objects = new Map<string | undefined, string | undefined>();
  const lists: number[] = [];
  const goneBack: string[] = [];
  const learn = ({ metadata: { name, resourceVersion } = {} }: ConfigMap) => {
    if (Number(resourceVersion) < Number(objects.get(name) ?? 0)) goneBack.push(`${name} @${resourceVersion}`);
    objects.set(name, resourceVersion);
  };
  const reflector: Reflector = reflect({
    client: maps,
    namespace,
    clock: systemClock,
    random: Math.random,
    onList: (items) => {
      lists.push(items.length);
      objects.clear();
      for (const item of items) learn(item);
    },
    onEvent: ({ type, object }) => (type === 'DELETED' ? objects.delete(object.metadata?.name) : learn(object)),
    onError,
  });
  onTestFinished(() => reflector.stop());
  return { reflector, objects, lists, goneBack };
}

/** Creates one object after the other, whatever happens, and remembers what it was told. */
function writeThroughout(maps: ResourceClient<ConfigMap>, namespace: string) {
  const names = new Set<string>();
  const failures: unknown[] = [];
  let mayHaveLanded = 0;
  let stopped = false;
  const write = async (name: string) => {
    try {
      await maps.create({ metadata: { name, namespace } });
      names.add(name);
    } catch (error) {
      failures.push(error);
      if (error instanceof KubeError && error.mayHaveLanded) mayHaveLanded += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const worker = async (id: number) => {
    for (let count = 0; !stopped; count += 1) await write(`w${id}-${count}`);
  };
  const workers = Promise.all([0, 1, 2, 3].map(worker));
  return {
    get count() {
      return names.size;
    },
    reached: (count: number) => expect.poll(() => names.size, { timeout: 30_000 }).toBeGreaterThanOrEqual(count),
    async stop() {
      stopped = true;
      await workers;
      return { names, failures, mayHaveLanded };
    },
  };
}
