import { afterAll, beforeAll, expect, test } from 'vitest';
import { installCrds } from '../../../dev/control-plane/crds.ts';
import { type ControlPlane, startControlPlane } from '../../../dev/control-plane.ts';
import { EVENTS } from '../../../src/api/kinds.ts';
import type { EventObject } from '../../../src/kube/event-object.ts';
import { resourceClient } from '../../../src/kube/resource.ts';
import type { AgentProcess } from '../agent/agent-process.ts';
import { eventually } from '../agent/eventually.ts';
import { Cluster } from './cluster.ts';
import { LEASE_SECONDS } from './lease-renewer.ts';

/** Of its own: a controller speaks of every node and claim that there is. */
let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false, unsafeNoFsync: true });
  await installCrds(controlPlane);
});
afterAll(() => controlPlane.stop());

const open = (): Promise<Cluster> => Cluster.open(controlPlane.kubeconfigPath);
const finished = (phase: 'Rejected' | 'Expired') => {
  const lastTransitionTime = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const reason = 'InsufficientMemory';
  return {
    phase,
    conditions: [{ type: 'Claimed', status: 'False', reason, message: '', lastTransitionTime }],
  } as const;
};

async function metric(controller: AgentProcess, sample: string): Promise<number> {
  const { text } = await controller.health('/metrics');
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${sample} `));
  return Number(line?.slice(sample.length + 1) ?? Number.NaN);
}

const leads = (controller: AgentProcess): Promise<number> => metric(controller, 'resource_tracker_leader');

test('An agent that falls silent is told on its node and to who waits for it, and so is its return.', async () => {
  const cluster = await open();
  const agent = await cluster.addServedNode('silent');
  const controller = await cluster.startController();
  await cluster.nodeSays('silent', 'AgentAlive', 'True(LeaseRenewed)');
  await cluster.nodeSays('silent', 'NodeExists', 'True(NodeFound)');

  await agent.fallSilent();
  await cluster.nodeSays('silent', 'AgentAlive', 'False(AgentSilent)');
  await cluster.nodeSays('silent', 'Ready', 'False(AgentSilent)');
  await cluster.addClaim('waits', { nodeName: 'silent' });
  await cluster.claimSays('waits', 'NodeNotServed', 'True(AgentSilent)');

  agent.comeBack();
  await cluster.nodeSays('silent', 'AgentAlive', 'True(LeaseRenewed)');
  await cluster.claimSays('waits', 'NodeNotServed', 'False(NodeServed)');

  await agent.giveBack();
  await cluster.nodeSays('silent', 'AgentAlive', 'False(AgentStopped)');
  await cluster.leases.delete('silent', { namespace: cluster.system });
  await cluster.nodeSays('silent', 'AgentAlive', 'False(LeaseMissing)');

  expect(await metric(controller, 'resource_tracker_dead_agents')).toBe(1);
  const events = resourceClient<EventObject>(cluster.connection, EVENTS);
  await eventually(async () => {
    const { items } = await events.list();
    const told = items.filter(({ regarding }) => regarding.name === 'silent').map(({ reason }) => reason);
    expect(told).toEqual(expect.arrayContaining(['AgentSilent', 'LeaseRenewed', 'AgentStopped']));
  });
});

test('A real agent that is stopped with SIGSTOP is not Ready, and makes itself Ready again when it goes on.', async () => {
  const cluster = await open();
  await cluster.addHost('real');
  const agent = await cluster.startAgent('real');
  await cluster.startController();
  await cluster.nodeSays('real', 'AgentAlive', 'True(LeaseRenewed)');
  await cluster.nodeSays('real', 'Ready', 'True(Ready)');
  agent.pause();
  await cluster.nodeSays('real', 'Ready', 'False(AgentSilent)');
  agent.resume();
  await cluster.nodeSays('real', 'AgentAlive', 'True(LeaseRenewed)');
  await cluster.nodeSays('real', 'Ready', 'True(Ready)');
});

test('A Node that is gone takes its ComputeNode and Lease along once nothing is held there; an administrator’s spec stays.', async () => {
  const cluster = await open();
  const agents = [await cluster.addServedNode('leaves'), await cluster.addServedNode('stays', { unschedulable: true })];
  await cluster.addClaim('held', { nodeName: 'leaves' }, { phase: 'Claimed', nodeName: 'leaves' });
  await cluster.startController('--node-gone-seconds=1');
  await cluster.nodeSays('leaves', 'NodeExists', 'True(NodeFound)');

  for (const name of ['leaves', 'stays']) await cluster.hosts.delete(name);
  await cluster.nodeSays('leaves', 'NodeExists', 'False(NodeGone)');
  await cluster.nodeSays('leaves', 'Ready', 'False(NodeGone)');
  for (const agent of agents) await agent.fallSilent();
  await cluster.claimSays('held', 'NodeGone', 'True(NodeGone)');
  await cluster.nodeSays('leaves', 'AgentAlive', 'False(AgentSilent)');

  await cluster.claims.delete('held', { namespace: cluster.team });
  await eventually(async () => expect(await cluster.nodes.get('leaves')).toBeUndefined());
  expect(await cluster.leases.get('leaves', cluster.system)).toBeUndefined();
  await cluster.nodeSays('stays', 'NodeExists', 'False(NodeGone)');
});

test('A Node that comes back is told to its claims.', async () => {
  const cluster = await open();
  const agent = await cluster.addServedNode('returns');
  await cluster.addClaim('held', { nodeName: 'returns' }, { phase: 'Claimed', nodeName: 'returns' });
  await cluster.startController();
  await cluster.hosts.delete('returns');
  await agent.fallSilent();
  await cluster.claimSays('held', 'NodeGone', 'True(NodeGone)');
  await cluster.addHost('returns');
  await cluster.claimSays('held', 'NodeGone', 'False(NodeFound)');
});

test('Finished claims are deleted when their time is over, and no others.', async () => {
  const cluster = await open();
  const ttl = { ttlSecondsAfterFinished: 1 };
  await cluster.addClaim('rejected', ttl, finished('Rejected'));
  await cluster.addClaim('expired', ttl, finished('Expired'));
  await cluster.addClaim('later', { ttlSecondsAfterFinished: 3_600 }, finished('Rejected'));
  await cluster.addClaim('for-ever', {}, finished('Rejected'));
  await cluster.addClaim('held', ttl, { phase: 'Claimed' });
  await cluster.addClaim('undecided', ttl);
  const controller = await cluster.startController();
  await eventually(async () => {
    const { items } = await cluster.claims.list({ namespace: cluster.team });
    expect(items.map(({ metadata }) => metadata.name).toSorted()).toEqual(['for-ever', 'held', 'later', 'undecided']);
  });
  await eventually(async () =>
    expect(await metric(controller, 'resource_tracker_claims_cleaned_total{phase="Expired"}')).toBe(1),
  );
});

test('A claim on a node that nobody serves is told so, until an agent comes and decides it.', async () => {
  const cluster = await open();
  await cluster.startController();
  await cluster.addClaim('early', { nodeName: 'empty' });
  await cluster.claimSays('early', 'NodeNotServed', 'True(NoComputeNode)');
  await cluster.addHost('empty');
  await cluster.startAgent('empty');
  // The agent may be seen to live before it has decided.
  await cluster.claimSays('early', 'NodeNotServed', 'False');
  await cluster.claimSays('early', 'Claimed', 'True');
});

test('A world that does not change is not written.', async () => {
  const cluster = await open();
  const agent = await cluster.addServedNode('quiet');
  await cluster.addClaim('waits', { nodeName: 'nowhere' });
  const controller = await cluster.startController();
  await cluster.nodeSays('quiet', 'AgentAlive', 'True(LeaseRenewed)');
  await cluster.claimSays('waits', 'NodeNotServed', 'True(NoComputeNode)');
  const before = [await cluster.readNode('quiet'), await cluster.readClaim('waits')];
  const renewals = agent.renewals + 12;
  await eventually(async () => expect(agent.renewals).toBeGreaterThan(renewals));
  expect([await cluster.readNode('quiet'), await cluster.readClaim('waits')]).toEqual(before);
  expect(
    await metric(
      controller,
      'resource_tracker_conditions_set_total{kind="ComputeNode",type="AgentAlive",status="True"}',
    ),
  ).toBe(1);
});

test('Of two controllers one leads; killed with -9, or stopped, it is followed by the other one.', async () => {
  const cluster = await open();
  const agent = await cluster.addServedNode('n');
  const first = await cluster.startController();
  await eventually(async () => expect(await leads(first)).toBe(1));
  const second = await cluster.startController();
  await cluster.nodeSays('n', 'AgentAlive', 'True(LeaseRenewed)');
  expect(await leads(second)).toBe(0);

  await first.kill();
  const killedAtMs = performance.now();
  await eventually(async () => expect(await leads(second)).toBe(1));
  expect(performance.now() - killedAtMs).toBeLessThan((LEASE_SECONDS + 1.5) * 1000);
  await agent.fallSilent();
  await cluster.nodeSays('n', 'AgentAlive', 'False(AgentSilent)');

  const third = await cluster.startController();
  expect(await leads(third)).toBe(0);
  expect(await second.terminate()).toEqual({ code: 0, signal: null });
  const stoppedAtMs = performance.now();
  await eventually(async () => expect(await leads(third)).toBe(1));
  expect(performance.now() - stoppedAtMs).toBeLessThan(1_000);
  agent.comeBack();
  await cluster.nodeSays('n', 'AgentAlive', 'True(LeaseRenewed)');
});
