/** `resource-tracker migration report`, for executors. */
import type { Migration } from '../../api/generated/v1alpha1.ts';
import { MIGRATIONS } from '../../api/kinds.ts';
import { resourceClient } from '../../kube/resource.ts';
import { phaseOf } from '../../protocol/migration-facts.ts';
import type { Cluster } from '../cluster-command.ts';
import type { ExitCode } from '../exit-code.ts';
import { adviseIfForbidden } from '../kube-error-words.ts';
import { changeMigration } from './change.ts';
import { type Report, reportStep } from './report-step.ts';
import { type Wait, waitFor } from './wait.ts';

const ADVICE = 'an executor needs the role resource-tracker-executor: ask an administrator for it';

export interface ReportRequest {
  readonly name: string;
  readonly report: Report;
  readonly message?: string | undefined;
}

/** Writes the phase, and tells where it was already there, or beyond it. */
export async function runReport(request: ReportRequest, wait: Wait, cluster: Cluster): Promise<ExitCode> {
  const { name, report, message } = request;
  const { namespace } = cluster;
  const client = resourceClient<Migration>(cluster.connection, MIGRATIONS);
  const { migration, isNew } = await changeMigration(client, { namespace, name }, (present) =>
    reportStep(present, report, message, new Date()),
  ).catch(adviseIfForbidden(ADVICE));
  cluster.stderr.write(`migration ${name} is ${phaseOf(migration)}${isNew ? '' : ' already'}\n`);
  return waitFor(client, migration, wait, cluster);
}
