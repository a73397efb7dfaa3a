/** What a decision does to a Migration. Pure. */
import type { Migration, MigrationDecision } from '../../api/generated/v1alpha1.ts';
import { isOver } from '../../protocol/migration-facts.ts';
import type { Change } from './change.ts';

/** The spec with the decision. It is set once; what only the type forbids the API server says. */
export function decideStep(migration: Migration, decision: MigrationDecision): Change {
  const { spec } = migration;
  if (spec.decision === decision) return { kind: 'already' };
  if (spec.decision !== undefined)
    return {
      kind: 'refused',
      words: `its decision is ${spec.decision}, which is set once and cannot become ${decision}`,
    };
  if (isOver(migration)) return { kind: 'refused', words: 'that is its end, there is nothing to decide' };
  return { kind: 'spec', migration: { ...migration, spec: { ...spec, decision } } };
}
