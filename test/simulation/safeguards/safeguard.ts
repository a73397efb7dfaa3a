import type { Edit } from '../mutant.ts';
import type { ClusterParts } from '../world/cluster.ts';
import type { Tampering } from '../world/model-agent.ts';
import type { Stage } from './stage.ts';

/** A script that keeps every rule with the real protocol, and leads to the moment at which a safeguard counts. */
export interface Plot {
  /** A sentence. */
  readonly what: string;
  readonly parts?: Partial<ClusterParts>;
  readonly play: (stage: Stage) => void;
}

/** What is done otherwise: in the protocol's source, or by the shell around it. */
export interface Change {
  readonly edits?: readonly Edit[];
  readonly tampering?: Tampering;
}

/** A rule of the simulation: how it is called, and what it says when it is broken. */
export interface Rule {
  readonly as: string;
  readonly says: RegExp;
}

/** One safeguard, and how its absence shows. */
export interface Safeguard extends Change {
  /** What is done wrong without it. */
  readonly without: string;
  readonly plot: Plot;
  /** What is noticed then. */
  readonly breaks: Rule;
  /** A second safeguard that stands behind it: each of the two is enough in this plot, and only without both a rule is broken. */
  readonly behind?: Change & { readonly without: string };
}

/** Two of them do not fit into a node. */
export const BIG = { memoryMi: 4096 };

export const OVER_GRANT: Rule = { as: 'over-grant', says: /^over-grant/ };
export const UNNAMED: Rule = {
  as: 'a decision that nobody named',
  says: /was decided, and deciding of .* does not name it/,
};
export const BLIND: Rule = { as: 'a decision without sight of the host', says: /does not see the host/ };
export const CORDONED: Rule = { as: 'a grant on a cordoned Node', says: /is Claimed, and Node .* is cordoned/ };
export const UNDECIDED: Rule = { as: 'a claim that is never decided', says: /is still not decided/ };
export const LATE: Rule = { as: 'a claim that waits for longer than a Lease period', says: /for a Lease period/ };
export const WAITS: Rule = { as: 'a claim that waits although there is room', says: /waits although there is room/ };
export const LEAK: Rule = { as: 'figures other than a recount', says: /says used .*; a recount/ };
export const OWNERLESS: Rule = { as: 'a node without an owner', says: /says that undefined owns it/ };
export const LOCK_REPLACED: Rule = { as: 'a lock that is replaced by another', says: /went from .* to .* at once/ };
export const LEFT_LOCKED: Rule = { as: 'a migration that never ends', says: /is still locked for/ };
export const NEITHER_SIDE: Rule = {
  as: 'a claim that is on neither side of its migration',
  says: /, neither on |remembers .* which was/,
};
export const INSTANCE_TWICE: Rule = { as: 'an instance with two claims', says: /both have instance/ };
