/** `resource-tracker migration list` and `show`. */

import { stringify } from 'yaml';
import type { Migration } from '../../api/generated/v1alpha1.ts';
import { apiVersionOf, MIGRATIONS } from '../../api/kinds.ts';
import { qualifiedName } from '../../api/object-meta.ts';
import { resourceClient } from '../../kube/resource.ts';
import type { Cluster } from '../cluster-command.ts';
import type { OutputFormat } from '../command-option.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { read } from './change.ts';
import { formatList, formatMigration } from './format.ts';
import { type Wait, waitFor } from './wait.ts';

export interface ListRequest {
  readonly allNamespaces: boolean;
  /** Only those of this claim. */
  readonly claimName?: string | undefined;
  readonly output: OutputFormat;
}

/** Prints the Migrations of the namespace, or of all. */
export async function runList({ allNamespaces, claimName, output }: ListRequest, cluster: Cluster): Promise<ExitCode> {
  const client = resourceClient<Migration>(cluster.connection, MIGRATIONS);
  const { items } = await client.list(allNamespaces ? {} : { namespace: cluster.namespace });
  const wanted = items.filter(({ spec }) => claimName === undefined || spec.claimName === claimName);
  if (output === 'table' && wanted.length === 0) {
    cluster.stderr.write(`no migrations in ${allNamespaces ? 'any namespace' : `namespace ${cluster.namespace}`}\n`);
    return EXIT.done;
  }
  const text = output === 'table' ? formatList(wanted, allNamespaces, Date.now()) : document(listOf(wanted), output);
  cluster.stdout.write(text);
  return EXIT.done;
}

/** As kubectl prints several objects. */
function listOf(items: readonly Migration[]): object {
  const sorted = items.toSorted((one, other) => (qualifiedName(one.metadata) < qualifiedName(other.metadata) ? -1 : 1));
  return { apiVersion: apiVersionOf(MIGRATIONS), kind: 'MigrationList', items: sorted };
}

function document(of: object, output: 'json' | 'yaml'): string {
  return output === 'json' ? `${JSON.stringify(of, undefined, 2)}\n` : stringify(of, { lineWidth: 0 });
}

/** Prints one Migration, after waiting for it where that was wanted. */
export async function runShow(name: string, output: OutputFormat, wait: Wait, cluster: Cluster): Promise<ExitCode> {
  const client = resourceClient<Migration>(cluster.connection, MIGRATIONS);
  const before = await read(client, cluster.namespace, name);
  const code = await waitFor(client, before, wait, cluster);
  const migration = wait.goal === undefined ? before : ((await client.get(name, cluster.namespace)) ?? before);
  cluster.stdout.write(output === 'table' ? formatMigration(migration) : document(migration, output));
  return code;
}
