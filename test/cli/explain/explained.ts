/** What a real Tracker publishes of a node, and the explanation of it. */
import type { InstanceClaim, Migration } from '../../../src/api/generated/v1alpha1.ts';
import { type Explanation, explain } from '../../../src/cli/explain/explanation.ts';
import type { NodeView } from '../../../src/cli/explain/node-view.ts';
import { type DrivenParts, DrivenTracker } from '../../hostile/driven-tracker.ts';
import { type ClaimParts, claim } from '../../simulation/world/objects.ts';

/** A claim as the API server has it. */
export function stored(parts: ClaimParts, more: Partial<InstanceClaim> = {}): InstanceClaim {
  const made = claim(parts);
  const metadata = {
    ...made.metadata,
    uid: `uid-${parts.name}`,
    creationTimestamp: '2026-01-01T00:00:00Z',
    generation: 1,
  };
  return { ...made, metadata, ...more };
}

/** The node of an agent that has decided and told everything, with what the API server would list for it. */
export function settledView(parts: DrivenParts, migrations: readonly Migration[] = []): NodeView {
  const driven = new DrivenTracker(parts);
  for (const migration of migrations) driven.seeMigration(migration);
  driven.settle();
  const claims = [...driven.claims.values()].filter(({ status }) => status?.phase === 'Claimed');
  return { node: driven.node, claims };
}

export function settled(parts: DrivenParts): Explanation {
  return explain(settledView(parts));
}
