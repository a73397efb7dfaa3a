/** Step 2 of a group commit: the write of ComputeNode, and what it names. */
import { grantsBesideOlder } from './plots.ts';
import { OVER_GRANT, OWNERLESS, type Plot, type Safeguard, UNNAMED } from './safeguard.ts';
import type { Stage } from './stage.ts';

const GRANT: Plot = {
  what: 'A claim is granted.',
  play: (stage) => {
    stage.agent();
    stage.settle();
    stage.create({ name: 'x' });
    stage.settle(/land commit/);
    stage.settle();
  },
};

const REFUSAL: Plot = {
  what: 'A claim is refused.',
  play: (stage) => {
    stage.agent();
    stage.settle();
    stage.create({ name: 'x', memoryMi: 1 << 20 });
    stage.settle();
  },
};

const TWO_BATCHES: Plot = {
  what: 'A batch is decided while a write of the one before is not answered.',
  play: (stage) => {
    stage.agent();
    stage.settle();
    stage.create({ name: 'x' });
    stage.settle(/land write claim default\/x/);
    stage.create({ name: 'y' });
    stage.settle(/land write claim default\/x/);
  },
};

/** The older claim is bound, and another agent takes over and grants it, before the first one goes on. */
function otherGrantsOlder(stage: Stage): void {
  stage.bind('older');
  stage.agent();
  stage.settle(/^a1: |^a2: land write claim default\/x/);
  stage.settle(/^a1: .*watch|^a1: begins|^a2: /);
}

const DEPOSED_BEFORE_STEP_2: Plot = {
  what: 'An agent has decided, and another one takes over before it commits.',
  play: (stage) => {
    grantsBesideOlder(stage, /land commit/);
    otherGrantsOlder(stage);
  },
};

const DEPOSED_UNSEEN: Plot = {
  what: 'An agent decides that has not heard yet that another one took over and granted.',
  play: (stage) => {
    grantsBesideOlder(stage, /^a1: turn/);
    otherGrantsOlder(stage);
  },
};

const NODE_DELETED: Plot = {
  what: 'Somebody deletes the ComputeNode, and no claim comes.',
  play: (stage) => {
    stage.agent();
    stage.settle();
    stage.cluster.api.computeNodes.delete('node-a');
    stage.settle();
  },
};

const SEND = 'this.#requests.send(entry, write)';
const COMMIT = 'const commit = this.#statusToWrite(decisions, nowMs);';

export const STEP_2: readonly Safeguard[] = [
  {
    without: 'step 2 is written without a compare-and-swap',
    tampering: {
      commit: (node, { computeNodes }) => {
        const present = computeNodes.get(node.metadata.name);
        return present === undefined
          ? { kind: 'missing' }
          : computeNodes.replaceStatus({ ...node, metadata: present.metadata });
      },
    },
    plot: DEPOSED_BEFORE_STEP_2,
    breaks: OVER_GRANT,
  },
  {
    without: 'a conflict of step 2 is taken for success',
    tampering: {
      commitAnswer: (answer, node) => (answer.kind === 'conflict' ? { kind: 'ok', object: node } : answer),
    },
    plot: DEPOSED_BEFORE_STEP_2,
    breaks: OVER_GRANT,
  },
  {
    without: 'step 2 is skipped when only refusals are in the batch',
    edits: [
      {
        file: 'tracker',
        from: COMMIT,
        to: `const onlyRefusals = decisions.length > 0 && decisions.every(({ write }) => write.claim.status?.phase === 'Rejected');
    if (onlyRefusals) effects.push(...decisions.map(({ entry, write }) => ${SEND}));
    const commit = onlyRefusals ? undefined : this.#statusToWrite(decisions, nowMs);`,
      },
    ],
    plot: REFUSAL,
    breaks: UNNAMED,
  },
  {
    without: 'step 3 does not wait for the answer of step 2',
    edits: [
      {
        file: 'tracker',
        from: "if (commit !== undefined) this.#open = { at: commit.metadata.resourceVersion ?? '', decisions };",
        to: `if (commit !== undefined) {
      this.#open = { at: commit.metadata.resourceVersion ?? '', decisions: [] };
      effects.push(...decisions.map(({ entry, write }) => ${SEND}));
    }`,
      },
    ],
    plot: GRANT,
    breaks: UNNAMED,
  },
  {
    without: '`deciding` does not name what is decided',
    edits: [{ file: 'tracker', from: '      deciding,\n      claimOf', to: '      deciding: [],\n      claimOf' }],
    plot: GRANT,
    breaks: UNNAMED,
  },
  {
    without: '`deciding` leaves out what an earlier batch has not been answered',
    edits: [
      {
        file: 'tracker',
        from: '      deciding,\n      claimOf',
        to: '      deciding: decisions.map(({ entry }) => entry.ref),\n      claimOf',
      },
    ],
    plot: TWO_BATCHES,
    breaks: UNNAMED,
  },
  {
    without: 'a foreign token is no reason to step down',
    edits: [
      {
        file: 'tracker',
        from: 'if (node.status?.agent?.token === this.#takeOver?.token) return undefined;',
        to: 'return undefined;',
      },
    ],
    plot: DEPOSED_UNSEEN,
    breaks: OVER_GRANT,
  },
  {
    without: 'a deleted ComputeNode is no reason to step down',
    edits: [
      {
        file: 'tracker',
        from: "observation.uid === this.#node?.metadata.uid ? this.#stepDown('ComputeNode was deleted') : []",
        to: '[]',
      },
    ],
    plot: NODE_DELETED,
    breaks: OWNERLESS,
  },
];
