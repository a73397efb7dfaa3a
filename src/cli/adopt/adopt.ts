/** `resource-tracker adopt`: claims for what runs on a node already. Prints them, or creates them and waits for the agent's word. */
import type { ComputeNode, InstanceClaim } from '../../api/generated/v1alpha1.ts';
import { INSTANCE_CLAIMS } from '../../api/kinds.ts';
import { isKubeError } from '../../kube/errors.ts';
import { type ResourceClient, resourceClient } from '../../kube/resource.ts';
import type { Cluster } from '../cluster-command.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { readNode } from '../explain/node-view.ts';
import { formatClaims, formatResults, remarksOn } from './format.ts';
import { rightsAdvice } from './missing-rights.ts';
import { awaitDecisions, createAll, type Result } from './perform.ts';
import { type AdoptionPlan, type AdoptionRequest, planAdoption } from './plan.ts';

export interface AdoptOptions extends Omit<AdoptionRequest, 'namespace'> {
  readonly nodeName: string;
  readonly yes: boolean;
  readonly timeoutMs: number;
}

/** Prints what it would create, or with `yes` creates it. Throws CommandError for a node that is not there, or where rights are missing. */
export async function runAdopt(options: AdoptOptions, cluster: Cluster): Promise<ExitCode> {
  const client = resourceClient<InstanceClaim>(cluster.connection, INSTANCE_CLAIMS);
  const plan = await planNow(options, cluster, client);
  if (options.yes) return adoptAll(plan, options, cluster, client);
  for (const remark of remarksOn(plan)) cluster.stderr.write(`${remark}\n`);
  cluster.stderr.write(`${summaryOf(plan, options.nodeName, cluster.namespace)}\n`);
  cluster.stdout.write(formatClaims(plan.claims));
  return EXIT.done;
}

function summaryOf({ claims, undecided }: AdoptionPlan, nodeName: string, namespace: string): string {
  const waiting = undecided.length === 0 ? '' : `; ${undecided.length} claims for others are there and not decided yet`;
  if (claims.length === 0) return `no instance of node ${nodeName} needs a claim${waiting}`;
  const count = claims.length === 1 ? '1 claim' : `${claims.length} claims`;
  return `${count} to be created in namespace ${namespace}${waiting}; nothing is done yet: say --yes, or give this to kubectl apply -f -`;
}

async function planNow(
  options: AdoptOptions,
  cluster: Cluster,
  client: ResourceClient<InstanceClaim>,
): Promise<AdoptionPlan> {
  const node = await readNode(cluster.connection, options.nodeName);
  const claims = await claimsAbout(node, cluster.namespace, client);
  return planAdoption(node, claims, { ...options, namespace: cluster.namespace });
}

/** All of the namespace, and those of others for the node, as far as they may be read: the agent refuses a second claim for an instance, too. */
async function claimsAbout(
  { metadata: { name } }: ComputeNode,
  namespace: string,
  client: ResourceClient<InstanceClaim>,
): Promise<readonly InstanceClaim[]> {
  const own = await client.list({ namespace });
  const others = await client.list({ fieldSelector: `spec.nodeName=${name}` }).catch((error: unknown) => {
    if (isKubeError(error, 'Forbidden')) return { items: [] };
    throw error;
  });
  return [...own.items, ...others.items.filter(({ metadata }) => metadata.namespace !== namespace)];
}

/** In rounds: orphans that the status has no room to list are listed once others are adopted. */
async function adoptAll(
  first: AdoptionPlan,
  options: AdoptOptions,
  cluster: Cluster,
  client: ResourceClient<InstanceClaim>,
): Promise<ExitCode> {
  const results: Result[] = [];
  let plan = first;
  for (;;) {
    const round = await performRound(plan, options, cluster, client);
    results.push(...round);
    if (plan.unlisted === 0 || plan.claims.length === 0 || !isAllClaimed(round)) break;
    plan = await planNow(options, cluster, client);
  }
  for (const remark of remarksOn(plan)) cluster.stderr.write(`${remark}\n`);
  if (results.length === 0) cluster.stderr.write(`no instance of node ${options.nodeName} needs a claim\n`);
  cluster.stdout.write(formatResults(results));
  return exitOf(results, plan, options, cluster);
}

async function performRound(
  plan: AdoptionPlan,
  { nodeName, timeoutMs }: AdoptOptions,
  { connection, namespace, stderr }: Cluster,
  client: ResourceClient<InstanceClaim>,
): Promise<readonly Result[]> {
  const { claims, refused } = await createAll(client, plan.claims, () => rightsAdvice(connection, namespace));
  const waiting = [...plan.undecided, ...claims];
  if (waiting.length > 0)
    stderr.write(`${waitingWords(waiting.length, claims.length, namespace)} for the agent of node ${nodeName}\n`);
  const decided = await awaitDecisions(client, { namespace, nodeName }, waiting, timeoutMs);
  return [...decided, ...refused];
}

function waitingWords(waiting: number, created: number, namespace: string): string {
  return `${waiting === 1 ? '1 claim waits' : `${waiting} claims wait`} in namespace ${namespace} (${created} created now)`;
}

function isAllClaimed(results: readonly Result[]): boolean {
  return results.every(({ outcome }) => outcome === 'Claimed');
}

function exitOf(
  results: readonly Result[],
  { skipped }: AdoptionPlan,
  options: AdoptOptions,
  cluster: Cluster,
): ExitCode {
  const late = results.filter(({ outcome }) => outcome === 'Pending').length;
  if (late > 0)
    cluster.stderr.write(
      `${late} not decided within ${options.timeoutMs / 1000} s: does the agent of node ${options.nodeName} run?\n`,
    );
  if (results.some(({ outcome }) => outcome !== 'Claimed' && outcome !== 'Pending')) return EXIT.failed;
  if (late > 0) return EXIT.timeout;
  return skipped.some(({ isElsewhere }) => !isElsewhere) ? EXIT.failed : EXIT.done;
}
