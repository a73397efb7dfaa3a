/** Every safeguard of the protocol, and what it is to be without it. docs/safety.md has the same table for people. */
import type { Observation } from '../../src/protocol/messages.ts';
import { MIGRATION_MUTATIONS } from './migration-mutations.ts';
import type { Edit } from './mutant.ts';
import type { Tampering } from './world/model-agent.ts';

export interface Mutation {
  /** What is done wrong. */
  readonly what: string;
  readonly edits?: readonly Edit[];
  /** Where the shell is what goes wrong. */
  readonly tampering?: Tampering;
  /** Not found within the runs that a test has time for; docs/safety.md says why. */
  readonly isRare?: true;
  /** Where the search begins, to save the time for seeds that were seen to find nothing. */
  readonly firstSeed?: number;
}

const SEND = 'this.#requests.send(entry, write)';

const STEP_1: readonly Mutation[] = [
  {
    what: 'what is granted is not in the ledger for the rest of the batch',
    edits: [{ file: 'batch', from: 'books.hold(entry.ref.uid, holdings);', to: '' }],
  },
  {
    what: 'an expiry gives back before its write is answered',
    edits: [
      {
        file: 'batch',
        from: 'if (nowMs >= atMs) decisions.push(expiration(entry, context));',
        to: 'if (nowMs >= atMs) { context.books.hold(uid, []); decisions.push(expiration(entry, context)); }',
      },
    ],
  },
  {
    what: 'decides while the driver is disconnected',
    edits: [
      { file: 'tracker', from: 'this.#driverFault = observation.message;\n        this.#audited = false;', to: '' },
    ],
  },
  {
    what: 'decides after the driver came back, before an audit',
    edits: [{ file: 'tracker', from: 'this.#audited = false;\n        break;', to: 'break;' }],
  },
];

const STEP_2: readonly Mutation[] = [
  {
    what: 'step 2 is written without a compare-and-swap',
    tampering: {
      commit: (node, { computeNodes }) => {
        const present = computeNodes.get(node.metadata.name);
        return present === undefined
          ? { kind: 'missing' }
          : computeNodes.replaceStatus({ ...node, metadata: present.metadata });
      },
    },
  },
  {
    what: 'a conflict of step 2 is taken for success',
    tampering: {
      commitAnswer: (answer, node) => (answer.kind === 'conflict' ? { kind: 'ok', object: node } : answer),
    },
  },
  {
    what: 'step 2 is skipped when only refusals are in the batch',
    edits: [
      {
        file: 'tracker',
        from: 'const commit = this.#statusToWrite(batch.decisions, nowMs);',
        to: `const onlyRefusals = batch.decisions.length > 0 && batch.decisions.every(({ write }) => !/Claimed|Expired/.test(write.claim.status?.phase));
    if (onlyRefusals) effects.push(...batch.decisions.map(({ entry, write }) => ${SEND}));
    const commit = onlyRefusals ? undefined : this.#statusToWrite(batch.decisions, nowMs);`,
      },
    ],
  },
  {
    what: 'step 3 does not wait for the answer of step 2',
    edits: [
      {
        file: 'tracker',
        from: 'if (commit !== undefined) this.#open = batch;',
        to: `if (commit !== undefined) {
      this.#open = { ...batch, decisions: [] };
      effects.push(...batch.decisions.map(({ entry, write }) => ${SEND}));
    }`,
      },
    ],
  },
  {
    what: '`deciding` does not name what is decided',
    edits: [{ file: 'tracker', from: '      deciding,\n      claimOf', to: '      deciding: [],\n      claimOf' }],
  },
  {
    what: '`deciding` leaves out what an earlier batch has not been answered',
    edits: [
      {
        file: 'tracker',
        from: '      deciding,\n      claimOf',
        to: '      deciding: decisions.map(({ entry }) => entry.ref),\n      claimOf',
      },
    ],
  },
  {
    what: 'a foreign token or another UID is no reason to step down',
    edits: [
      {
        file: 'tracker',
        from: 'return node.status?.agent?.token === this.#takeOver?.token ? undefined',
        to: 'return true ? undefined',
      },
      {
        file: 'tracker',
        from: "if (this.#node !== undefined && node.metadata.uid !== this.#node.metadata.uid) return 'ComputeNode was re-created';",
        to: '',
      },
      {
        file: 'tracker',
        from: "observation.uid === this.#node?.metadata.uid ? this.#stepDown('ComputeNode was deleted') : []",
        to: '[]',
      },
    ],
  },
  {
    what: 'a foreign token is no reason to step down',
    edits: [
      {
        file: 'tracker',
        from: 'return node.status?.agent?.token === this.#takeOver?.token ? undefined',
        to: 'return true ? undefined',
      },
    ],
  },
];

const unanswered = (observation: Observation): Observation => {
  if (observation.kind !== 'claimWritten' || observation.answer.kind !== 'unanswered') return observation;
  return { ...observation, answer: { kind: 'refused', message: 'taken for refused' } };
};

const STEP_3: readonly Mutation[] = [
  {
    what: 'step 3 is written without a compare-and-swap',
    tampering: {
      claim: (claim, { claims }) => {
        const present = claims.get(claim.metadata.name, claim.metadata.namespace);
        return present === undefined
          ? { kind: 'missing' }
          : claims.replaceStatus({ ...claim, metadata: present.metadata });
      },
    },
  },
  {
    what: 'a conflict in step 3 is not given back',
    edits: [
      {
        file: 'claim-requests',
        from: 'entry.write.conflicted = true;\n        return this.#read(entry);',
        to: 'return [];',
      },
      {
        file: 'claim-requests',
        from: 'return this.#writeIsOver(entry, landed(write, entry.claim), nowMs);',
        to: 'return [];',
      },
    ],
  },
  {
    what: 'after a conflict in step 3 the decision is written again without passing step 2',
    edits: [
      {
        file: 'claim-requests',
        from: 'if (write?.conflicted === true) return this.#writeIsOver(entry, false, nowMs);',
        to: 'if (write?.conflicted === true) return [this.#again(entry, write)];',
      },
      {
        file: 'claim-requests',
        from: 'if (write === undefined || !isNewer(entry.claim.metadata.resourceVersion, write.claim.metadata.resourceVersion))',
        to: 'if (write === undefined || write.conflicted || !isNewer(entry.claim.metadata.resourceVersion, write.claim.metadata.resourceVersion))',
      },
      {
        file: 'claim-requests',
        from: '  /** Sends what its entry has under way. */',
        to: `  #again(entry, write) {
    entry.write = { ...write, conflicted: false, claim: { ...write.claim, metadata: entry.claim.metadata } };
    return this.send(entry, entry.write);
  }`,
      },
    ],
  },
  { what: 'a write without an answer is taken for refused', tampering: { observation: unanswered } },
  {
    what: 'the hold of a write without an answer is dropped',
    edits: [
      {
        file: 'claim-requests',
        from: 'entry.write.unanswered = true;\n        return this.#read(entry);',
        to: 'return this.#writeIsOver(entry, false, nowMs);',
      },
    ],
  },
  {
    what: 'the hold of a write without an answer is dropped at audits',
    edits: [
      {
        file: 'books',
        from: 'for (const entry of this.#cache.entries()) this.#hold(entry.ref.uid, this.#holdingsOf(entry));',
        to: 'for (const entry of this.#cache.entries()) this.#hold(entry.ref.uid, heldFor(entry.claim, this.#settings, this.#instances.of(entry)));',
      },
    ],
  },
  {
    what: 'a refusal of a later try is taken for the end of an earlier one without an answer',
    isRare: true,
    edits: [{ file: 'claim-requests', from: 'if (entry.write.unanswered) return this.#read(entry);', to: '' }],
  },
];

const OWNER: readonly Mutation[] = [
  {
    what: 'the barrier is skipped',
    edits: [{ file: 'take-over', from: 'return this.#raiseBarrier(deciding);', to: 'return this.#list();' }],
  },
  {
    what: 'the barrier reads, but writes nothing',
    edits: [
      {
        file: 'take-over',
        from: "return [{ kind: 'writeClaim', ref, claim: { ...claim, status: { ...claim.status, token: this.token } } }];",
        to: 'return this.#passed(ref);',
      },
    ],
  },
  {
    what: '`deciding` is cleared before the barrier is up',
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
  },
  {
    what: 'the barrier does not read again on a conflict',
    isRare: true,
    edits: [
      {
        file: 'take-over',
        from: "return answer.kind === 'ok' || answer.kind === 'missing' ? this.#passed(ref) : [{ kind: 'readClaim', ref }];",
        to: 'return this.#passed(ref);',
      },
    ],
  },
  {
    what: 'the barrier covers only what is undecided',
    isRare: true,
    edits: [
      {
        file: 'take-over',
        from: 'const claim = answer.object;',
        to: "const claim = answer.object;\n    if ((claim.status?.phase ?? 'Pending') !== 'Pending') return this.#passed(ref);",
      },
    ],
  },
  {
    what: 'a new ComputeNode has a barrier over nothing',
    edits: [{ file: 'take-over', from: 'if (this.#fresh) {', to: 'if (false) {' }],
  },
  {
    what: 'a token alone is taken for proof of a barrier',
    isRare: true,
    edits: [
      {
        file: 'take-over',
        from: 'this.#fresh ||= node.status?.agent?.deciding === undefined;',
        to: 'this.#fresh ||= node.status?.agent?.token === undefined;',
      },
    ],
  },
  {
    what: 'a counter in place of the random token',
    isRare: true,
    edits: [
      {
        file: 'take-over',
        from: 'const { object: node } = answer;',
        to: 'const { object: node } = answer;\n    this.token = String(Number(node.status?.agent?.token ?? 0) + 1);',
      },
    ],
  },
  { what: 'the claims are listed before the barrier', tampering: { lists: 'beforeBarrier' }, firstSeed: 360 },
  { what: 'the claims are listed from a cache', tampering: { lists: 'cached' }, firstSeed: 420 },
];

const LEARNING: readonly Mutation[] = [
  {
    what: 'older events are believed',
    isRare: true,
    edits: [
      {
        file: 'claim-cache',
        from: 'if (!isNewer(claim.metadata.resourceVersion, entry.claim.metadata.resourceVersion)) return false;',
        to: '',
      },
    ],
  },
  {
    what: 'DELETED is believed',
    isRare: true,
    edits: [
      { file: 'claim-requests', from: "if (!isBusy(entry) && entry.claim.status?.phase !== 'Claimed') {", to: '{' },
    ],
  },
  {
    what: 'what a list lacks is forgotten without a read',
    isRare: true,
    edits: [
      {
        file: 'claim-requests',
        from: 'for (const entry of absent) effects.push(...this.unmatched(entry.claim));',
        to: 'for (const entry of absent) this.#forget(entry.ref.uid);',
      },
    ],
  },
  {
    what: 'what leaves the watch is not noticed',
    tampering: {
      observation: (observation) =>
        observation.kind === 'claimUnmatched' ? { kind: 'claimSeen', claim: observation.claim } : observation,
    },
  },
  {
    what: 'a newer object of the same name does not displace the older one',
    isRare: true,
    edits: [{ file: 'claim-cache', from: 'this.drop(namesake.ref.uid);', to: '' }],
  },
  {
    what: 'the UID of what a read shows is not looked at',
    isRare: true,
    edits: [
      {
        file: 'claim-requests',
        from: "if (answer.kind === 'missing' || (found !== undefined && found.metadata.uid !== ref.uid))",
        to: "if (answer.kind === 'missing')",
      },
    ],
  },
  {
    what: 'a read that began too early is taken for proof',
    isRare: true,
    edits: [
      {
        file: 'claim-requests',
        from: 'const proves = found !== undefined && !entry.readAgain;',
        to: 'const proves = found !== undefined;',
      },
    ],
  },
];

export const MUTATIONS: readonly Mutation[] = [
  ...STEP_1,
  ...STEP_2,
  ...STEP_3,
  ...OWNER,
  ...LEARNING,
  ...MIGRATION_MUTATIONS,
];
