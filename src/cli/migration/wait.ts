/** Waits for a Migration by watching it. */

import type { Migration, MigrationPhase } from '../../api/generated/v1alpha1.ts';
import { qualifiedName } from '../../api/object-meta.ts';
import type { ResourceClient } from '../../kube/resource.ts';
import { phaseOf } from '../../protocol/migration-facts.ts';
import type { Cluster } from '../cluster-command.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { watchUntil } from '../watch-until.ts';
import { type Goal, verdictOn } from './goal.ts';

export interface Wait {
  /** Absent: not at all. */
  readonly goal?: Goal | undefined;
  readonly timeoutMs: number;
}

/** Tells each phase on standard error as it comes; the exit code tells whether the goal was reached. */
export async function waitFor(
  client: ResourceClient<Migration>,
  migration: Migration,
  { goal, timeoutMs }: Wait,
  { stderr }: Cluster,
): Promise<ExitCode> {
  if (goal === undefined) return EXIT.done;
  const { name, namespace, uid = '' } = migration.metadata;
  let last: MigrationPhase | undefined;
  const verdict = await watchUntil({
    client,
    namespace,
    fieldSelector: `metadata.name=${name}`,
    timeoutMs,
    look: (objects) => {
      const now = objects.get(uid);
      const phase = now && phaseOf(now);
      if (phase !== undefined && phase !== last)
        stderr.write(`migration ${qualifiedName(migration.metadata)} is ${phase}\n`);
      last = phase;
      return verdictOn(now, goal);
    },
  });
  if (verdict?.kind === 'reached') return EXIT.done;
  const wanted = goal === 'Done' ? 'done' : goal;
  const words = verdict?.words ?? `it was not ${wanted} within ${timeoutMs / 1000} s, it is ${last ?? 'not known'}`;
  stderr.write(`migration ${qualifiedName(migration.metadata)}: ${words}\n`);
  return verdict === undefined ? EXIT.timeout : EXIT.failed;
}
