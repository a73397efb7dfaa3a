/** Step 3 of a group commit: the writes of the decisions, and what is held until they are answered. */
import type { Observation } from '../../../src/protocol/messages.ts';
import { grantsBesideOlder, LATE_WRITE } from './plots.ts';
import { OVER_GRANT, type Plot, type Safeguard, UNDECIDED } from './safeguard.ts';

const CONFLICT: Plot = {
  what: 'Somebody labels a claim before its grant lands.',
  play: (stage) => {
    stage.agent();
    stage.settle();
    stage.create({ name: 'x' });
    stage.settle(/land write claim default\/x/);
    stage.label('x');
    stage.settle();
  },
};

const NO_ANSWER: Plot = {
  what: 'A grant gets no answer and lands late, and an older claim is bound between.',
  play: (stage) => {
    grantsBesideOlder(stage);
    stage.bind('older');
    const late = stage.stuck(/write claim default\/x/);
    stage.settle(/land (read|write) claim default\/x/);
    stage.lands(late);
  },
};

const NO_ANSWER_AND_AUDIT: Plot = {
  what: 'A grant gets no answer and lands late, and between there are an audit and an older claim.',
  play: (stage) => {
    const agent = grantsBesideOlder(stage);
    const late = stage.stuck(/write claim default\/x/);
    agent.tenure?.audit();
    stage.settle(/land (read|write) claim default\/x/);
    stage.bind('older');
    stage.settle(/land (read|write) claim default\/x/);
    stage.lands(late);
  },
};

const SECOND_TRY_REFUSED: Plot = {
  what: 'A grant gets no answer, its second try is refused, and then the first one lands.',
  play: (stage) => {
    grantsBesideOlder(stage);
    const late = stage.stuck(/write claim default\/x/);
    stage.settle(/land write claim default\/x/);
    stage.bind('older');
    stage.refuse(/write claim default\/x/);
    stage.settle(/land (read|write) claim default\/x/);
    stage.lands(late);
  },
};

const takenForRefused = (observation: Observation): Observation => {
  if (observation.kind !== 'claimWritten' || observation.answer.kind !== 'unanswered') return observation;
  return { ...observation, answer: { kind: 'refused', message: 'taken for refused' } };
};

export const STEP_3: readonly Safeguard[] = [
  {
    without: 'step 3 is written without a compare-and-swap',
    tampering: {
      claim: (claim, { claims }) => {
        const present = claims.get(claim.metadata.name, claim.metadata.namespace);
        return present === undefined
          ? { kind: 'missing' }
          : claims.replaceStatus({ ...claim, metadata: present.metadata });
      },
    },
    plot: LATE_WRITE,
    breaks: OVER_GRANT,
  },
  {
    without: 'a conflict in step 3 is not given back',
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
    plot: CONFLICT,
    breaks: UNDECIDED,
  },
  {
    without: 'after a conflict in step 3 the decision is written again without passing step 2',
    edits: [
      {
        file: 'claim-requests',
        from: 'if (write?.conflicted === true) return this.#writeIsOver(entry, false, nowMs);',
        to: `if (write?.conflicted === true) {
      entry.write = { ...write, conflicted: false, claim: { ...write.claim, metadata: entry.claim.metadata } };
      return [this.send(entry, entry.write)];
    }`,
      },
      {
        file: 'claim-requests',
        from: 'if (write === undefined || !isNewer(entry.claim.metadata.resourceVersion, write.claim.metadata.resourceVersion))',
        to: 'if (write === undefined || write.conflicted || !isNewer(entry.claim.metadata.resourceVersion, write.claim.metadata.resourceVersion))',
      },
    ],
    plot: LATE_WRITE,
    breaks: OVER_GRANT,
  },
  {
    without: 'a write without an answer is taken for refused',
    tampering: { observation: takenForRefused },
    plot: NO_ANSWER,
    breaks: OVER_GRANT,
  },
  {
    without: 'the hold of a write without an answer is dropped',
    edits: [
      {
        file: 'claim-requests',
        from: 'entry.write.unanswered = true;\n        return this.#read(entry);',
        to: 'return this.#writeIsOver(entry, false, nowMs);',
      },
    ],
    plot: NO_ANSWER,
    breaks: OVER_GRANT,
  },
  {
    without: 'the hold of a write without an answer is dropped at audits',
    edits: [
      {
        file: 'books',
        from: 'for (const entry of this.#cache.entries()) this.#hold(entry.ref.uid, this.#holdingsOf(entry));',
        to: 'for (const entry of this.#cache.entries()) this.#hold(entry.ref.uid, heldFor(entry.claim, this.#settings, this.#instances.of(entry)));',
      },
    ],
    plot: NO_ANSWER_AND_AUDIT,
    breaks: OVER_GRANT,
  },
  {
    without: 'the refusal of a second try is taken for the end of a first one without an answer',
    edits: [{ file: 'claim-requests', from: 'if (entry.write.unanswered) return this.#read(entry);', to: '' }],
    plot: SECOND_TRY_REFUSED,
    breaks: OVER_GRANT,
  },
];
