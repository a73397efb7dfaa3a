/** The rules can fail: each of these wrong shells breaks one, within a few hundred runs. */
import { describe, expect, it } from 'vitest';
import type { Observation } from '../../src/protocol/messages.ts';
import { BrokenRule } from './broken-rule.ts';
import { OneNodeRun } from './one-node-run.ts';
import type { Tampering } from './world/model-agent.ts';

const MAX_SEEDS = 1500;

/** The message of the first run that breaks a rule; undefined if none does. */
function firstBroken(tampering: Tampering): string | undefined {
  for (let seed = 1; seed <= MAX_SEEDS; seed += 1) {
    try {
      new OneNodeRun(seed, { tampering }).run();
    } catch (error) {
      if (error instanceof BrokenRule) return error.message.split('\n')[0];
      throw error;
    }
  }
  return undefined;
}

/** Everything that only hands the hold back, or grants without a right to, ends in one of these. */
const OVERGRANT = /claims hold|both have|deciding does not name it/;

const taken = (observation: Observation, kind: 'unanswered' | 'conflict'): Observation => {
  if (observation.kind !== 'claimWritten' || observation.answer.kind !== kind) return observation;
  return { ...observation, answer: { kind: 'refused', message: 'taken for refused' } };
};

const wrong: readonly [string, Tampering, RegExp][] = [
  [
    'skips the barrier',
    {
      effect: (effect, tracker) =>
        effect.kind === 'readClaim' && tracker.obstacle === 'does not own the node yet'
          ? { kind: 'claimRead', ref: effect.ref, answer: { kind: 'missing' } }
          : undefined,
    },
    OVERGRANT,
  ],
  [
    'drops the hold of a write without an answer',
    { observation: (observation) => taken(observation, 'unanswered') },
    OVERGRANT,
  ],
  [
    'writes step 2 without its resourceVersion',
    {
      commit: (node, { computeNodes }) => {
        const present = computeNodes.get(node.metadata.name);
        return present === undefined
          ? { kind: 'missing' }
          : computeNodes.replaceStatus({ ...node, metadata: present.metadata });
      },
    },
    OVERGRANT,
  ],
  [
    'writes claims without their resourceVersion',
    {
      claim: (claim, { claims }) => {
        const present = claims.get(claim.metadata.name, claim.metadata.namespace);
        return present === undefined
          ? { kind: 'missing' }
          : claims.replaceStatus({ ...claim, metadata: present.metadata });
      },
    },
    /went from|holds something else|claims hold|both have|deciding does not name it/,
  ],
  [
    'takes a conflict of step 2 for success',
    { commitAnswer: (answer, node) => (answer.kind === 'conflict' ? { kind: 'ok', object: node } : answer) },
    OVERGRANT,
  ],
  [
    'believes every DELETED',
    {
      effect: (effect, tracker) =>
        effect.kind === 'readClaim' && tracker.ready
          ? { kind: 'claimRead', ref: effect.ref, answer: { kind: 'missing' } }
          : undefined,
    },
    /./,
  ],
  [
    'loses what leaves the watch',
    {
      observation: (observation) =>
        observation.kind === 'claimUnmatched' ? { kind: 'claimSeen', claim: observation.claim } : observation,
    },
    /a recount|devices taken|waits although/,
  ],
];

describe('a shell that', () => {
  it.each(wrong)('%s is caught', { timeout: 60_000 }, (_fault, tampering, expected) => {
    const broken = firstBroken(tampering);
    console.info(broken);
    expect(broken).toMatch(expected);
  });
});
