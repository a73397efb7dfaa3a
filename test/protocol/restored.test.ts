import { describe, expect, it } from 'vitest';
import { wentBack } from '../../src/protocol/resource-version.ts';
import { claim } from '../simulation/world/objects.ts';
import { World } from '../simulation/world/world.ts';

const RESTORED = { reason: 'the history of the API server went back: it was restored', restored: true };

/** An agent owns the node, `a` waits, and etcd was backed up then. `heldBack` has it stop midway from then on. */
function backedUp(): { readonly world: World; readonly restore: () => void } {
  const world = new World();
  world.startAgent();
  world.settle();
  world.create(claim({ name: 'big', memoryMi: 7168 }));
  world.settle();
  world.create(claim({ name: 'a', memoryMi: 2048, whenInsufficient: 'Wait' }));
  world.settle();
  const snapshot = world.api.snapshot();
  const restore = (): void => {
    world.network.cut();
    snapshot.restore();
  };
  return { world, restore };
}

function decidingOf(world: World): unknown {
  return world.api.computeNodes.get('node-a')?.status?.agent?.deciding;
}

describe('an agent that lives through a restore of etcd', () => {
  it.each<[string, RegExp]>([
    ['by a list that shows a claim as it was', /turn/],
    ['by a ComputeNode that is older than it was', /claim watch|list claims/],
  ])('notices it %s, and steps down', (_what, heldBack) => {
    const { world, restore } = backedUp();
    world.api.claims.delete('big', 'default');
    world.settle();
    expect(world.claim('a').status?.phase).toBe('Claimed');
    restore();
    world.create(claim({ name: 'more' }));
    world.host.disconnect('so that there is something to write');
    world.settle(heldBack);
    expect(world.agents[0]?.end).toMatchObject(RESTORED);
    expect(world.claim('a').status?.phase).toBe('Pending');
  });

  it('notices it by the answer of step 2 before step 3 begins, where the backup is so new that its ComputeNode is the same', () => {
    const { world, restore } = backedUp();
    world.api.claims.delete('big', 'default');
    world.settle(/turn/);
    restore();
    world.settle(/claim watch/);
    expect(world.agents[0]?.end).toMatchObject(RESTORED);
    expect(world.claim('a').status?.phase).toBe('Pending');
  });

  it('does not send a decision again that was sent before, as what it rests on may be undone', () => {
    const { world, restore } = backedUp();
    world.api.claims.delete('big', 'default');
    world.settle(/land write claim/);
    restore();
    world.settle(/claim watch/);
    expect(world.agents[0]?.end).toMatchObject(RESTORED);
    expect(world.claim('a').status?.phase).toBe('Pending');
    expect(world.claim('big').status?.phase).toBe('Claimed');
  });

  it('is not misled by a list that an answer has overtaken', () => {
    const { world } = backedUp();
    world.agents[0]?.listClaims();
    world.network.find(/list claims/).land();
    world.api.claims.delete('big', 'default');
    world.settle(/answer list claims/);
    world.settle();
    expect(world.agents[0]?.end).toBeUndefined();
    expect(world.agents[0]?.tracker.ready).toBe(true);
  });
});

describe('the first take-over after a restore of etcd', () => {
  /** `a` was granted and not written after the backup: the restored ComputeNode does not name it. */
  function afterRestore(): World {
    const { world, restore } = backedUp();
    world.api.claims.delete('big', 'default');
    world.settle(/land write claim/);
    world.agents[0]?.kill();
    restore();
    return world;
  }

  it('covers every claim that concerns the node, in a new process, too: its own token is newer by far than what it read', () => {
    const world = afterRestore();
    world.startAgent();
    world.settle(/turn/);
    expect(world.claim('a').status?.token).toBe('token-2');
    expect(world.claim('big').status?.token).toBe('token-2');
  });

  it('covers every claim where its process has seen the restore, although somebody has written the ComputeNode since', () => {
    const world = afterRestore();
    world.api.computeNodes.change('node-a', undefined, () => ({ spec: { unschedulable: false } }));
    world.startAgent({}, true);
    world.settle(/turn/);
    expect(world.claim('a').status?.token).toBe('token-2');
  });

  it('leaves the next one no list that it would trust, should it die before its barrier is up', () => {
    const world = afterRestore();
    const first = world.startAgent();
    world.settle(/list claims/);
    first.kill();
    expect(decidingOf(world)).toBeUndefined();
    world.startAgent();
    world.settle(/turn/);
    expect(world.claim('a').status?.token).toBe('token-3');
  });

  it('finds out although the answer to its own token was lost', () => {
    const world = afterRestore();
    world.startAgent();
    world.settle(/write node/);
    const token = world.network.find(/write node/);
    token.land();
    token.giveUp();
    world.settle(/turn/);
    expect(world.claim('a').status?.token).toBe('token-2');
  });
});

describe('a resourceVersion', () => {
  it.each([
    ['100', '101', false],
    ['100', '100', false],
    ['100', '99', true],
    ['100', '500000100', false],
    ['100', '500000101', true],
    ['9', '99999999999999999999999999', true],
    [undefined, '5', false],
    ['5', undefined, false],
    ['100', 'abcd', false],
  ])('%s that is %s later shows a restore: %s', (before, after, expected) => {
    expect(wentBack(before, after)).toBe(expected);
  });
});
