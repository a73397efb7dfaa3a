import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import type { Fault, Point } from '../../../dev/fault-proxy/rules.ts';
import { FaultProxy } from '../../../dev/fault-proxy.ts';
import { eventually } from './eventually.ts';
import { gpus } from './host-file.ts';
import { conditionOf, GI, NOTHING, reasonsOf, Scene } from './scene.ts';
import { commits, decides, isHeartbeat, listsClaims, readsClaim } from './writes.ts';

const HOST = { totals: { vcpus: 8, memory: '4Gi', disk: '10Gi' }, devices: gpus(1) };

let proxy: FaultProxy;
beforeAll(async () => {
  proxy = await FaultProxy.start(inject('kubeconfigPath'));
});
afterEach(() => proxy.clearRules());
afterAll(() => proxy.stop());

const STEPS = { ComputeNode: commits, 'a claim': decides } as const;
const FAULTS: readonly { readonly words: string; readonly at: Point; readonly fault: Fault }[] = [
  { words: 'is refused with 429', at: 'request', fault: { kind: 'fail', status: 429 } },
  { words: 'fails with 500 without being carried out', at: 'request', fault: { kind: 'fail', status: 500 } },
  { words: 'fails with 503 after being carried out', at: 'answer', fault: { kind: 'fail', status: 503 } },
  { words: 'is lost', at: 'request', fault: { kind: 'reset' } },
  { words: 'is carried out and its answer lost', at: 'answer', fault: { kind: 'reset' } },
  { words: 'is lost with the connection', at: 'request', fault: { kind: 'cut' } },
  { words: 'is carried out and its answer lost with the connection', at: 'answer', fault: { kind: 'cut' } },
];
const ROWS = Object.entries(STEPS).flatMap(([what, matches]) =>
  FAULTS.map(({ words, at, fault }) => [what, words, matches, at, fault] as const),
);

test.each(ROWS)(
  'When the write of %s %s, twice, each claim is still decided once.',
  async (_what, _words, matches, at, fault) => {
    const scene = await Scene.open(inject('kubeconfigPath'), HOST);
    await scene.startReady({ kubeconfig: proxy.kubeconfigPath });
    const rule = proxy.add({ at, fault, matches, times: 2 });
    const pciRequests = [{ name: 'gpu', count: 1, selectors: [{ vendorID: '10de' }] }];
    await Promise.all(['gpu-1', 'gpu-2'].map((name) => scene.claim(name, { pciRequests })));
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => scene.claim(name)));
    await rule.hit(2);
    expect(await scene.allDecided()).toEqual({ Claimed: 4, Rejected: 2 });
    await scene.sumsAreRight();
    await eventually(async () => expect(scene.history.decisions.size).toBe(6));
    expect(scene.history.waverers).toEqual([]);
  },
);

test.each([
  ['has landed', 'answer'],
  ['has not landed', 'request'],
] as const)(
  'A grant whose write got no answer and %s is held, through audits, too, until it is known.',
  async (_words, at) => {
    const scene = await Scene.open(inject('kubeconfigPath'), HOST);
    const agent = await scene.startReady({ kubeconfig: proxy.kubeconfigPath, flags: ['--audit-seconds=1'] });
    const isLost = proxy.add({ at, fault: { kind: 'reset' }, matches: decides });
    const cannotLook = proxy.add({
      at: 'request',
      fault: { kind: 'hold' },
      matches: readsClaim,
      times: Number.POSITIVE_INFINITY,
    });
    const sees = proxy.add({
      at: 'answer',
      fault: { kind: 'hold' },
      matches: ({ isWatch, path }) => isWatch && path.endsWith('/instanceclaims'),
      from: 2,
      // The grant is told by more than one watch.
      times: Number.POSITIVE_INFINITY,
    });
    await scene.claim('first', { flavor: { vcpus: 1, memory: '3Gi' } });
    await isLost.hit();
    await cannotLook.hit();
    // What the agent cannot see cannot be what keeps the hold.
    if (at === 'answer') await sees.hit();
    await untilAudits(agent, 2);
    expect((await scene.readNode()).status?.used).toMatchObject({ memory: '3Gi' });
    sees.release();
    if (at === 'request') {
      await scene.claim('second', { flavor: { vcpus: 1, memory: '2Gi' } });
      expect(reasonsOf(await scene.decided('second'))).toEqual(['InsufficientMemory']);
    }
    cannotLook.release();
    expect((await scene.decided('first')).status?.phase).toBe('Claimed');
    await scene.sumsAreRight();
    await eventually(async () => expect(scene.history.decisions.get('first')).toHaveLength(1));
  },
);

test('A claim that is deleted while the write of its grant is unanswered holds nothing in the end.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), HOST);
  await scene.startReady({ kubeconfig: proxy.kubeconfigPath });
  const rule = proxy.add({ at: 'request', fault: { kind: 'hold' }, matches: decides });
  await scene.claim('doomed', { flavor: { vcpus: 1, memory: '3Gi' } });
  const hit = await rule.hit();
  await scene.delete('doomed');
  hit.release();
  expect(await hit.carriedOut).toMatchObject({ status: 404 });
  expect(await scene.sumsAreRight()).toEqual(NOTHING);
  await scene.claim('next', { flavor: { vcpus: 1, memory: '4Gi' } });
  expect((await scene.decided('next')).status?.phase).toBe('Claimed');
});

test('A claim of the same name as a deleted one is another claim, whatever of the old one is still under way.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), HOST);
  await scene.startReady({ kubeconfig: proxy.kubeconfigPath });
  const rule = proxy.add({ at: 'request', fault: { kind: 'hold' }, matches: decides });
  await scene.claim('phoenix', { flavor: { vcpus: 1, memory: '3Gi' } });
  const hit = await rule.hit();
  await scene.delete('phoenix');
  await scene.claim('phoenix', { flavor: { vcpus: 1, memory: '2Gi' } });
  hit.release();
  expect(await hit.carriedOut).toMatchObject({ status: 409 });
  expect((await scene.decided('phoenix')).status?.flavor?.memory).toBe('2Gi');
  expect(await scene.sumsAreRight()).toEqual({ ...NOTHING, vcpus: 1, memory: 2n * GI });
});

test('An idle agent asks nothing and writes nothing over its audits.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), {
    ...HOST,
    instances: [{ uuid: '5d1c0f3a-6b1e-4f5c-9d55-3f1f0a7b9c01', name: 'stray', vcpus: 1, memory: '1Gi' }],
  });
  const agent = await scene.startReady({ kubeconfig: proxy.kubeconfigPath, flags: ['--audit-seconds=1'] });
  await scene.claim('granted');
  await scene.claim('refused', { flavor: { vcpus: 99, memory: '1Gi' } });
  await scene.claim('waits', { flavor: { vcpus: 1, memory: '4Gi' }, whenInsufficient: 'Wait' });
  await scene.decided('refused');
  await eventually(async () => expect(reasonsOf(await scene.read('waits'))).toEqual(['InsufficientMemory']));
  // The names in `deciding` are tidied up at an audit, and Events come after all else.
  await untilAudits(agent, 2);
  await eventually(async () => expect((await scene.readNode()).status?.agent?.deciding).toEqual([]));
  proxy.forgetRequests();
  await untilAudits(agent, 3);
  const asked = proxy.requests.filter((passing) => !isHeartbeat(passing));
  expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
});

test('A connection that is cut costs no list: watches go on from where they were.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), HOST);
  await scene.startReady({ kubeconfig: proxy.kubeconfigPath });
  await scene.claim('before');
  await scene.decided('before');
  proxy.forgetRequests();
  proxy.setReachable(false);
  await scene.delete('before');
  await scene.claim('meanwhile', { flavor: { vcpus: 1, memory: '4Gi' } });
  proxy.setReachable(true);
  expect((await scene.decided('meanwhile')).status?.phase).toBe('Claimed');
  await scene.sumsAreRight();
  // A look at where the server's history ends asks for one object.
  const lists = proxy.requests.filter((passing) => listsClaims(passing) && passing.query.get('limit') !== '1');
  expect(lists).toEqual([]);
});

test('A host that cannot be read at first is read again soon.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), { ...HOST, faults: { failAudit: 'the host is busy' } });
  const agent = scene.start();
  await agent.untilSaid('the driver failed');
  await agent.untilHealth('/readyz', 503);
  await eventually(async () =>
    expect(conditionOf((await scene.readNode()).status?.conditions, 'HardwareReportCurrent')).toMatchObject({
      status: 'False',
      message: 'the host is busy',
    }),
  );
  await scene.writeHost(HOST);
  await agent.untilReady();
});

test('An agent that is told to stop in a burst leaves nothing half-decided, and its successor goes on at once.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), {
    ...HOST,
    totals: { vcpus: 99, memory: '20Gi', disk: '1Gi' },
  });
  const agent = await scene.startReady({ kubeconfig: proxy.kubeconfigPath });
  const slow = proxy.add({
    at: 'answer',
    fault: { kind: 'delay', ms: 50 },
    matches: decides,
    times: Number.POSITIVE_INFINITY,
  });
  const burst = Promise.all(Array.from({ length: 60 }, (_, index) => scene.claim(`c-${index}`)));
  await slow.hit(10);
  expect(await agent.terminate()).toEqual({ code: 0, signal: null });
  await burst;
  const told = new Set(agent.said('claim decided').map(({ claim }) => claim));
  const { items } = await scene.claims.list({ namespace: scene.namespace });
  const decided = items
    .filter(({ status }) => (status?.phase ?? 'Pending') !== 'Pending')
    .map(({ metadata }) => metadata.name);
  // Every write was waited for: what is decided is known to be.
  expect(told).toEqual(new Set(decided));

  await Promise.all(Array.from({ length: 5 }, (_, index) => scene.claim(`late-${index}`)));
  const successor = scene.start();
  expect(await scene.allDecided()).toEqual({ Claimed: 20, Rejected: 45 });
  const { time } = await successor.untilSaid('claim decided');
  // From its first word on: how long a process takes to start is not what this is about.
  expect(Number(time) - Number(successor.log[0]?.time)).toBeLessThan(2_000);
  await scene.sumsAreRight();
  await eventually(async () => expect(scene.history.decisions.size).toBe(65));
  expect(scene.history.waverers).toEqual([]);
});

test('A stopping agent that gets no answer does not wait for ever.', async () => {
  const scene = await Scene.open(inject('kubeconfigPath'), HOST);
  const agent = await scene.startReady({ kubeconfig: proxy.kubeconfigPath });
  const rule = proxy.add({ at: 'request', fault: { kind: 'silence' }, matches: decides });
  await scene.claim('unheard');
  await rule.hit();
  const startedAtMs = performance.now();
  expect(await agent.terminate()).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAtMs).toBeLessThan(12_000);
  await scene.startReady();
  expect((await scene.decided('unheard')).status?.phase).toBe('Claimed');
  await scene.sumsAreRight();
});

/** Waits until the agent has done this many audits more. */
async function untilAudits(agent: Awaited<ReturnType<Scene['startReady']>>, count: number): Promise<void> {
  const goal = (await auditsOf(agent)) + count;
  await eventually(async () => expect(await auditsOf(agent)).toBeGreaterThanOrEqual(goal));
}

async function auditsOf(agent: Awaited<ReturnType<Scene['startReady']>>): Promise<number> {
  const { text } = await agent.health('/metrics');
  return Number(/^resource_tracker_audit_duration_seconds_count (\d+)$/m.exec(text)?.[1] ?? 0);
}
