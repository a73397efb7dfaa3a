/** `resource-tracker migration confirm`, `revert` and `abort`. */
import type { Migration, MigrationDecision } from '../../api/generated/v1alpha1.ts';
import { MIGRATIONS } from '../../api/kinds.ts';
import { resourceClient } from '../../kube/resource.ts';
import { phaseOf } from '../../protocol/migration-facts.ts';
import type { Cluster } from '../cluster-command.ts';
import type { ExitCode } from '../exit-code.ts';
import { changeMigration } from './change.ts';
import { decideStep } from './decide-step.ts';
import { type Wait, waitFor } from './wait.ts';

/** Sets the decision; the agents carry it out. */
export async function runDecide(
  name: string,
  decision: MigrationDecision,
  wait: Wait,
  cluster: Cluster,
): Promise<ExitCode> {
  const { namespace } = cluster;
  const client = resourceClient<Migration>(cluster.connection, MIGRATIONS);
  const { migration, isNew } = await changeMigration(client, { namespace, name }, (present) =>
    decideStep(present, decision),
  );
  cluster.stderr.write(
    `the decision of migration ${name}, which is ${phaseOf(migration)}, is ${decision}${isNew ? '' : ' already'}\n`,
  );
  return waitFor(client, migration, wait, cluster);
}
