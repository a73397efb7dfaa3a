/** What is to be written about a migration: whether anybody takes it further on its target. Pure. */
import type { Migration } from '../api/generated/v1alpha1.ts';
import type { Now } from '../protocol/lease-keeper.ts';
import { isOver } from '../protocol/migration-facts.ts';
import { ConditionChanges } from './condition-changes.ts';
import { setNodeNotServed } from './not-served.ts';
import type { Standing } from './standing.ts';
import { NOTHING_TO_DO, type Step } from './work.ts';

export interface MigrationFacts {
  readonly migration: Migration;
  readonly standingOf: (nodeName: string) => Standing;
  readonly now: Now;
}

/** The node whose agent is in charge of a migration, as long as it is not over. */
export function awaitedBy(migration: Migration): readonly string[] {
  return isOver(migration) ? [] : [migration.spec.targetNodeName];
}

export function planMigration({ migration, standingOf, now }: MigrationFacts): Step {
  if (migration.metadata.deletionTimestamp !== undefined) return NOTHING_TO_DO;
  const changes = new ConditionChanges(migration.status?.conditions, now.date);
  const [awaited] = awaitedBy(migration);
  setNodeNotServed(changes, {
    awaited,
    what: 'takes migrations further on',
    over: 'no agent has to do anything for it now',
    standingOf,
  });
  const { conditions, turned } = changes;
  if (turned.length === 0) return NOTHING_TO_DO;
  const status = { ...migration.status, conditions };
  return { work: { kind: 'writeMigration', migration: { ...migration, status }, turned } };
}
