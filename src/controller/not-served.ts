/** The condition NodeNotServed of whatever waits for the agent of a node. Pure. */
import type { ConditionChanges } from './condition-changes.ts';
import type { Standing } from './standing.ts';

export interface Waiting {
  /** The node whose agent has to act next; undefined: none has. */
  readonly awaited: string | undefined;
  /** What is not done there, such as `decides claims on`. */
  readonly what: string;
  /** Told when nobody is awaited any more. */
  readonly over: string;
  readonly standingOf: (nodeName: string) => Standing;
}

/** Sets it, or takes it back. */
export function setNodeNotServed(changes: ConditionChanges, { awaited, what, over, standingOf }: Waiting): void {
  if (awaited === undefined || awaited === '') {
    clear(changes, 'NodeNotServed', 'Decided', over);
    return;
  }
  const standing = standingOf(awaited);
  if (standing.kind === 'served') clear(changes, 'NodeNotServed', 'NodeServed', `the agent of node ${awaited} lives`);
  else if (standing.kind === 'unserved')
    changes.set('NodeNotServed', 'True', standing.reason, `nobody ${what} node ${awaited}: ${standing.message}`);
}

/** Conditions that tell what is wrong: where nothing ever was, they are absent. */
export function clear(changes: ConditionChanges, type: string, reason: string, message: string): void {
  if (changes.find(type)?.status === 'True') changes.set(type, 'False', reason, message);
}
