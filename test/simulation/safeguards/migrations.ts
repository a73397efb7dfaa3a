/** Migrations: the lock on the claim, from which both nodes know what they hold. */
import type { ClusterParts } from '../world/cluster.ts';
import { GIBIBYTE, instance } from '../world/objects.ts';
import {
  BIG,
  INSTANCE_TWICE,
  LEFT_LOCKED,
  LOCK_REPLACED,
  NEITHER_SIDE,
  OVER_GRANT,
  type Plot,
  type Safeguard,
  UNNAMED,
} from './safeguard.ts';
import type { Stage } from './stage.ts';

const TWO_NODES: Partial<ClusterParts> = { nodeNames: ['node-a', 'node-b'], lease: 'kept', knowsTheDead: true };
const TO_B = { type: 'ColdMigration', claimName: 'x', targetNodeName: 'node-b' } as const;
const GPU = { pciRequests: [{ name: 'gpu', count: 1, alias: 'gpu' }] };

/** x runs on node-a; both nodes have an agent, a1 and b2. */
function running(stage: Stage, parts: { readonly memoryMi?: number } & Partial<typeof GPU> = BIG): string {
  stage.agent();
  stage.agent('node-b');
  stage.settle();
  const { metadata } = stage.create({ name: 'x', ...parts });
  stage.settle();
  const uuid = metadata.uid ?? '';
  stage.cluster.putInstance('node-a', instance({ uuid, memoryBytes: BigInt(parts.memoryMi ?? 1024) << 20n }));
  stage.settle();
  return uuid;
}

/** The instance has gone over, and the claim with it. Nobody has decided yet. */
function finished(stage: Stage, uuid: string, given: Parameters<typeof instance>[0] = { uuid }): void {
  stage.settle();
  stage.report('m', 'Migrating');
  stage.cluster.host('node-a').remove(uuid);
  stage.cluster.putInstance('node-b', instance({ memoryBytes: 4n * GIBIBYTE, ...given }));
  stage.settle();
}

const TARGET_IS_WANTED: Plot = {
  what: 'A claim comes to the target of a migration that has not arrived yet.',
  parts: TWO_NODES,
  play: (stage) => {
    running(stage);
    stage.migrate('m', TO_B);
    stage.settle();
    stage.create({ name: 'y', ...BIG, nodeName: 'node-b' });
    stage.settle();
    stage.decide('m', 'Abort');
  },
};

const SOURCE_IS_WANTED: Plot = {
  what: 'A claim comes to the source of a migration that has arrived and is not confirmed yet.',
  parts: TWO_NODES,
  play: (stage) => {
    const uuid = running(stage);
    stage.migrate('m', TO_B);
    finished(stage, uuid);
    stage.create({ name: 'y', ...BIG });
    stage.settle();
    stage.decide('m', 'Confirm');
  },
};

const BOTH_AT_ONCE: Plot = {
  what: 'A migration and a claim that do not fit together are decided in one batch.',
  parts: TWO_NODES,
  play: (stage) => {
    running(stage);
    stage.migrate('m', TO_B);
    stage.settle(/b2: answer look up/);
    stage.create({ name: 'y', ...BIG, nodeName: 'node-b' });
    stage.settle(/b2: (answer look up|turn)/);
    stage.happens(/b2: answer look up/);
    stage.settle();
    stage.decide('m', 'Abort');
  },
};

const LOCK_UNDER_WAY: Plot = {
  what: 'A claim comes to the target while the lock of a migration is being written.',
  parts: TWO_NODES,
  play: (stage) => {
    running(stage);
    stage.migrate('m', TO_B);
    stage.settle(/b2: land write claim default\/x/);
    stage.create({ name: 'y', ...BIG, nodeName: 'node-b' });
    stage.settle(/b2: land write claim default\/x/);
    stage.settle();
    stage.decide('m', 'Abort');
  },
};

const LOCK: Plot = {
  what: 'A claim is locked for a migration.',
  parts: TWO_NODES,
  play: (stage) => {
    running(stage);
    stage.migrate('m', TO_B);
    stage.settle(/b2: land commit/);
    stage.settle();
    stage.decide('m', 'Abort');
  },
};

const NO_ROOM: Plot = {
  what: 'A migration wants to a node that has no room.',
  parts: TWO_NODES,
  play: (stage) => {
    running(stage);
    stage.create({ name: 'y', ...BIG, nodeName: 'node-b' });
    stage.settle();
    stage.migrate('m', TO_B);
    stage.settle();
  },
};

const TWO_MIGRATIONS: Plot = {
  what: 'Two migrations of one claim are wanted.',
  parts: TWO_NODES,
  play: (stage) => {
    running(stage, {});
    stage.migrate('m', TO_B);
    stage.settle();
    stage.migrate('n', {
      type: 'Resize',
      claimName: 'x',
      targetNodeName: 'node-a',
      flavor: { vcpus: 2, memory: '1Gi' },
    });
    stage.settle();
    stage.decide('m', 'Abort');
  },
};

const INSTANCE_IS_TAKEN: Plot = {
  what: 'A claim is to come to a node where another claim holds for the same instance.',
  parts: TWO_NODES,
  play: (stage) => {
    const uuid = '11111111-1111-4111-8111-111111111111';
    stage.agent();
    stage.agent('node-b');
    stage.settle();
    stage.create({ name: 'x', instance: { uuid } });
    stage.create({ name: 'y', instance: { uuid }, nodeName: 'node-b' });
    stage.settle();
    stage.migrate('m', TO_B);
    stage.settle();
    stage.decide('m', 'Abort');
  },
};

const DELETED: Plot = {
  what: 'A migration is deleted that has begun.',
  parts: TWO_NODES,
  play: (stage) => {
    running(stage);
    stage.migrate('m', TO_B);
    stage.settle();
    stage.cluster.api.migrations.delete('m', 'default');
    stage.settle();
  },
};

const FAILED: Plot = {
  what: 'The executor of a migration reports that it failed.',
  parts: TWO_NODES,
  play: (stage) => {
    running(stage);
    stage.migrate('m', TO_B);
    stage.settle();
    stage.report('m', 'Failed');
    stage.settle();
  },
};

const REVERTED: Plot = {
  what: 'A migration to another flavor is finished, and then reverted.',
  parts: TWO_NODES,
  play: (stage) => {
    const uuid = running(stage);
    stage.migrate('m', { ...TO_B, type: 'Resize', flavor: { vcpus: 2, memory: '2Gi' } });
    finished(stage, uuid, { uuid, vcpus: 2n, memoryBytes: 2n * GIBIBYTE });
    stage.decide('m', 'Revert');
    stage.settle();
  },
};

const WITH_DEVICES: Plot = {
  what: 'A claim with a device moves.',
  parts: TWO_NODES,
  play: (stage) => {
    const uuid = running(stage, { ...BIG, ...GPU });
    stage.migrate('m', TO_B);
    finished(stage, uuid);
    stage.decide('m', 'Confirm');
    stage.settle();
  },
};

/** The agent of the target has sent its lock of x and is gone. */
function killedWithLockSent(stage: Stage) {
  running(stage);
  stage.migrate('m', TO_B);
  stage.settle(/b2: land write claim default\/x/);
  const late = stage.request(/b2: write claim default\/x/);
  const target = stage.cluster.process('b2');
  if (target !== undefined) stage.kill(target);
  return late;
}

/** The next agent grants a claim before it comes to the migration. */
function grantsBefore(stage: Stage): void {
  stage.create({ name: 'y', ...BIG, nodeName: 'node-b' });
  stage.agent('node-b');
  stage.settle(/b3: turn/);
  stage.settle(/b3: land look up/);
}

const LATE_LOCK: Plot = {
  what: 'A lock is sent, another agent takes the target over and grants a claim, and then the lock lands.',
  parts: TWO_NODES,
  play: (stage) => {
    const late = killedWithLockSent(stage);
    grantsBefore(stage);
    stage.lands(late);
    stage.settle();
  },
};

const LATE_LOCK_ON_NEW_NODE: Plot = {
  what: 'A lock is sent, the ComputeNode of the target is deleted, another agent makes it anew and grants a claim, and then the lock lands.',
  parts: TWO_NODES,
  play: (stage) => {
    const late = killedWithLockSent(stage);
    stage.cluster.api.computeNodes.delete('node-b');
    grantsBefore(stage);
    stage.lands(late);
    stage.settle();
  },
};

const OTHER_FLAVOR = "  const flavor = which === 'New' ? migration?.newFlavor : migration?.oldFlavor;\n";

export const MIGRATIONS: readonly Safeguard[] = [
  {
    without: 'the target holds nothing until the instance has arrived',
    edits: [
      { file: 'held', from: OTHER_FLAVOR, to: "const flavor = which === 'New' ? undefined : migration?.oldFlavor;\n" },
    ],
    plot: TARGET_IS_WANTED,
    breaks: OVER_GRANT,
  },
  {
    without: 'the source gives back as soon as the instance has arrived',
    edits: [
      { file: 'held', from: OTHER_FLAVOR, to: "const flavor = which === 'New' ? migration?.newFlavor : undefined;\n" },
    ],
    plot: SOURCE_IS_WANTED,
    breaks: OVER_GRANT,
  },
  {
    without: 'a lock is not in the ledger for the rest of the batch',
    edits: [{ file: 'migrations', from: 'if (takes) books.hold(entry);', to: '' }],
    plot: BOTH_AT_ONCE,
    breaks: OVER_GRANT,
  },
  {
    without: 'a lock is not held before its write is answered',
    edits: [
      {
        file: 'migrations',
        from: "const write = writeOf(entry, status, 'decision', { takes });",
        to: "const write = writeOf(entry, status, 'decision', {});",
      },
    ],
    plot: LOCK_UNDER_WAY,
    breaks: OVER_GRANT,
  },
  {
    without: 'the target is not asked whether it has room',
    edits: [
      { file: 'migration-verdict', from: 'if (reasons.length > 0) return refuse({ reasons, message });', to: '' },
    ],
    plot: NO_ROOM,
    breaks: OVER_GRANT,
  },
  {
    without: 'a claim that is locked already is locked again',
    edits: [
      {
        file: 'migration-verdict',
        from: 'if (lock !== undefined && lock.uid !== migration.metadata.uid)',
        to: 'if (false)',
      },
    ],
    plot: TWO_MIGRATIONS,
    breaks: LOCK_REPLACED,
  },
  {
    without: 'a claim comes to a node where another one holds for its instance',
    edits: [{ file: 'migration-verdict', from: 'if (circumstances.claimedBy !== undefined)', to: 'if (false)' }],
    plot: INSTANCE_IS_TAKEN,
    breaks: INSTANCE_TWICE,
  },
  {
    without: 'locks, moves and ends do not pass step 2',
    edits: [
      {
        file: 'tracker',
        from: '    const decisions = [...this.#requests.retries(), ...migrations.decisions, ...batch.decisions];',
        to: `    effects.push(...migrations.decisions.map(({ entry, write }) => this.#requests.send(entry, write)));
    const decisions = [...this.#requests.retries(), ...batch.decisions];`,
      },
    ],
    plot: LOCK,
    breaks: UNNAMED,
  },
  {
    without: 'a lock stays when its migration is deleted',
    edits: [
      {
        file: 'migration-plan',
        from: "if (migration === undefined) return { kind: 'end', at: sight === 'Arrived' ? 'Target' : 'AsIs' };",
        to: 'if (migration === undefined) return NONE;',
      },
    ],
    plot: DELETED,
    breaks: LEFT_LOCKED,
  },
  {
    without: 'a migration that failed stays locked',
    edits: [
      {
        file: 'migration-plan',
        from: "      return { kind: 'end', at: sight === 'Arrived' ? 'Target' : 'Source' };",
        to: '      return NONE;',
      },
    ],
    plot: FAILED,
    breaks: LEFT_LOCKED,
  },
  {
    without: 'the way back does not restore the flavor',
    edits: [
      {
        file: 'migration-status',
        from: '...(lock.oldFlavor !== undefined && { flavor: lock.oldFlavor }),\n    ...(lock.overhead !== undefined',
        to: '...(lock.overhead !== undefined',
      },
    ],
    plot: REVERTED,
    breaks: NEITHER_SIDE,
  },
  {
    without: 'devices do not change sides with the instance',
    edits: [
      {
        file: 'migration-status',
        from: 'pciDevices: status?.pciDevices ?? [],\n    },',
        to: 'pciDevices: [],\n    },',
      },
    ],
    plot: WITH_DEVICES,
    breaks: NEITHER_SIDE,
  },
  {
    without: 'a barrier does not cover the claims that a former owner may be about to lock',
    edits: [
      {
        file: 'take-over',
        from: 'migrations.filter((migration) => this.#isToCome(migration))',
        to: 'migrations.filter(() => false)',
      },
    ],
    plot: LATE_LOCK_ON_NEW_NODE,
    breaks: UNNAMED,
  },
  {
    without: 'a claim that is claimed elsewhere is left out of the barrier',
    edits: [
      {
        file: 'take-over',
        from: 'if (isPending && claim.spec.nodeName !== this.#settings.nodeName) return this.#passed(ref);',
        to: 'if (claim.spec.nodeName !== this.#settings.nodeName) return this.#passed(ref);',
      },
    ],
    plot: LATE_LOCK,
    breaks: UNNAMED,
  },
];
