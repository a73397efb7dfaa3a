import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { ActiveRule, Point } from '../../../dev/fault-proxy/rules.ts';
import { FaultProxy } from '../../../dev/fault-proxy.ts';
import type { AgentProcess } from './agent-process.ts';
import { eventually } from './eventually.ts';
import { gpus } from './host-file.ts';
import { conditionOf, Scene } from './scene.ts';
import { commits, decides, listsClaims, raisesBarrier, readsClaim, writesToken } from './writes.ts';

/** Room for four claims of the six below, and devices for two of the three that want one. */
const HOST = { totals: { vcpus: 4, memory: '4Gi', disk: '10Gi' }, devices: gpus(2) };
const CLAIMS = 6;
const OUTCOME = { Claimed: 4, Rejected: 2 };

let proxy: FaultProxy;
beforeAll(async () => {
  proxy = await FaultProxy.start(inject('kubeconfigPath'));
});
afterAll(() => proxy.stop());

interface Row {
  readonly moment: string;
  readonly at: Point;
  readonly matches: typeof commits;
  readonly from?: number;
  /** How many requests have to be at this point when the agent dies. */
  readonly hits: number;
}

const MOMENTS: readonly Row[] = [
  { moment: 'before ComputeNode is written', at: 'request', matches: commits, hits: 1 },
  { moment: 'after ComputeNode is written and before the answer', at: 'answer', matches: commits, hits: 1 },
  { moment: 'before any claim is written', at: 'request', matches: decides, hits: CLAIMS },
  { moment: 'after all claims are written and before the answers', at: 'answer', matches: decides, hits: CLAIMS },
  { moment: 'between the writes of one batch', at: 'request', matches: decides, from: 3, hits: CLAIMS - 2 },
];

test.each(MOMENTS.map((row) => [row.moment, row] as const))(
  'An agent that is killed %s has a successor that decides each claim once, and late writes change nothing.',
  async (_moment, { at, matches, from = 1, hits }) => {
    const scene = await Scene.open(inject('kubeconfigPath'), HOST);
    const { agent, rule } = await agentAtBatch(scene, { at, matches, from });
    await rule.hit(hits);
    if (from > 1) await eventually(async () => expect(await decidedSoFar(scene)).toBe(from - 1));
    await agent.kill();

    await scene.startReady();
    expect(await scene.allDecided()).toEqual(OUTCOME);
    await scene.sumsAreRight();

    rule.release();
    for (const hit of rule.hits) expect((await hit.carriedOut)?.status).toBe(at === 'request' ? 409 : 200);
    await expectDecidedOnce(scene);
  },
);

test('Writes of a killed agent that land between the token and the barrier of its successor count.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), HOST);
  const { agent, rule } = await agentAtBatch(scene, { at: 'request', matches: decides, from: 1 });
  await rule.hit(CLAIMS);
  await agent.kill();

  const barrier = proxy.add({ at: 'request', fault: { kind: 'hold' }, matches: readsClaim, times: CLAIMS });
  scene.start({ kubeconfig: proxy.kubeconfigPath });
  await barrier.hit(CLAIMS);
  rule.release();
  for (const hit of rule.hits) expect((await hit.carriedOut)?.status).toBe(200);
  barrier.release();
  expect(await scene.allDecided()).toEqual(OUTCOME);
  await expectDecidedOnce(scene);
});

test('Writes of a killed agent that come after the list of its successor conflict, so that nothing is granted beside it.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), HOST);
  const { agent, rule } = await agentAtBatch(scene, { at: 'request', matches: decides, from: 1 });
  await rule.hit(CLAIMS);
  await agent.kill();
  // Less room than the dead one saw: if its grants landed beside the successor's, that would show.
  await scene.writeHost({ ...HOST, totals: { ...HOST.totals, memory: '1Gi' } });
  // Its first write is the token, which leaves the names of the dead one's batch as they are.
  const successors = proxy.add({ at: 'request', fault: { kind: 'hold' }, matches: commits, from: 2 });
  scene.start({ kubeconfig: proxy.kubeconfigPath });
  await successors.hit();
  rule.release();
  for (const hit of rule.hits) expect((await hit.carriedOut)?.status).toBe(409);
  successors.release();
  expect(await scene.allDecided()).toEqual({ Claimed: 1, Rejected: 5 });
  await expectDecidedOnce(scene);
});

const TAKE_OVER: readonly (readonly [string, Point, typeof commits, number])[] = [
  ['before its token is written', 'request', writesToken, 1],
  ['after its token is written', 'answer', writesToken, 1],
  ['before the barrier', 'request', readsClaim, CLAIMS],
  ['in the middle of the barrier', 'answer', raisesBarrier, CLAIMS],
  ['before its list', 'request', listsClaims, 1],
];

test.each(TAKE_OVER)(
  'A successor that is killed %s leaves the same work to the next one.',
  async (_moment, at, matches, hits) => {
    const scene = await Scene.open(inject('kubeconfigPath'), HOST);
    const { agent, rule } = await agentAtBatch(scene, { at: 'request', matches: decides, from: 1 });
    await rule.hit(CLAIMS);
    await agent.kill();
    const step = proxy.add({ at, fault: { kind: 'hold' }, matches, times: Number.POSITIVE_INFINITY });
    const successor = scene.start({ kubeconfig: proxy.kubeconfigPath });
    await step.hit(hits);
    await successor.kill();

    await scene.startReady();
    expect(await scene.allDecided()).toEqual(OUTCOME);
    rule.release();
    for (const hit of rule.hits) expect((await hit.carriedOut)?.status).toBe(409);
    step.release();
    for (const hit of step.hits) await hit.carriedOut;
    await expectDecidedOnce(scene);
  },
);

test('A ComputeNode that is deleted while claims are written fences all of these writes.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), HOST);
  const { agent, rule } = await agentAtBatch(scene, { at: 'request', matches: decides, from: 1 });
  await rule.hit(CLAIMS);
  await scene.nodes.delete(scene.nodeName);
  await agent.kill();
  await scene.startReady();
  expect(await scene.allDecided()).toEqual(OUTCOME);
  rule.release();
  for (const hit of rule.hits) expect((await hit.carriedOut)?.status).toBe(409);
  await expectDecidedOnce(scene);
});

test('An agent that is killed time and again in the middle of its work decides each claim once.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), {
    ...HOST,
    totals: { vcpus: 64, memory: '20Gi', disk: '1Gi' },
  });
  const names = Array.from({ length: 60 }, (_, index) => `c-${index}`);
  let created = 0;
  for (let life = 1; life <= 5; life += 1) {
    const step = life % 2 === 0 ? { matches: commits } : { matches: decides, from: life };
    const rule = proxy.add({ at: 'answer', fault: { kind: 'hold' }, times: Number.POSITIVE_INFINITY, ...step });
    const agent = scene.start({ kubeconfig: proxy.kubeconfigPath });
    const batch = names.slice(created, created + 12);
    created += batch.length;
    await Promise.all(batch.map((name) => scene.claim(name)));
    await rule.hit();
    await agent.kill();
    rule.release();
  }
  await scene.startReady();
  expect(await scene.allDecided()).toEqual({ Claimed: 20, Rejected: 40 });
  await expectDecidedOnce(scene);
});

/** An agent that has come to this point of deciding six claims in one batch. */
async function agentAtBatch(
  scene: Scene,
  { at, matches, from }: Pick<Row, 'at' | 'matches'> & { from: number },
): Promise<{ agent: AgentProcess; rule: ActiveRule }> {
  await scene.writeHost({ ...HOST, faults: { disconnected: true } });
  const agent = scene.start({ kubeconfig: proxy.kubeconfigPath });
  // It owns the node, sees the claims, and may not decide yet: all of them come into one batch.
  await eventually(async () => {
    const { conditions } = (await scene.readNode()).status ?? {};
    expect(conditionOf(conditions, 'HypervisorConnected')?.status).toBe('False');
  });
  const pciRequests = [{ name: 'gpu', count: 1, selectors: [{ vendorID: '10de' }] }];
  for (const name of ['gpu-1', 'gpu-2', 'gpu-3']) await scene.claim(name, { pciRequests });
  for (const name of ['plain-1', 'plain-2', 'plain-3']) await scene.claim(name);
  const mine = (passing: Parameters<typeof matches>[0]) =>
    matches(passing) && passing.path.includes(idOf(scene, passing.path));
  const rule = proxy.add({ at, fault: { kind: 'hold' }, matches: mine, from, times: Number.POSITIVE_INFINITY });
  await scene.writeHost(HOST);
  return { agent, rule };
}

/** What tells a scene's requests from those of others. */
function idOf({ namespace, nodeName }: Scene, path: string): string {
  return path.includes('/instanceclaims/') ? namespace : nodeName;
}

async function decidedSoFar(scene: Scene): Promise<number> {
  const { items } = await scene.claims.list({ namespace: scene.namespace });
  return items.filter(({ status }) => (status?.phase ?? 'Pending') !== 'Pending').length;
}

async function expectDecidedOnce(scene: Scene): Promise<void> {
  await scene.sumsAreRight();
  const { items } = await scene.claims.list({ namespace: scene.namespace });
  await eventually(async () => expect(scene.history.decisions.size).toBe(items.length));
  expect(scene.history.waverers).toEqual([]);
}
