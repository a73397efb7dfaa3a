/** etcd restored from a backup: what was decided since is undone, and who decided it may not know. */
import type { ModelProcess } from '../world/model-process.ts';
import { grantsBesideOlder } from './plots.ts';
import { BIG, LATE, OVER_GRANT, type Plot, type Safeguard, UNDECIDED, UNNAMED, WAITS } from './safeguard.ts';
import type { Stage } from './stage.ts';

/** Requests under way are lost with their answers, but for what has arrived at who stands still. */
function backUp(stage: Stage): (takesMs?: number) => void {
  const snapshot = stage.cluster.api.snapshot();
  return (takesMs = 0) => {
    stage.cluster.network.cut();
    stage.pass(takesMs);
    snapshot.restore();
  };
}

/** x waits for what `big` has, a backup is made, and then `big` is deleted. Returns how to restore it. */
function deletedSince(stage: Stage): (takesMs?: number) => void {
  stage.create({ name: 'big', ...BIG });
  stage.settle();
  stage.create({ name: 'x', ...BIG, whenInsufficient: 'Wait' });
  stage.settle();
  const restore = backUp(stage);
  stage.delete('big');
  return restore;
}

const BEFORE_STEP_2: Plot = {
  what: 'etcd is restored before an agent commits, and its ComputeNode is the same as in the backup.',
  play: (stage) => {
    stage.agent();
    stage.settle();
    const restore = deletedSince(stage);
    stage.settle(/a1: turn/);
    restore();
    stage.settle(/a1: (.*watch|land list)/);
  },
};

const STEP_3_CUT: Plot = {
  what: 'etcd is restored while a grant is under way.',
  play: (stage) => {
    stage.agent();
    stage.settle();
    const restore = deletedSince(stage);
    stage.settle(/land write claim/);
    restore();
    stage.settle(/a1: (.*watch|land list)/);
  },
};

const STOOD_STILL: Plot = {
  what: 'etcd is restored while an agent stands still for longer than its Lease lasts, its commit answered and nothing of it sent.',
  parts: { lease: 'kept' },
  play: (stage) => {
    const agent = stage.agent();
    stage.settle();
    const restore = deletedSince(stage);
    stage.settle(/answer commit/);
    agent.pause();
    restore(60_000);
    agent.resume();
    stage.happens(/a1: answer commit/);
    stage.settle(/a1: (.*watch|land list|lease tick)/);
  },
};

const PENDING_AGAIN: Plot = {
  what: 'A granted claim is Pending again after a restore, and nothing else happens.',
  play: (stage) => {
    const agent = stage.agent();
    stage.settle();
    stage.create({ name: 'x' });
    const restore = backUp(stage);
    stage.settle();
    agent.tenure?.audit();
    stage.settle();
    restore();
    stage.settle();
  },
};

const SPEC_IS_BACK: Plot = {
  what: 'Memory was reserved after the backup, and a claim waits that fits after the restore.',
  parts: { lease: 'kept' },
  play: (stage) => {
    stage.agent();
    stage.settle();
    stage.create({ name: 'y' });
    stage.settle();
    const restore = backUp(stage);
    stage.cluster.api.computeNodes.change('node-a', undefined, () => ({ spec: { reserved: { memory: '1Gi' } } }));
    stage.settle();
    restore();
    stage.create({ name: 'x', ...BIG, whenInsufficient: 'Wait' });
    stage.settle();
  },
};

const STANDBY: Plot = {
  what: 'The holder of a Lease ends with a restore, and another agent stands by.',
  parts: { lease: 'kept' },
  play: (stage) => {
    const holder = stage.agent();
    stage.agent();
    stage.settle();
    const restore = backUp(stage);
    stage.pass(15_000);
    stage.settle();
    stage.kill(holder);
    restore();
    stage.create({ name: 'x' });
    stage.settle();
  },
};

/** An agent stands still, which has committed its grant of x since the backup and has not sent it. An older claim is bound to the node. */
function committedSince(stage: Stage): { readonly agent: ModelProcess; readonly restore: () => void } {
  const agent = grantsBesideOlder(stage, /a1: turn/);
  const restore = backUp(stage);
  stage.settle(/answer commit/);
  agent.pause();
  return {
    agent,
    restore: () => {
      restore();
      stage.bind('older');
    },
  };
}

/** It takes over and grants the older claim; then the first one goes on. */
function goesOnBeside(stage: Stage, name: string, agent: ModelProcess): void {
  stage.settle(new RegExp(`^a1: |${name}: turn`));
  stage.settle(new RegExp(`^a1: |${name}: land write claim default/x`));
  agent.resume();
  stage.happens(/a1: answer commit/);
  stage.happens(/a1: land write claim default\/x/);
}

const NEW_PROCESS: Plot = {
  what: 'The first agent after a restore is new, and a former owner stands still that is about to write.',
  play: (stage) => {
    const { agent, restore } = committedSince(stage);
    restore();
    stage.agent();
    goesOnBeside(stage, 'a2', agent);
  },
};

const DIES_MIDWAY: Plot = {
  what: 'The first agent after a restore dies before its barrier is up, and a former owner stands still that is about to write.',
  play: (stage) => {
    const { agent, restore } = committedSince(stage);
    restore();
    const second = stage.agent();
    stage.settle(/^a1: |a2: land list/);
    stage.kill(second);
    stage.agent();
    goesOnBeside(stage, 'a3', agent);
  },
};

/** Another agent has the node when it is restored, and somebody writes the ComputeNode first. Returns the one that stands still. */
function restoredAndWritten(stage: Stage): ModelProcess {
  const { agent, restore } = committedSince(stage);
  stage.agent();
  stage.settle(/^a1: |a2: turn/);
  restore();
  stage.cluster.api.computeNodes.change('node-a', undefined, () => ({ spec: { unschedulable: false } }));
  return agent;
}

const KNOWN_BY_THE_PROCESS: Plot = {
  what: 'An agent lives through a restore after which somebody writes the ComputeNode first, and a former owner stands still that is about to write.',
  play: (stage) => {
    const agent = restoredAndWritten(stage);
    goesOnBeside(stage, 'a2', agent);
  },
};

const KNOWN_BY_A_READ: Plot = {
  what: 'The same, and the agent commits before it hears anything.',
  play: (stage) => {
    const agent = restoredAndWritten(stage);
    stage.settle(/^a1: |a2: (.*watch|list node|land list)/);
    goesOnBeside(stage, 'a2', agent);
  },
};

export const RESTORED: readonly Safeguard[] = [
  {
    without: 'a leap of resourceVersions in the answer of step 2 is nothing special',
    edits: [{ file: 'tracker', from: 'if (wentBack(at, answer.object.metadata.resourceVersion))', to: 'if (false)' }],
    plot: BEFORE_STEP_2,
    breaks: OVER_GRANT,
  },
  {
    without: 'a leap of resourceVersions on the watch of the ComputeNode is nothing special',
    edits: [
      {
        file: 'tracker',
        from: 'if (wentBack(this.#node.metadata.resourceVersion, node.metadata.resourceVersion)) return this.#restored();',
        to: '',
      },
    ],
    plot: KNOWN_BY_THE_PROCESS,
    breaks: OVER_GRANT,
  },
  {
    without: 'a leap of resourceVersions in the read after a conflict is nothing special',
    edits: [
      {
        file: 'tracker',
        from: 'if (wentBack(this.#staleAt, answer.object.metadata.resourceVersion)) return this.#restored();',
        to: '',
      },
    ],
    plot: KNOWN_BY_A_READ,
    breaks: OVER_GRANT,
  },
  {
    without: 'a decision without an answer is sent again without passing step 2',
    edits: [
      {
        file: 'claim-requests',
        from: 'write.due = true;\n    return [];',
        to: 'return [this.send(entry, write)];',
      },
    ],
    plot: STEP_3_CUT,
    breaks: UNNAMED,
  },
  {
    without: 'step 3 begins although the Lease has run out',
    tampering: { ignoresLease: true },
    plot: STOOD_STILL,
    breaks: UNNAMED,
  },
  {
    without: 'a list that shows what was before is nothing special',
    edits: [{ file: 'tracker', from: 'if (this.#requests.wentBack(observation)) return this.#restored();', to: '' }],
    plot: PENDING_AGAIN,
    breaks: UNDECIDED,
  },
  {
    without: 'the Lease does not tell of a restore',
    edits: [
      {
        file: 'lease-keeper',
        from: 'const isOlder = isNewer(this.#newestAtRead, answer.object.metadata.resourceVersion);',
        to: 'const isOlder = false;',
      },
      { file: 'lease-keeper', from: 'return hasLeapt ||', to: 'return false &&' },
    ],
    plot: SPEC_IS_BACK,
    breaks: WAITS,
  },
  {
    without: 'who stands by knows the Lease of before the restore',
    edits: [{ file: 'lease-keeper', from: 'return hasLeapt ||', to: 'return hasLeapt; void' }],
    plot: STANDBY,
    breaks: LATE,
  },
  {
    without: 'a new agent does not look for the leap between what it read and its own token',
    edits: [
      { file: 'take-over', from: 'return wentBack(this.#readAt, metadata.resourceVersion);', to: 'return false;' },
    ],
    plot: NEW_PROCESS,
    breaks: OVER_GRANT,
  },
  {
    without: 'the `deciding` of a restored ComputeNode is left to the next agent',
    edits: [
      {
        file: 'take-over',
        from: 'const trusted = this.#fresh || deciding === undefined ?',
        to: 'const trusted = deciding === undefined ?',
      },
    ],
    plot: DIES_MIDWAY,
    breaks: OVER_GRANT,
  },
  {
    without: 'a process that has seen the restore takes over like any other',
    edits: [{ file: 'take-over', from: 'this.#fresh = restored;', to: 'this.#fresh = false;' }],
    plot: KNOWN_BY_THE_PROCESS,
    breaks: OVER_GRANT,
  },
];
