/** `resource-tracker migration start`. */
import type { InstanceClaim, Migration } from '../../api/generated/v1alpha1.ts';
import { INSTANCE_CLAIMS, MIGRATIONS } from '../../api/kinds.ts';
import { isKubeError } from '../../kube/errors.ts';
import { type ResourceClient, resourceClient } from '../../kube/resource.ts';
import type { Cluster } from '../cluster-command.ts';
import { CommandError, type ExitCode } from '../exit-code.ts';
import { isWanted, planStart, type StartRequest } from './start-plan.ts';
import { type Wait, waitFor } from './wait.ts';

/** Creates a Migration, prints its name, and waits for it. One of the given name that is what was asked for counts as created. */
export async function runStart(
  claimName: string,
  request: StartRequest,
  wait: Wait,
  cluster: Cluster,
): Promise<ExitCode> {
  const client = resourceClient<Migration>(cluster.connection, MIGRATIONS);
  const migration =
    (await present(client, claimName, request, cluster)) ?? (await create(client, claimName, request, cluster));
  cluster.stdout.write(`${migration.metadata.name}\n`);
  return waitFor(client, migration, wait, cluster);
}

async function present(
  client: ResourceClient<Migration>,
  claimName: string,
  request: StartRequest,
  { namespace }: Cluster,
): Promise<Migration | undefined> {
  const { name } = request;
  const found = name === undefined ? undefined : await client.get(name, namespace);
  if (found === undefined || isWanted(found, claimName, request)) return found;
  const { spec } = found;
  throw new CommandError(
    `there is another Migration "${name}": ${spec.type} of claim ${spec.claimName} to ${spec.targetNodeName}; take another --name`,
  );
}

async function create(
  client: ResourceClient<Migration>,
  claimName: string,
  request: StartRequest,
  cluster: Cluster,
): Promise<Migration> {
  const claims = resourceClient<InstanceClaim>(cluster.connection, INSTANCE_CLAIMS);
  const claim = await claims.get(claimName, cluster.namespace);
  if (claim === undefined)
    throw new CommandError(
      `there is no InstanceClaim "${claimName}" in namespace ${cluster.namespace}; say which with -n`,
    );
  try {
    return await client.create(planStart(claim, request));
  } catch (error) {
    // Between the look and the creation.
    const raced = isKubeError(error, 'AlreadyExists') ? await present(client, claimName, request, cluster) : undefined;
    if (raced === undefined) throw error;
    return raced;
  }
}
