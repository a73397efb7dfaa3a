import { describe, expect, it } from 'vitest';
import type { InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { claim, computeNode } from '../simulation/world/objects.ts';
import { World } from '../simulation/world/world.ts';

function agentOf(world: World) {
  return world.api.computeNodes.get('node-a')?.status?.agent;
}

/** A world in which `names` were decided by an agent whose writes are still on their way, and that is gone now. */
function worldWithWritesUnderWay(...names: string[]): World {
  const world = new World();
  const agent = world.startAgent();
  world.settle();
  for (const name of names) world.create(claim({ name }));
  world.settle(/write claim/);
  agent.kill();
  return world;
}

describe('taking a node over', () => {
  it('creates the ComputeNode on an empty cluster, puts its token in, and needs no barrier', () => {
    const world = new World();
    const agent = world.startAgent();
    world.settle();
    expect(agent.tracker.ready).toBe(true);
    expect(world.api.computeNodes.get('node-a')?.spec).toEqual({});
    expect(agentOf(world)).toEqual({
      identity: 'agent-1',
      token: 'token-1',
      leaseNamespace: 'resource-tracker',
      version: '0.1.0',
      deciding: [],
    });
    expect(world.api.claims.log).toEqual([]);
  });

  it('covers every claim that concerns the node where the ComputeNode is new', () => {
    const world = new World();
    world.create(claim({ name: 'a' }));
    world.create(claim({ name: 'elsewhere', nodeName: 'node-b' }));
    world.startAgent();
    world.settle(/turn/);
    expect(world.claim('a').status).toEqual({ token: 'token-1' });
    expect(world.claim('elsewhere').status).toBeUndefined();
  });

  it('covers every claim, too, where an earlier take-over of a new ComputeNode died before its barrier was up', () => {
    const world = new World();
    world.create(claim({ name: 'a' }));
    const first = world.startAgent();
    world.settle(/list claims/);
    first.kill();
    expect(agentOf(world)?.token).toBe('token-1');
    world.startAgent();
    world.settle(/turn/);
    expect(world.claim('a').status?.token).toBe('token-2');
  });

  it('does not lose what an administrator changes meanwhile', () => {
    const world = new World();
    const first = world.startAgent();
    world.settle();
    const cordon = (unschedulable: boolean): void =>
      void world.api.computeNodes.change('node-a', undefined, () => ({ spec: { unschedulable } }));
    cordon(true);
    world.create(claim({ name: 'a', whenInsufficient: 'Wait' }));
    world.settle();
    first.kill();
    world.startAgent();
    world.settle(/list claims/);
    cordon(false);
    world.settle(/list claims/);
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
  });

  it('leaves alone what was deciding here and was taken elsewhere since: no write that started here can land on it', () => {
    const world = worldWithWritesUnderWay('a');
    world.api.claims.change('a', 'default', ({ spec }) => ({ spec: { ...spec, nodeName: 'node-b' } }));
    const { resourceVersion } = world.claim('a').metadata;
    const agent = world.startAgent();
    world.settle(/agent-1/);
    expect(agent.tracker.ready).toBe(true);
    expect(world.claim('a').metadata.resourceVersion).toBe(resourceVersion);
  });

  it('puts the token into what the former owner was deciding, and into nothing else', () => {
    const world = worldWithWritesUnderWay('a', 'b');
    world.create(claim({ name: 'c' }));
    world.startAgent();
    world.settle(/agent-1|turn/);
    expect(world.claim('a').status).toEqual({ token: 'token-2' });
    expect(world.claim('b').status).toEqual({ token: 'token-2' });
    expect(world.claim('c').status).toBeUndefined();
  });

  it('leaves what the former owner was deciding named until the barrier is up', () => {
    const world = worldWithWritesUnderWay('a');
    world.startAgent();
    world.settle(/claim|agent-1/);
    expect(agentOf(world)).toMatchObject({ token: 'token-2', deciding: [{ name: 'a' }] });
    world.settle(/agent-1/);
    expect(agentOf(world)?.deciding).toMatchObject([{ name: 'a' }]);
    world.agents[0]?.audit();
    world.settle(/agent-1/);
    expect(agentOf(world)?.deciding).toEqual([]);
  });

  it('fences off the writes of the former owner that have not landed', () => {
    const world = worldWithWritesUnderWay('a');
    const late = world.network.find(/agent-1: write claim default\/a/);
    world.startAgent();
    world.settle(/agent-1|turn/);
    late.land();
    expect(world.claim('a').status).toEqual({ token: 'token-2' });
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
  });

  it('counts what the former owner wrote before the barrier', () => {
    const world = worldWithWritesUnderWay('a');
    const late = world.network.find(/agent-1: write claim default\/a/);
    world.startAgent();
    world.settle(/agent-2: (read|write) claim|agent-1/);
    late.land();
    world.settle();
    expect(world.api.computeNodes.get('node-a')?.status?.used).toEqual({ vcpus: 1, memory: '1Gi', disk: '0' });
  });

  it('reads again when somebody changes a claim between the read and the write of the barrier', () => {
    const world = worldWithWritesUnderWay('a');
    world.startAgent();
    world.settle(/agent-2: land write claim|agent-1/);
    world.api.claims.change('a', 'default', ({ metadata }) => ({ metadata: { ...metadata, labels: { who: 'user' } } }));
    world.settle(/turn|agent-1/);
    expect(world.claim('a').status?.token).toBe('token-2');
  });

  it('passes over what is gone, or is another object of the same name by now', () => {
    const world = worldWithWritesUnderWay('gone', 'new');
    world.api.claims.delete('gone', 'default');
    world.api.claims.delete('new', 'default');
    world.create(claim({ name: 'new' }));
    const agent = world.startAgent();
    world.settle();
    expect(agent.tracker.ready).toBe(true);
    const first = world.api.claims.log.find(
      ({ after }) => after?.metadata.name === 'new' && after.status !== undefined,
    );
    expect(first?.after?.metadata.uid).toBe(world.claim('new').metadata.uid);
    expect(first?.after?.status?.phase).toBe('Claimed');
  });

  it('passes over what is not granted and so full that no status fits, as no decision would fit either', () => {
    const full = { kind: 'refused', message: 'etcdserver: request is too large', isTooLarge: true } as const;
    const isFull = ({ metadata, status }: InstanceClaim): boolean =>
      metadata.name === 'full' || (metadata.name === 'granted' && status?.token === undefined);
    const world = new World({
      tampering: { claim: (object, { claims }) => (isFull(object) ? full : claims.replaceStatus(object)) },
    });
    world.startAgent();
    world.settle();
    world.create(claim({ name: 'full' }));
    world.create(claim({ name: 'granted' }));
    world.settle(/write claim default.full/);
    world.agents[0]?.kill();
    world.api.computeNodes.delete('node-a');
    const agent = world.startAgent();
    world.settle(/agent-1|turn/);
    expect(agent.tracker.obstacle).toBeUndefined();
    expect(world.claim('granted').status).toMatchObject({ phase: 'Claimed', token: 'token-2' });
  });

  it('does not pass over what is granted and was not fenced, whatever the API server says', () => {
    let isFull = false;
    const full = { kind: 'refused', message: 'etcdserver: request is too large', isTooLarge: true } as const;
    const world = new World({
      tampering: { claim: (object, { claims }) => (isFull ? full : claims.replaceStatus(object)) },
    });
    world.create(claim({ name: 'granted' }));
    world.startAgent();
    world.settle();
    world.agents[0]?.kill();
    world.api.computeNodes.delete('node-a');
    isFull = true;
    const agent = world.startAgent();
    for (let steps = 0; steps < 200; steps += 1) world.steps()[0]?.run();
    expect(agent.tracker.obstacle).toBe('does not own the node yet');
    isFull = false;
    world.settle();
    expect(agent.tracker.obstacle).toBeUndefined();
  });

  it.each(['read node', 'create node', 'write node', 'read claim', 'write claim'])(
    'starts over or tries again when "%s" gets no answer, carried out or not',
    (what) => {
      for (const landed of [true, false]) {
        const world = what === 'create node' ? new World() : worldWithWritesUnderWay('a');
        const agent = world.startAgent();
        world.settle(new RegExp(`(land|answer) ${what}|agent-1: land write claim`));
        const request = world.network.find(new RegExp(`^${agent.name}: ${what}`));
        if (landed) request.land();
        request.giveUp();
        world.settle();
        expect(agent.tracker.ready).toBe(true);
        expect(agentOf(world)?.token).toBe(agent.name.replace('agent', 'token'));
      }
    },
  );

  it('refuses a node whose Leases another installation keeps elsewhere, and says what to do', () => {
    const world = new World();
    const first = world.startAgent();
    world.settle();
    first.kill();
    const stranger = world.startAgent({ leaseNamespace: 'other' });
    world.settle();
    expect(stranger.end).toEqual({
      fatal: true,
      reason:
        'ComputeNode node-a belongs to an installation whose Leases are in namespace "resource-tracker", this agent\'s are in ' +
        '"other"; uninstall one of the two, or set leaseNamespace to "resource-tracker"',
    });
    expect(agentOf(world)?.token).toBe('token-1');
  });

  it('steps down when another agent has put its token in', () => {
    const world = new World();
    const first = world.startAgent();
    world.settle();
    const second = world.startAgent();
    world.settle();
    expect(first.end).toEqual({ fatal: false, reason: 'another agent has taken over the node', restored: false });
    expect(first.tracker.ready).toBe(false);
    expect(second.tracker.ready).toBe(true);
  });

  it('learns at the next batch that another agent took over, and decides nothing', () => {
    const world = new World();
    const first = world.startAgent();
    world.settle();
    const second = world.startAgent();
    world.settle(/agent-1/);
    second.kill();
    world.create(claim({ name: 'a' }));
    world.settle(/node watch/);
    expect(first.end?.reason).toBe('another agent has taken over the node');
    expect(world.claim('a').status).toBeUndefined();
  });

  it('steps down when the ComputeNode is deleted, and when it was deleted and made anew unseen', () => {
    const watched = new World();
    const one = watched.startAgent();
    watched.settle();
    watched.api.computeNodes.delete('node-a');
    watched.settle();
    expect(one.end?.reason).toBe('ComputeNode was deleted');

    const unseen = new World();
    const other = unseen.startAgent();
    unseen.settle();
    unseen.api.computeNodes.delete('node-a');
    unseen.api.computeNodes.create(computeNode('node-a'));
    unseen.create(claim({ name: 'a' }));
    unseen.settle(/node watch/);
    expect(other.end?.reason).toBe('ComputeNode was re-created');
    expect(unseen.claim('a').status).toBeUndefined();
  });

  it('steps down when the ComputeNode is gone at the moment of a commit', () => {
    const world = new World();
    const agent = world.startAgent();
    world.settle();
    world.api.computeNodes.delete('node-a');
    world.create(claim({ name: 'a' }));
    world.settle(/node watch/);
    expect(agent.end?.reason).toBe('ComputeNode is gone');
  });

  it('decides nothing once it was asked to yield', () => {
    const world = new World();
    const agent = world.startAgent();
    world.settle();
    agent.observe({ kind: 'yield' });
    world.create(claim({ name: 'a' }));
    world.settle();
    expect(agent.end?.reason).toBe('asked to yield');
    expect(world.claim('a').status).toBeUndefined();
  });
});
