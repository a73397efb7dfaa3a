import { describe, expect, it } from 'vitest';
import { claim } from '../simulation/world/objects.ts';
import { World } from '../simulation/world/world.ts';

const A = 'default/a';

/** An agent owns the node, and its grant of `a` was sent and has not landed. `a` takes 6 of 8 GiB. */
function worldWithGrantSent(): World {
  const world = new World();
  world.startAgent();
  world.settle();
  world.create(claim({ name: 'a', memoryMi: 6144 }));
  world.settle(/write claim/);
  return world;
}

/** The same, and an older claim of the same size that is bound to this node only later: it comes first then. */
function worldWithOlderClaim(): { readonly world: World; readonly bindOlder: () => void } {
  const world = new World();
  world.startAgent();
  world.settle();
  const older = world.create(claim({ name: 'older', memoryMi: 6144, schedulerName: 'sched', nodeName: 'node-b' }));
  world.clock.advance(1000);
  world.create(claim({ name: 'a', memoryMi: 6144 }));
  world.settle(/write claim/);
  const bindOlder = (): void => {
    world.api.claims.change('older', 'default', () => ({ spec: { ...older.spec, nodeName: 'node-a' } }));
  };
  return { world, bindOlder };
}

/** Whether the agent still holds the 6 GiB: a claim of 4 GiB is refused then. */
function holds(world: World, heldBack?: RegExp): boolean {
  world.create(claim({ name: 'probe', memoryMi: 4096 }));
  world.settle(heldBack === undefined ? new RegExp(`claim ${A}`) : heldBack);
  const phase = world.claim('probe').status?.phase;
  world.api.claims.delete('probe', 'default');
  if (phase === undefined) throw new Error('the probe was not decided');
  return phase === 'Rejected';
}

function label(world: World, name = 'a'): void {
  const labels = { edited: `at ${world.claim(name).metadata.resourceVersion}` };
  world.api.claims.change(name, 'default', ({ metadata }) => ({ metadata: { ...metadata, labels } }));
}

function usedMemory(world: World): unknown {
  return world.api.computeNodes.get('node-a')?.status?.used?.memory;
}

describe('step 2, the write of ComputeNode', () => {
  function worldWithCommitOpen(): World {
    const world = new World();
    world.startAgent();
    world.settle();
    world.create(claim({ name: 'a' }));
    world.settle(/commit/);
    return world;
  }

  it('sends no decision before it is answered', () => {
    const world = worldWithCommitOpen();
    world.network.find(/commit/).land();
    world.settle(/commit/);
    expect(world.network.requests.map(({ what }) => what)).toEqual(['agent-1: commit']);
  });

  it('is taken back on a conflict, read again and tried again', () => {
    const world = worldWithCommitOpen();
    world.api.computeNodes.change('node-a', undefined, () => ({ spec: { reserved: { memory: '8Gi' } } }));
    world.settle(/node watch/);
    expect(world.claim('a').status?.phase).toBe('Rejected');
    expect(world.agents[0]?.outcomes).toMatchObject([{ phase: 'Rejected', reasons: ['InsufficientMemory'] }]);
  });

  it('is taken back with all that it granted, so that the same claim fits again', () => {
    const world = new World();
    world.startAgent();
    world.settle();
    world.create(claim({ name: 'a', memoryMi: 6144 }));
    world.settle(/commit/);
    world.api.computeNodes.change('node-a', undefined, () => ({ spec: { reserved: { disk: '1Gi' } } }));
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
  });

  it('is not tried again before the read that follows a conflict', () => {
    const world = worldWithCommitOpen();
    world.api.computeNodes.change('node-a', undefined, () => ({ spec: { unschedulable: false } }));
    world.settle(/node watch|read node/);
    expect(world.network.requests.map(({ what }) => what)).toEqual(['agent-1: read node']);
    expect(world.agents[0]?.commits).toBe(2);
  });

  it('does not send what somebody changed while it was written', () => {
    const world = worldWithCommitOpen();
    label(world);
    world.settle(/commit|turn/);
    world.network.find(/commit/).land();
    world.settle(/turn|write claim/);
    expect(world.network.requests).toEqual([]);
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
  });

  it.each([
    ['landed', true],
    ['did not land', false],
  ])('is read again when it was not answered and %s', (_what, landed) => {
    const world = worldWithCommitOpen();
    const commit = world.network.find(/commit/);
    if (landed) commit.land();
    commit.giveUp();
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
    expect(world.agents[0]?.outcomes).toHaveLength(1);
  });

  it('does no harm when it lands after it was given up', () => {
    const world = worldWithCommitOpen();
    const late = world.network.find(/commit/);
    late.giveUp();
    world.settle(/commit/);
    late.land();
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
  });

  it('is tried again when it is refused, and that is logged', () => {
    const world = worldWithCommitOpen();
    world.network.find(/commit/).refuse();
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
    expect(world.agents[0]?.logged).toMatchObject([{ level: 'error', fields: { error: 'HTTP 500' } }]);
  });

  it('is made even when only a refusal is to be written', () => {
    const world = new World();
    const agent = world.startAgent();
    world.settle();
    const { commits } = agent;
    world.create(claim({ name: 'a', memoryMi: 9216 }));
    world.settle();
    expect(agent.commits).toBe(commits + 1);
  });
});

describe('step 3, the write of a decision', () => {
  it('is given back on a conflict, and passes step 2 again', () => {
    const world = worldWithGrantSent();
    label(world);
    const { commits = 0 } = world.agents[0] ?? {};
    world.settle();
    expect(world.agents[0]?.commits).toBeGreaterThan(commits);
    expect(world.claim('a').status?.phase).toBe('Claimed');
    expect(world.agents[0]?.outcomes).toHaveLength(1);
  });

  it('is not tried again once the claim is gone, or another of its name', () => {
    for (const recreated of [false, true]) {
      const world = worldWithGrantSent();
      world.api.claims.delete('a', 'default');
      if (recreated) world.create(claim({ name: 'a', memoryMi: 2048 }));
      world.settle();
      expect(usedMemory(world)).toBe(recreated ? '2Gi' : '0');
    }
  });

  it('holds what it grants while no answer came, and it has not landed', () => {
    const world = worldWithGrantSent();
    const lost = world.network.find(/write claim/);
    lost.giveUp();
    expect(holds(world, new RegExp(`claim ${A}`))).toBe(true);
    world.agents[0]?.audit();
    expect(holds(world, new RegExp(`claim ${A}`))).toBe(true);
    lost.lose();
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
    expect(usedMemory(world)).toBe('6Gi');
  });

  it('stays named in deciding while no answer came', () => {
    const world = worldWithGrantSent();
    world.network.find(/write claim/).giveUp();
    world.create(claim({ name: 'b', memoryMi: 512 }));
    world.settle(/claim default\/a/);
    const deciding = world.api.computeNodes.get('node-a')?.status?.agent?.deciding ?? [];
    expect(deciding.map(({ name }) => name).toSorted()).toEqual(['a', 'b']);
  });

  it('is found to have landed when its answer is lost', () => {
    const world = worldWithGrantSent();
    const write = world.network.find(/write claim/);
    write.land();
    write.giveUp();
    world.settle(/claim watch/);
    expect(world.agents[0]?.outcomes).toMatchObject([{ phase: 'Claimed' }]);
    expect(usedMemory(world)).toBe('6Gi');
    world.settle();
    expect(world.agents[0]?.outcomes).toHaveLength(1);
  });

  it('holds when the first try lands after our read showed nothing', () => {
    const world = worldWithGrantSent();
    const late = world.network.find(/write claim/);
    late.giveUp();
    world.settle(/write claim default\/a|claim watch/);
    const retry = world.network.requests.filter(({ what }) => /write claim/.test(what)).at(-1);
    late.land();
    retry?.land();
    retry?.answer();
    expect(holds(world, /read claim default\/a|watch broke/)).toBe(true);
    world.settle();
    expect(world.agents[0]?.outcomes.filter(({ ref }) => ref.name === 'a')).toMatchObject([{ phase: 'Claimed' }]);
    expect(usedMemory(world)).toBe('6Gi');
  });

  it.each([
    ['our read showed nothing', false],
    ['our second try was refused', true],
  ])('holds against an older claim that comes later, as the first try may land after %s', (_what, isRefused) => {
    const { world, bindOlder } = worldWithOlderClaim();
    const first = world.network.find(/write claim/);
    first.giveUp();
    world.settle(isRefused ? /write claim|turn/ : /write claim|answer read|turn/);
    const retry = world.network.requests.find((request) => request !== first && /write claim/.test(request.what));
    bindOlder();
    world.settle(/write claim|answer read|turn/);
    // Both are undecided at the next turn, if the hold is dropped.
    if (isRefused) retry?.refuse();
    world.settle(/write claim default\/a/);
    first.land();
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
    expect(world.claim('older').status).toMatchObject({ phase: 'Pending', attempts: [{ nodeName: 'node-a' }] });
    expect(usedMemory(world)).toBe('6Gi');
  });

  it('is made up anew after a conflict that nothing explains', () => {
    let conflicts = 0;
    const world = new World({
      tampering: {
        claim: (object, { claims }) => {
          conflicts += 1;
          return conflicts === 1 ? { kind: 'conflict' } : claims.replaceStatus(object);
        },
      },
    });
    world.startAgent();
    world.settle();
    world.create(claim({ name: 'a' }));
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
  });

  it('tells an attempt once, also when somebody changed the claim before it landed', () => {
    const world = new World();
    world.startAgent();
    world.settle();
    world.create(claim({ name: 'a', memoryMi: 9216, schedulerName: 'sched' }));
    world.settle(/write claim/);
    world.api.claims.change('a', 'default', ({ status }) => ({ status: { ...status, phase: 'Pending' } }));
    world.settle();
    expect(world.agents[0]?.outcomes).toMatchObject([{ phase: 'Attempted', reasons: ['InsufficientMemory'] }]);
    expect(world.claim('a').status?.attempts).toHaveLength(1);
  });

  it('is made up anew when it is refused, and that is logged', () => {
    const world = worldWithGrantSent();
    world.network.find(/write claim/).refuse();
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
    expect(world.agents[0]?.logged).toMatchObject([
      { level: 'error', fields: { namespace: 'default', claim: 'a', error: 'HTTP 500' } },
    ]);
  });

  it('holds when only a second try is refused: the first may still land', () => {
    const world = worldWithGrantSent();
    const first = world.network.find(/write claim/);
    first.giveUp();
    world.settle(/write claim/);
    world.network.requests
      .filter(({ what }) => /write claim/.test(what))
      .at(-1)
      ?.refuse();
    expect(holds(world)).toBe(true);
    first.land();
    world.settle();
    expect(usedMemory(world)).toBe('6Gi');
  });

  it.each(['refused', 'conflict'] as const)(
    'is not mistaken for a former write of the same claim, whose answer (%s) comes late',
    (answer) => {
      const { world, bindOlder } = worldWithOlderClaim();
      const former = world.network.find(/write claim/);
      label(world);
      if (answer === 'conflict') former.land();
      // The event shows that the former write cannot land any more.
      world.settle(/write claim/);
      bindOlder();
      if (answer === 'refused') former.refuse();
      else former.answer();
      world.settle(/(land|answer) write claim/);
      for (const request of world.network.requests) if (/write claim/.test(request.what)) request.land();
      world.settle();
      const { items } = world.api.claims.list(({ status }) => status?.phase === 'Claimed');
      expect(items).toHaveLength(1);
      expect(usedMemory(world)).toBe('6Gi');
    },
  );
});

describe('a DELETED on the watch', () => {
  function worldWithClaimed(): World {
    const world = worldWithGrantSent();
    world.settle();
    return world;
  }

  it('of a claim that holds something is read before anything is given back', () => {
    const world = worldWithClaimed();
    const { spec } = world.claim('a');
    world.api.claims.change('a', 'default', () => ({ spec: { ...spec, nodeName: 'node-b' } }));
    world.settle();
    expect(holds(world)).toBe(true);
    world.api.claims.delete('a', 'default');
    world.agents[0]?.listClaims();
    world.settle();
    expect(usedMemory(world)).toBe('0');
  });

  it('is not lost when it comes while a read is under way that began before', () => {
    const world = worldWithClaimed();
    const agent = world.agents[0];
    agent?.observe({ kind: 'claimUnmatched', claim: world.claim('a') });
    world.network.find(/read claim/).land();
    world.api.claims.delete('a', 'default');
    world.settle(/answer read/);
    world.settle();
    expect(usedMemory(world)).toBe('0');
  });

  it('that is told again after the claim came back is not believed', () => {
    const world = new World();
    world.startAgent();
    world.settle();
    const bound = world.create(claim({ name: 'a' }));
    world.api.claims.change('a', 'default', () => ({ spec: { ...bound.spec, nodeName: 'node-b' } }));
    world.api.claims.change('a', 'default', () => ({ spec: bound.spec }));
    world.settle(/turn/);
    const leftAt = String(Number(bound.metadata.resourceVersion) + 1);
    const told = { ...bound, metadata: { ...bound.metadata, resourceVersion: leftAt } };
    world.agents[0]?.observe({ kind: 'claimUnmatched', claim: told });
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
  });

  it('of an older claim of the same name, told again, does not disturb the new one', () => {
    const world = worldWithGrantSent();
    const old = world.claim('a');
    world.api.claims.delete('a', 'default');
    world.create(claim({ name: 'a', memoryMi: 6144 }));
    world.settle(/land write/);
    // The new one's grant is under way when the watch starts again from before the first one.
    world.agents[0]?.observe({ kind: 'claimSeen', claim: old });
    world.agents[0]?.observe({ kind: 'claimUnmatched', claim: old });
    expect(holds(world, /land write claim default\/a/)).toBe(true);
    world.settle();
    expect(usedMemory(world)).toBe('6Gi');
  });

  it('does not let a claim be refused for want of what it gives back', () => {
    const world = worldWithClaimed();
    world.api.claims.delete('a', 'default');
    world.create(claim({ name: 'b', memoryMi: 6144 }));
    world.settle(/read claim/);
    expect(world.claim('b').status).toBeUndefined();
    world.settle();
    expect(world.claim('b').status?.phase).toBe('Claimed');
  });

  it('does not let what was there before it wait for it', () => {
    const world = worldWithClaimed();
    world.create(claim({ name: 'b', memoryMi: 6144 }));
    world.api.claims.delete('a', 'default');
    world.settle(/read claim/);
    expect(world.claim('b').status?.phase).toBe('Rejected');
  });
});

describe('a new list', () => {
  it('drops what is gone, keeps what is there and takes in what is new', () => {
    const world = worldWithGrantSent();
    world.settle();
    world.create(claim({ name: 'b', memoryMi: 512 }));
    world.settle();
    world.api.claims.delete('a', 'default');
    world.create(claim({ name: 'c', memoryMi: 512 }));
    world.agents[0]?.listClaims();
    world.settle(/claim watch/);
    expect(usedMemory(world)).toBe('1Gi');
    expect(world.claim('c').status?.phase).toBe('Claimed');
  });

  it('drops a claim whose name has another object by now', () => {
    const world = worldWithGrantSent();
    world.settle();
    world.api.claims.delete('a', 'default');
    world.create(claim({ name: 'a', memoryMi: 1024 }));
    world.agents[0]?.listClaims();
    world.settle();
    expect(usedMemory(world)).toBe('1Gi');
  });
});
