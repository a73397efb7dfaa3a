import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ComputeNode, InstanceClaim, Migration } from '../../src/api/generated/v1alpha1.ts';
import { World } from '../../src/controller/world.ts';
import { ModelServer } from './model-server.ts';
import { at, claim, computeNode, condition, hostNode, lease, migration, NAMESPACE, shown } from './objects.ts';

const conditionsOf = (object: ComputeNode | InstanceClaim | Migration | undefined): readonly string[] =>
  shown(object?.status?.conditions);

/** The watch of the Leases says something every 10 s, as in a cluster where the controller renews its own. */
function hear(world: World, fromSeconds: number, toSeconds: number): void {
  for (let second = fromSeconds; second <= toSeconds; second += 10) world.at(at(second)).leasesInSight();
}

describe('World', () => {
  it('does nothing before everything was listed.', () => {
    const world = new World({ leaseNamespace: NAMESPACE, nodeGoneMs: 0 });
    world.at(at(0)).computeNodes.replaceAll([computeNode('n')]);
    world.claims.replaceAll([claim('c', { ttlSecondsAfterFinished: 0 }, { phase: 'Rejected' })]);
    world.migrations.replaceAll([]);
    world.leasesListed([]);
    expect([world.plan(at(99), 8), world.dueMs]).toEqual([[], Number.POSITIVE_INFINITY]);
    world.hostNodes.replaceAll([]);
    expect(world.plan(at(99), 8)).toHaveLength(2);
  });

  it('tells of an agent that falls silent, of what waits for it, and of its return.', () => {
    const server = new ModelServer({
      nodes: [computeNode('n', { conditions: [condition('Ready', 'True')] })],
      claims: [claim('c', { nodeName: 'n' })],
      leases: [lease('n')],
      hosts: [hostNode('n')],
    });
    const world = server.world(at(0));
    server.beat(world, at(5));
    server.settle(world, at(5));
    expect(conditionsOf(server.nodes.get('n'))).toContain('AgentAlive=True(LeaseRenewed)');
    hear(world, 10, 50);
    expect(server.settle(world, at(44))).toEqual({});
    expect(world.dueMs).toBe(at(45).ms);
    expect(server.settle(world, at(50))).toEqual({ writeNode: 1, writeClaim: 1 });
    expect(conditionsOf(server.nodes.get('n'))).toContain('Ready=False(AgentSilent)');
    expect(conditionsOf(server.claims.get('team/c'))).toEqual(['NodeNotServed=True(AgentSilent)']);
    server.beat(world, at(60));
    expect(server.settle(world, at(60))).toEqual({ writeNode: 1, writeClaim: 1 });
    expect(conditionsOf(server.nodes.get('n'))).toContain('AgentAlive=True(LeaseRenewed)');
    expect(conditionsOf(server.claims.get('team/c'))).toEqual(['NodeNotServed=False(NodeServed)']);
  });

  it('tells of migrations whose target nobody serves, until they are over or somebody does.', () => {
    const server = new ModelServer({
      nodes: [computeNode('n')],
      migrations: [
        migration('nowhere', 'typo'),
        migration('waits', 'n'),
        migration('over', 'typo', { phase: 'Failed' }),
      ],
      leases: [lease('n')],
      hosts: [hostNode('n')],
    });
    const world = server.world(at(0));
    server.beat(world, at(5));
    hear(world, 10, 60);
    server.settle(world, at(60));
    const told = (name: string): readonly string[] => conditionsOf(server.migrations.get(`team/${name}`));
    expect(told('nowhere')).toEqual(['NodeNotServed=True(NoComputeNode)']);
    expect(told('waits')).toEqual(['NodeNotServed=True(AgentSilent)']);
    expect(told('over')).toEqual([]);
    server.beat(world, at(70));
    const ended = {
      ...migration('nowhere', 'typo'),
      status: { ...server.migrations.get('team/nowhere')?.status, phase: 'Rejected' },
    } as const;
    server.migrations.set('team/nowhere', ended);
    world.at(at(70)).migrations.put(ended);
    server.settle(world, at(70));
    expect([told('waits'), told('nowhere')]).toEqual([
      ['NodeNotServed=False(NodeServed)'],
      ['NodeNotServed=False(Decided)'],
    ]);
  });

  it('says nothing new after a restart before it has seen something itself.', () => {
    const server = new ModelServer({
      nodes: [
        computeNode('dead', {
          conditions: [condition('AgentAlive', 'False'), condition('NodeExists', 'True', 'NodeFound')],
        }),
        computeNode('well', {
          conditions: [condition('AgentAlive', 'True'), condition('NodeExists', 'True', 'NodeFound')],
        }),
      ],
      claims: [claim('c', { nodeName: 'dead' }, { conditions: [condition('NodeNotServed', 'True')] })],
      leases: [lease('dead'), lease('well')],
      hosts: [hostNode('dead'), hostNode('well')],
    });
    const world = server.world(at(1_000));
    const before = ['AgentAlive=False(Because)', 'NodeExists=True(NodeFound)'];
    server.settle(world, at(1_000));
    server.beat(world, at(1_009), ['well']);
    server.settle(world, at(1_009));
    expect(conditionsOf(server.nodes.get('dead'))).toEqual(before);
    expect(conditionsOf(server.claims.get('team/c'))).toEqual(['NodeNotServed=True(Because)']);
  });

  it('asks for the ComputeNode of a claim for a moment before it is missed.', () => {
    const server = new ModelServer({});
    const world = server.world(at(0));
    const early = claim('early', { nodeName: 'new' });
    server.claims.set('team/early', early);
    world.at(at(100)).claims.put(early);
    expect(server.settle(world, at(100))).toEqual({});
    expect(world.dueMs).toBe(at(103).ms);
    expect(server.settle(world, at(103))).toEqual({ writeClaim: 1 });
    expect(conditionsOf(server.claims.get('team/early'))).toEqual(['NodeNotServed=True(NoComputeNode)']);
  });

  it('removes a ComputeNode and its Lease when the last that was held there is gone, and not before.', () => {
    const held = claim('c', { nodeName: 'n' }, { phase: 'Claimed', nodeName: 'n' });
    const server = new ModelServer({ nodes: [computeNode('n')], claims: [held], leases: [lease('n')] });
    const world = server.world(at(0));
    hear(world, 0, 50);
    expect(server.settle(world, at(50))).toEqual({ writeNode: 1, writeClaim: 1 });
    hear(world, 60, 700);
    expect(server.settle(world, at(700))).toEqual({});
    world.at(at(700)).claims.remove(server.claims.get('team/c') ?? held);
    expect(server.settle(world, at(700))).toEqual({ deleteNode: 1 });
    expect([server.nodes.size, server.leases.size]).toEqual([0, 0]);
  });

  it('a migration under way holds on both of its nodes.', () => {
    const migration = { uid: 'm', name: 'm', sourceNodeName: 'n', targetNodeName: 'other' };
    const moved = claim('c', { nodeName: 'n' }, { phase: 'Claimed', nodeName: 'other', migration });
    const server = new ModelServer({ nodes: [computeNode('n')], claims: [moved] });
    const world = server.world(at(0));
    hear(world, 0, 700);
    server.settle(world, at(50));
    expect(server.settle(world, at(700))).toEqual({});
  });

  it('keeps the ComputeNode of a Node that comes back in time.', () => {
    const server = new ModelServer({ nodes: [computeNode('n')] });
    const world = server.world(at(0));
    hear(world, 0, 500);
    server.settle(world, at(50));
    world.at(at(500)).hostNodes.put(hostNode('n'));
    server.hosts.set('n', hostNode('n'));
    expect(server.settle(world, at(500))).toEqual({ writeNode: 1 });
    hear(world, 510, 1_000);
    expect(server.settle(world, at(1_000))).toEqual({});
    expect(conditionsOf(server.nodes.get('n'))).toContain('NodeExists=True(NodeFound)');
  });

  it('removes nothing that an agent took up again in the same moment.', () => {
    const server = new ModelServer({ nodes: [computeNode('n')], leases: [lease('n')] });
    const world = server.world(at(0));
    hear(world, 0, 700);
    server.settle(world, at(50));
    const [removal] = world.plan(at(700), 8);
    expect(removal?.kind).toBe('deleteNode');
    server.leases.set('n', lease('n'));
    if (removal !== undefined) world.settled(removal, server.perform(removal), at(700));
    expect(server.nodes.size).toBe(1);
  });

  it('tries a write that is refused again after longer and longer, and nobody else waits for it.', () => {
    const server = new ModelServer({ nodes: [computeNode('bad'), computeNode('good')] });
    const world = server.world(at(0));
    const times: number[] = [];
    for (let second = 0; second < 30; second += 0.5) {
      for (const work of world.plan(at(second), 2)) {
        const refused = work.kind === 'writeNode' && work.node.metadata.name === 'bad';
        if (refused) times.push(second);
        world.settled(work, refused ? { kind: 'refused', message: 'no' } : server.perform(work), at(second));
      }
    }
    expect(times).toEqual([0, 0.5, 1.5, 3.5, 7.5, 15.5]);
    expect(conditionsOf(server.nodes.get('good'))).toContain('NodeExists=False(NodeGone)');
  });

  it('hands out as much work as there is room for, and each object once at a time.', () => {
    const nodes = ['a', 'b', 'c', 'd', 'e'].map((name) => computeNode(name));
    const world = new ModelServer({ nodes }).world(at(0));
    const named = (room: number) => world.plan(at(0), room).map((work) => 'node' in work && work.node.metadata.name);
    expect(named(0)).toEqual([]);
    expect(named(2)).toEqual(['a', 'b']);
    world.review();
    expect(named(8).toSorted()).toEqual(['c', 'd', 'e']);
  });

  it('a conflict is looked at again when the newer object comes.', () => {
    const server = new ModelServer({ nodes: [computeNode('n')], hosts: [hostNode('n')] });
    const world = server.world(at(0));
    const [work] = world.plan(at(0), 8);
    const newer = { ...computeNode('n', { hostname: 'host' }) };
    server.nodes.set('n', newer);
    if (work !== undefined) world.settled(work, server.perform(work), at(0));
    expect(world.plan(at(0), 8)).toEqual([]);
    world.at(at(1)).computeNodes.put(newer);
    server.settle(world, at(1));
    expect(server.nodes.get('n')?.status).toMatchObject({ hostname: 'host', conditions: [{ type: 'NodeExists' }] });
  });
});

const NAMES = ['a', 'b', 'c'] as const;
const name = fc.constantFrom(...NAMES);
const status = fc.constantFrom('True', 'False');
const conditions = (...types: readonly string[]) =>
  fc.uniqueArray(
    fc.record({ type: fc.constantFrom(...types), status, sinceSeconds: fc.integer({ min: -2_000, max: 0 }) }),
    { selector: ({ type }) => type },
  );
const nodeOf = fc
  .record({
    name,
    spec: fc.constantFrom({}, { unschedulable: true }),
    leaseNamespace: fc.constantFrom('resource-tracker', 'resource-tracker', 'another'),
    conditions: conditions('Ready', 'AgentAlive', 'NodeExists', 'OrphansDetected'),
  })
  .map(({ name, spec, leaseNamespace, conditions }) =>
    computeNode(name, {
      spec,
      agent: { leaseNamespace },
      conditions: conditions.map(({ type, status, sinceSeconds }) => condition(type, status, 'Because', sinceSeconds)),
    }),
  );
const claimOf = fc
  .record({
    name: fc.stringMatching(/^[a-z]{1,3}$/),
    asked: fc.option(name, { nil: undefined }),
    held: name,
    phase: fc.constantFrom('Pending', 'Claimed', 'Rejected', 'Expired'),
    ttl: fc.option(fc.integer({ min: 0, max: 1_000 }), { nil: undefined }),
    conditions: conditions('Claimed', 'NodeGone', 'NodeNotServed'),
  })
  .map(({ name, asked, held, phase, ttl, conditions }) =>
    claim(
      name,
      {
        ...(asked !== undefined && { nodeName: asked }),
        ...(ttl !== undefined && { ttlSecondsAfterFinished: ttl }),
      },
      {
        phase,
        ...(phase === 'Claimed' && { nodeName: held }),
        conditions: conditions.map(({ type, status, sinceSeconds }) =>
          condition(type, status, 'Because', sinceSeconds),
        ),
      },
    ),
  );
const scene = fc.record({
  nodes: fc.uniqueArray(nodeOf, { selector: ({ metadata }) => metadata.name }),
  claims: fc.uniqueArray(claimOf, { selector: ({ metadata }) => metadata.name, maxLength: 8 }),
  migrations: fc.uniqueArray(
    fc
      .tuple(fc.constantFrom('m1', 'm2', 'm3'), name, fc.constantFrom('Pending', 'Migrating', 'Confirmed'))
      .map(([of, target, phase]) => migration(of, target, { phase } as Migration['status'])),
    { selector: ({ metadata }) => metadata.name },
  ),
  leases: fc.uniqueArray(fc.tuple(name, fc.constantFrom('', 'an agent')), { selector: ([of]) => of }),
  hosts: fc.uniqueArray(name),
  living: fc.uniqueArray(name),
  room: fc.integer({ min: 1, max: 5 }),
});

describe('World, in any scene,', () => {
  it('wants nothing more once its plan is carried out, also by another controller that has seen the same.', () => {
    fc.assert(
      fc.property(scene, ({ leases, hosts, living, room, ...contents }) => {
        const server = new ModelServer({
          ...contents,
          leases: leases.map(([of, holder]) => lease(of, holder)),
          hosts: hosts.map((of) => hostNode(of)),
        });
        const worlds = [server.world(at(0)), server.world(at(0))] as const;
        const [world, other] = worlds;
        for (const seconds of [0, 10, 20, 30, 40, 50, 60]) {
          server.beat(world, at(seconds), living);
          server.beat(other, at(seconds), living);
          world.leasesInSight();
          other.leasesInSight();
        }
        server.settle(world, at(60), room);
        const { contents: after } = server;
        expect(world.plan(at(60), 100)).toEqual([]);
        world.review();
        expect(world.plan(at(60), 100)).toEqual([]);
        other.at(at(60)).computeNodes.replaceAll([...server.nodes.values()]);
        other.claims.replaceAll([...server.claims.values()]);
        other.migrations.replaceAll([...server.migrations.values()]);
        other.leasesListed([...server.leases.values()]);
        server.beat(other, at(60), living);
        expect(other.plan(at(60), 100)).toEqual([]);
        expect(server.contents).toBe(after);
      }),
      { numRuns: 500 },
    );
  });

  it('changes nothing with what it planned before others wrote.', () => {
    fc.assert(
      fc.property(scene, ({ leases, hosts, living, ...contents }) => {
        const server = new ModelServer({
          ...contents,
          leases: leases.map(([of, holder]) => lease(of, holder)),
          hosts: hosts.map((of) => hostNode(of)),
        });
        const world = server.world(at(0));
        server.beat(world, at(0), living);
        const late = world.plan(at(0), 100);
        server.touchAll();
        const before = server.contents;
        for (const work of late) expect(server.perform(work)).toEqual({ kind: 'conflict' });
        expect(server.contents).toBe(before);
      }),
      { numRuns: 100 },
    );
  });
});
