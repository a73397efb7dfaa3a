import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { installCrds } from '../../../dev/control-plane/crds.ts';
import { type ControlPlane, startControlPlane } from '../../../dev/control-plane.ts';
import type { AgentProcess } from '../agent/agent-process.ts';
import { eventually } from '../agent/eventually.ts';
import { Scene } from '../agent/scene.ts';
import { addNamespace, createClaim, inParallel, metric } from './many.ts';

const WAITERS = 10_000;
const WIDTH = 100;
const HOST = { totals: { vcpus: 100_000, memory: '2Ti', disk: '10Ti' } };
/** Fits the empty node, and not beside the one that is there. */
const WAITS = { flavor: { vcpus: 1, memory: '1536Gi' }, whenInsufficient: 'Wait' } as const;
const NEVER_FITS = { flavor: { vcpus: 1, memory: '3Ti' } };
/** Generous: on two cores that etcd, the API server and this test use, too. */
const MAX_GRANT_MS = 10_000;
const MAX_HEALTH_MS = 2_000;
const MAX_MEMORY_BYTES = 400 * 2 ** 20;
/** Kinds of request, outcome and lost watch that were not seen before; a series for each claim would be thousands. */
const MAX_NEW_SERIES = 60;

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false, unsafeNoFsync: true });
  await installCrds(controlPlane);
});
afterAll(() => controlPlane.stop());

test('10,000 claims wait and a tenant floods the node, and others are granted all the same, in bounded time and memory.', async () => {
  const scene = await Scene.open(controlPlane.kubeconfigPath, HOST);
  const quiet = await addNamespace(scene, 'quiet');
  await scene.claim('full', { flavor: { vcpus: 1, memory: '1Ti' } });
  const agent = await scene.startReady();
  await scene.decided('full');
  const series = await seriesOf(agent);

  await inParallel(WAITERS, WIDTH, (index) => createClaim(scene, { name: `w-${index}` }, WAITS));
  const flood = new AbortController();
  const flooding = floods(scene, flood.signal);
  const latencies: number[] = [];
  const healths: number[] = [];
  for (let index = 0; index < 10; index += 1) {
    latencies.push(await timed(() => isGranted(scene, quiet, `q-${index}`)));
    healths.push(await timed(() => isHealthy(agent)));
  }
  flood.abort();
  expect(await flooding).toBeGreaterThan(100);
  const crowded = await metric(agent, 'process_resident_memory_bytes');

  expect(Math.max(...latencies)).toBeLessThan(MAX_GRANT_MS);
  expect(Math.max(...healths)).toBeLessThan(MAX_HEALTH_MS);
  expect(crowded).toBeLessThan(MAX_MEMORY_BYTES);
  expect(await seriesOf(agent)).toBeLessThan(series + MAX_NEW_SERIES);
  await saysNothingSecret(agent, scene, quiet);

  // And the same by an agent that finds them all.
  await agent.kill();
  const again = scene.start();
  await again.untilReady();
  const foundMs = await timed(() => isGranted(scene, quiet, 'after'));
  const found = await metric(again, 'process_resident_memory_bytes');
  expect(foundMs).toBeLessThan(MAX_GRANT_MS);
  expect(found).toBeLessThan(MAX_MEMORY_BYTES);
  expect((await scene.readNode()).status?.used?.memory).toBe('1035Gi');
}, 120_000);

/** Creates and deletes claims that are refused, until it is told to end. How many. */
async function floods(scene: Scene, signal: AbortSignal): Promise<number> {
  let count = 0;
  const flooder = async (): Promise<void> => {
    while (!signal.aborted) {
      const name = `f-${count++}`;
      await scene.claim(name, NEVER_FITS);
      if (count % 2 === 0) await scene.delete(name);
    }
  };
  await Promise.all(Array.from({ length: 8 }, flooder));
  return count;
}

async function isGranted(scene: Scene, namespace: string, name: string): Promise<void> {
  await createClaim(scene, { name, namespace }, {});
  const isClaimed = async () => expect((await scene.claims.get(name, namespace))?.status?.phase).toBe('Claimed');
  await eventually(isClaimed, 2 * MAX_GRANT_MS);
}

async function isHealthy(agent: AgentProcess): Promise<void> {
  expect((await agent.health('/healthz')).status).toBe(200);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await work();
  return Math.round(performance.now() - startedAtMs);
}

async function seriesOf(agent: AgentProcess): Promise<number> {
  const { text } = await agent.health('/metrics');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
}

async function saysNothingSecret(agent: AgentProcess, scene: Scene, namespace: string): Promise<void> {
  const { text } = await agent.health('/metrics');
  const { users } = parse(await readFile(controlPlane.kubeconfigPath, 'utf8'));
  const credentials = Object.values<unknown>(users[0].user).filter((value) => typeof value === 'string');
  expect(credentials.length).toBeGreaterThan(0);
  const { token = '' } = (await scene.readNode()).status?.agent ?? {};
  expect(token).not.toBe('');
  for (const secret of [...credentials, token, '-----BEGIN', controlPlane.url, namespace, scene.namespace, 'w-1'])
    expect(text).not.toContain(secret);
}
