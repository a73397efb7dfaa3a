/** One owner of a node: token, barrier and list. */
import { GIBIBYTE, instance } from '../world/objects.ts';
import { grantsBesideOlder, LATE_WRITE, movedTo } from './plots.ts';
import { BIG, OVER_GRANT, type Plot, type Safeguard, UNNAMED } from './safeguard.ts';
import type { Stage } from './stage.ts';

/** An agent has sent its grant of x and is gone; an older claim is bound since. */
function killedWithGrantSent(stage: Stage) {
  const first = grantsBesideOlder(stage);
  const late = stage.request(/write claim default\/x/);
  stage.kill(first);
  stage.bind('older');
  return late;
}

/** It takes over and grants the older claim; that it refuses x is not written yet. */
function takesOver(stage: Stage, name: string): void {
  stage.settle(new RegExp(`${name}: turn`));
  stage.settle(new RegExp(`${name}: land write claim default/x`));
}

const TWO_TAKE_OVERS: Plot = {
  what: 'A take-over dies after its token and before its barrier, a next one grants, and then a grant of the first owner lands.',
  play: (stage) => {
    const late = killedWithGrantSent(stage);
    const second = stage.agent();
    stage.settle(/a2: land (read claim|list)/);
    stage.kill(second);
    stage.agent();
    takesOver(stage, 'a3');
    stage.lands(late);
  },
};

const BARRIER_WITHOUT_ANSWER: Plot = {
  what: 'The write of the barrier is lost, and after the take-over a grant of the former owner lands.',
  play: (stage) => {
    const late = killedWithGrantSent(stage);
    stage.agent();
    stage.settle(/a2: land write claim/);
    const barrier = stage.request(/a2: write claim default\/x/);
    barrier.lose();
    stage.happens(/a2: give up write claim default\/x/);
    takesOver(stage, 'a2');
    stage.lands(late);
  },
};

const LATE_EXPIRY: Plot = {
  what: 'An expiry is sent, its instance appears after all, another agent takes over, and then the expiry lands.',
  play: (stage) => {
    const first = stage.agent();
    stage.settle();
    const { metadata } = stage.create({ name: 'x', ...BIG, expirationSeconds: 5 });
    stage.settle();
    stage.pass(8_000);
    stage.settle(/land write claim default\/x/);
    const late = stage.request(/write claim default\/x/);
    stage.kill(first);
    stage.cluster.putInstance('node-a', instance({ uuid: metadata.uid ?? '', memoryBytes: 4n * GIBIBYTE }));
    stage.agent();
    takesOver(stage, 'a2');
    stage.lands(late);
  },
};

const NEW_NODE: Plot = {
  what: 'A grant is sent, the ComputeNode is deleted, another agent makes it anew and grants, and then the first grant lands.',
  play: (stage) => {
    // There before the first agent, so that the barrier of its own new ComputeNode has covered it.
    stage.createUnbound({ name: 'older', ...BIG });
    stage.create({ name: 'x', ...BIG });
    const first = stage.agent();
    stage.settle(/a1: turn/);
    stage.settle(/a1: land write claim default\/x/);
    const late = stage.request(/write claim default\/x/);
    stage.kill(first);
    stage.cluster.api.computeNodes.delete('node-a');
    stage.bind('older');
    stage.agent();
    takesOver(stage, 'a2');
    stage.lands(late);
  },
};

const NEW_NODE_TWICE: Plot = {
  what: 'The ComputeNode is deleted with a grant under way, its first new owner dies before its barrier, the next one grants, and the grant lands.',
  play: (stage) => {
    const late = killedWithGrantSent(stage);
    stage.cluster.api.computeNodes.delete('node-a');
    const second = stage.agent();
    stage.settle(/a2: land list/);
    stage.kill(second);
    stage.agent();
    takesOver(stage, 'a3');
    stage.lands(late);
  },
};

const LANDS_BEFORE_BARRIER: Plot = {
  what: 'A grant of a former owner lands between the token and the barrier of the next one.',
  play: (stage) => {
    const late = killedWithGrantSent(stage);
    stage.agent();
    stage.settle(/a2: (land (read|write) claim|turn)/);
    stage.lands(late);
    stage.settle(/a2: (.*watch|turn)/);
    stage.settle(/a2: (.*watch|land write claim default\/x)/);
  },
};

/** As far as the cache of the safeguard below is behind, less what happens to x: it lands, and the barrier covers it. */
const CHANGES_BETWEEN = 5;

const GRANTED_JUST_BEFORE: Plot = {
  what: 'A former owner has granted a claim just before the next one lists.',
  play: (stage) => {
    stage.create({ name: 'other', nodeName: 'node-z' });
    const late = killedWithGrantSent(stage);
    stage.lands(late);
    for (let count = 0; count < CHANGES_BETWEEN; count += 1) stage.label('other');
    stage.agent();
    stage.settle(/a2: (.*watch|turn)/);
    stage.settle(/a2: (.*watch|land write claim default\/x)/);
  },
};

const LEAVES_DURING_LISTS: Plot = {
  what: 'A claim that came from elsewhere moves on while a new agent lists, its source still holds for it, and another claim would fit without it.',
  play: (stage) => {
    const { claims } = stage.cluster.api;
    const flavor = { vcpus: 1, memory: '4Gi' };
    const lock = { uid: 'migration-1', name: 'm', sourceNodeName: 'node-a', targetNodeName: 'node-b' };
    const former = stage.agent();
    stage.settle();
    stage.kill(former);
    stage.create({ name: 'x', ...BIG, nodeName: 'node-z' });
    claims.change('x', 'default', () => ({ status: { phase: 'Claimed', nodeName: 'node-a', flavor } }));
    stage.create({ name: 'y', ...BIG });
    stage.agent();
    stage.settle(/a2: land list claims by (spec|status).nodeName|turn/);
    const migration = { ...lock, oldFlavor: flavor, newFlavor: flavor };
    claims.change('x', 'default', ({ status }) => ({ status: { ...status, migration } }));
    claims.change('x', 'default', ({ status }) => ({ status: movedTo('node-b', status) }));
    stage.settle(/a2: .*watch|turn|read Lease/);
    stage.settle(/a2: .*watch|read Lease/);
    claims.change('x', 'default', ({ status: { migration: _over, ...status } = {} }) => ({ status }));
  },
};

export const OWNER: readonly Safeguard[] = [
  {
    without: 'the barrier is skipped',
    edits: [{ file: 'take-over', from: 'return this.#raiseBarrier(deciding);', to: 'return this.#list();' }],
    plot: LATE_WRITE,
    breaks: OVER_GRANT,
  },
  {
    without: 'the barrier reads, but writes nothing',
    edits: [
      {
        file: 'take-over',
        from: "return [{ kind: 'writeClaim', ref, claim: { ...claim, status: { ...claim.status, token: this.token } } }];",
        to: 'return this.#passed(ref);',
      },
    ],
    plot: LATE_WRITE,
    breaks: OVER_GRANT,
  },
  {
    without: '`deciding` is cleared before the barrier is up',
    edits: [
      { file: 'take-over', from: 'version, token: this.token };', to: 'version, token: this.token, deciding: [] };' },
      {
        file: 'take-over',
        from: 'this.#fresh ||= node',
        to: 'this.left = node.status?.agent?.deciding ?? [];\n    this.#fresh ||= node',
      },
      {
        file: 'take-over',
        from: 'const deciding = answer.object.status?.agent?.deciding ?? [];',
        to: 'const deciding = this.left;',
      },
    ],
    plot: TWO_TAKE_OVERS,
    breaks: OVER_GRANT,
  },
  {
    // A conflict alone would be proof enough: what the barrier read was newer than anything that a former owner starts from.
    without: 'the barrier takes whatever its write is answered for success',
    edits: [
      {
        file: 'take-over',
        from: "return isFenced || isFull ? this.#passed(ref) : [{ kind: 'readClaim', ref }];",
        to: 'return this.#passed(ref);',
      },
    ],
    plot: BARRIER_WITHOUT_ANSWER,
    breaks: OVER_GRANT,
  },
  {
    without: 'the barrier covers only what is undecided',
    edits: [
      {
        file: 'take-over',
        from: 'const claim = answer.object;',
        to: "const claim = answer.object;\n    if ((claim.status?.phase ?? 'Pending') !== 'Pending') return this.#passed(ref);",
      },
    ],
    plot: LATE_EXPIRY,
    breaks: UNNAMED,
  },
  {
    without: 'a new ComputeNode has a barrier over nothing',
    edits: [{ file: 'take-over', from: 'if (this.#fresh) {', to: 'if (false) {' }],
    plot: NEW_NODE,
    breaks: OVER_GRANT,
  },
  {
    without: 'a token alone is taken for proof of a barrier',
    edits: [
      {
        file: 'take-over',
        from: 'this.#fresh ||= node.status?.agent?.deciding === undefined',
        to: 'this.#fresh ||= node.status?.agent?.token === undefined',
      },
    ],
    plot: NEW_NODE_TWICE,
    breaks: OVER_GRANT,
  },
  {
    without: 'the token is a counter',
    edits: [
      {
        file: 'take-over',
        from: 'const { object: node } = answer;',
        to: 'const { object: node } = answer;\n    this.token = String(Number(node.status?.agent?.token ?? 0) + 1);',
      },
    ],
    plot: NEW_NODE,
    breaks: OVER_GRANT,
  },
  {
    without: 'the claims are listed before the barrier',
    tampering: { lists: 'beforeBarrier' },
    plot: LANDS_BEFORE_BARRIER,
    breaks: OVER_GRANT,
  },
  {
    without: 'the claims are listed from a cache',
    tampering: { lists: 'cached' },
    plot: GRANTED_JUST_BEFORE,
    breaks: OVER_GRANT,
  },
  {
    without: 'where the instances are is not listed before where they come from',
    tampering: { lists: 'atOnce' },
    plot: LEAVES_DURING_LISTS,
    breaks: OVER_GRANT,
  },
];
