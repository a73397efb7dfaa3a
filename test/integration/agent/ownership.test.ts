import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { FaultProxy } from '../../../dev/fault-proxy.ts';
import type { Lease } from '../../../src/api/lease.ts';
import { type KubeObject, resourceClient } from '../../../src/kube/resource.ts';
import type { AgentProcess } from './agent-process.ts';
import { eventually } from './eventually.ts';
import { Scene } from './scene.ts';
import { decides } from './writes.ts';

/** Room for eight claims. */
const HOST = { totals: { vcpus: 999, memory: '8Gi', disk: '10Gi' } };
const NAMESPACES = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false } as const;
/** Where agents have their Leases unless they are told otherwise. */
const LEASE_NAMESPACE = 'resource-tracker';
const SHORT_MS = 4_000;
/** A Lease that runs out while a test waits; all others have 40 s, so that nothing in a test can come from their running out. */
const SHORT_LEASE = ['--lease-duration-seconds=4'];
/** Between the end of a holder and its successor's first decision, on a machine that is busy with other tests. */
const SOON_MS = 3_000;
const MAX_ARRIVALS = 1_000;

let proxy: FaultProxy;
beforeAll(async () => {
  proxy = await FaultProxy.start(inject('kubeconfigPath'));
});
afterEach(() => {
  proxy.setReachable(true);
  proxy.clearRules();
});
afterAll(() => proxy.stop());

test.each([
  ['is told to stop', (holder: AgentProcess) => holder.terminate()],
  ['is killed', (holder: AgentProcess) => holder.kill()],
])(
  'Of two agents on one node one decides and the other says that it waits; when the one %s, the other goes on at once.',
  async (_end, end) => {
    const scene = await Scene.open(inject('kubeconfigPath'), HOST);
    const holder = await scene.startReady();
    const waiter = scene.start();
    await scene.claim('first');
    await scene.decided('first');
    const { identity = '' } = (await scene.readNode()).status?.agent ?? {};
    const words = await waiter.untilHealth('/readyz', 503);
    expect(words).toContain('does not hold the Lease of the node');
    await eventually(async () => expect((await waiter.health('/readyz')).text).toContain(identity));

    await end(holder);
    const endedAtMs = performance.now();
    await scene.claim('second');
    await eventually(async () => expect(scene.history.decidedAtMs('second')).toBeDefined());
    expect(Number(scene.history.decidedAtMs('second')) - endedAtMs).toBeLessThan(SOON_MS);
    await waiter.untilReady();
    expect(decidedBy(holder)).toEqual(['first']);
    await eventually(async () => expect(decidedBy(waiter)).toEqual(['second']));
    await scene.sumsAreRight();
    expect(scene.history.waverers).toEqual([]);
  },
);

test('A holder that is stopped past its Lease in the midst of its writes decides nothing that lands, and waits when it goes on.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), HOST);
  const holder = await scene.startReady({ kubeconfig: proxy.kubeconfigPath, flags: SHORT_LEASE });
  const waiter = scene.start({ flags: SHORT_LEASE });
  await waiter.untilHealth('/readyz', 503);
  const late = proxy.add({ at: 'request', fault: { kind: 'hold' }, matches: decides, times: Number.POSITIVE_INFINITY });
  await scene.claim('under-way', { flavor: { vcpus: 1, memory: '5Gi' } });
  const hit = await late.hit();
  holder.pause();
  const { spec } = await leaseOf(scene);
  // Both cannot be held: whoever decides this one must know of the other.
  await scene.claim('meanwhile', { flavor: { vcpus: 1, memory: '5Gi' } });
  expect(await scene.allDecided()).toEqual({ Claimed: 1, Rejected: 1 });
  const { acquireTime } = (await leaseOf(scene)).spec ?? {};
  expect(Date.parse(acquireTime ?? '') - Date.parse(spec?.renewTime ?? '')).toBeGreaterThanOrEqual(SHORT_MS);

  late.release();
  expect((await hit.carriedOut)?.status).toBe(409);
  await scene.claim('last');
  holder.resume();
  await holder.untilSaid('lost the Lease of the node; decides nothing until it holds it again');
  expect(await holder.untilHealth('/readyz', 503)).toContain('does not hold the Lease of the node');
  await scene.decided('last');
  expect(decidedBy(holder)).toEqual([]);
  await eventually(async () => expect(decidedBy(waiter).toSorted()).toEqual(['last', 'meanwhile', 'under-way']));
  await scene.sumsAreRight();
  expect(scene.history.waverers).toEqual([]);
});

test('A holder that cannot reach the API server stops deciding before its Lease runs out, says so, and waits when it can again.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), HOST);
  const holder = await scene.startReady({ kubeconfig: proxy.kubeconfigPath, flags: SHORT_LEASE });
  const waiter = scene.start({ flags: SHORT_LEASE });
  await waiter.untilHealth('/readyz', 503);
  proxy.setReachable(false);
  const { spec } = await leaseOf(scene);
  const { time } = await holder.untilSaid('lost the Lease of the node; decides nothing until it holds it again');
  expect(Number(time)).toBeLessThan(Date.parse(spec?.renewTime ?? '') + SHORT_MS);
  expect(await holder.untilHealth('/readyz', 503)).toContain('does not hold the Lease of the node');

  await scene.claim('meanwhile');
  await scene.decided('meanwhile');
  proxy.setReachable(true);
  await scene.claim('after');
  await scene.decided('after');
  await eventually(async () =>
    expect((await holder.health('/readyz')).text).toContain(
      (await scene.readNode()).status?.agent?.identity ?? 'nobody',
    ),
  );
  await eventually(async () => expect(decidedBy(waiter)).toEqual(['meanwhile', 'after']));
  await scene.sumsAreRight();
});

/** How the old agent ends once the new one stands by, and how long a claim may wait for that. A hang is a crash that nobody can tell. */
const ENDS: Readonly<Record<string, { end: (holder: AgentProcess) => unknown; mostMs: number }>> = {
  'a graceful stop': { end: (holder) => holder.terminate(), mostMs: SOON_MS },
  'a crash': { end: (holder) => holder.kill(), mostMs: SHORT_MS + SOON_MS },
  'a hang': { end: (holder) => holder.pause(), mostMs: SHORT_MS + SOON_MS },
};

test('Over rolling updates, old and new at once, and over a crash, no claim is lost, and none waits long.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), { totals: { ...HOST.totals, memory: '20Gi' } });
  let agent = await scene.startReady({ flags: SHORT_LEASE });
  const arrivals = arriving(scene);
  const endings: { readonly what: string; readonly fromMs: number; readonly toMs: number }[] = [];
  for (const what of ['a graceful stop', 'a crash', 'a graceful stop', 'a hang', 'a graceful stop']) {
    const next = scene.start({ flags: SHORT_LEASE });
    await next.untilHealth('/readyz', 503);
    const fromMs = performance.now();
    await ENDS[what]?.end(agent);
    await next.untilReady();
    endings.push({ what, fromMs, toMs: performance.now() });
    agent = next;
  }
  const createdAtMs = await arrivals.end();
  const outcome = await scene.allDecided();
  expect(outcome.Claimed).toBe(20);
  await eventually(async () => expect(scene.history.decisions.size).toBe(createdAtMs.size));
  for (const { what, fromMs, toMs } of endings) {
    // Those that came shortly before were perhaps not decided yet.
    const met = [...createdAtMs].filter(([, atMs]) => atMs > fromMs - SOON_MS && atMs < toMs);
    const longestMs = Math.max(...met.map(([name, atMs]) => Number(scene.history.decidedAtMs(name)) - atMs));
    console.info(
      `${what}: of ${met.length} claims that came meanwhile none waited longer than ${Math.round(longestMs)} ms`,
    );
    expect(longestMs, what).toBeLessThan(ENDS[what]?.mostMs ?? 0);
  }
  await scene.sumsAreRight();
  expect(scene.history.waverers).toEqual([]);
});

test('A Lease that somebody deletes is made anew, and everything is looked at again.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), HOST);
  const agent = await scene.startReady();
  await scene.claim('before');
  await scene.decided('before');
  const { token } = (await scene.readNode()).status?.agent ?? {};
  await scene.leases.delete(scene.nodeName, { namespace: LEASE_NAMESPACE });
  await eventually(async () => expect((await leaseOf(scene)).spec?.holderIdentity).toBeTruthy());
  await eventually(async () => expect((await scene.readNode()).status?.agent?.token).not.toBe(token));
  await scene.claim('after');
  expect((await scene.decided('after')).status?.phase).toBe('Claimed');
  await agent.untilReady();
  await scene.sumsAreRight();
});

test('An agent whose Leases have no namespace says so, and begins when there is one.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), HOST);
  const namespace = `${scene.namespace}-leases`;
  const agent = scene.start({ flags: [`--lease-namespace=${namespace}`, ...SHORT_LEASE] });
  const { error } = await agent.untilSaid('the Lease could not be kept');
  expect(error).toBe(`namespace ${namespace} does not exist: create it, or give another as --lease-namespace`);
  await agent.untilHealth('/readyz', 503);
  await resourceClient<KubeObject>(scene.connection, NAMESPACES).create({ metadata: { name: namespace } });
  await agent.untilReady();
});

test('An agent that finds the node of another installation gives its own Lease back.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), HOST);
  const owner = await scene.startReady();
  const other = scene.start({ flags: [`--lease-namespace=${scene.namespace}`] });
  expect((await other.exited).code).toBe(1);
  expect(other.errors).toContain('belongs to an installation');
  expect((await leaseOf(scene, scene.namespace)).spec?.holderIdentity ?? '').toBe('');
  expect((await owner.health('/readyz')).status).toBe(200);
});

/** Names of the claims that an agent says it has decided, in order. */
function decidedBy(agent: AgentProcess): readonly unknown[] {
  return agent.said('claim decided').map(({ claim }) => claim);
}

async function leaseOf(scene: Scene, namespace = LEASE_NAMESPACE): Promise<Lease> {
  const lease = await scene.leases.get(scene.nodeName, namespace);
  if (lease === undefined) throw new Error(`there is no Lease ${scene.nodeName}`);
  return lease;
}

/** Creates a claim every 50 ms until it is ended; then when each came. */
function arriving(scene: Scene): { end: () => Promise<ReadonlyMap<string, number>> } {
  const createdAtMs = new Map<string, number>();
  let ended = false;
  const creating = (async () => {
    for (let index = 0; !ended && index < MAX_ARRIVALS; index += 1) {
      const name = `c-${index}`;
      await scene.claim(name);
      createdAtMs.set(name, performance.now());
      await sleep(50);
    }
  })();
  return {
    end: async () => {
      ended = true;
      await creating;
      return createdAtMs;
    },
  };
}
