/** Everything that the API server tells about what one node holds. */
import { findCondition } from '../../api/conditions.ts';
import type { ComputeNode, InstanceClaim } from '../../api/generated/v1alpha1.ts';
import { COMPUTE_NODES, INSTANCE_CLAIMS } from '../../api/kinds.ts';
import type { Connection } from '../../kube/connection.ts';
import { type ResourceClient, resourceClient } from '../../kube/resource.ts';
import { CLAIM_SOURCES, newestOf } from '../../protocol/sources.ts';
import { CommandError } from '../exit-code.ts';
import { adviseIfForbidden } from '../kube-error-words.ts';

export interface NodeView {
  readonly node: ComputeNode;
  /** Those that may make the node hold something, by UID; each once. */
  readonly claims: readonly InstanceClaim[];
}

/** What of a claim may make a node hold something. */
const SELECTORS = CLAIM_SOURCES.filter((source) => source !== 'spec.nodeName');

/** Reads a node and its claims. Throws CommandError where there is no such node, or nobody has audited it yet. */
export async function readNodeView(connection: Connection, nodeName: string): Promise<NodeView> {
  const node = await readNode(connection, nodeName);
  return { node, claims: await readClaims(resourceClient<InstanceClaim>(connection, INSTANCE_CLAIMS), nodeName) };
}

/** An audited node. Throws CommandError where there is none. */
export async function readNode(connection: Connection, nodeName: string): Promise<ComputeNode> {
  const nodes = resourceClient<ComputeNode>(connection, COMPUTE_NODES);
  const node = await nodes.get(nodeName).catch(adviseIfForbidden(NODE_ADVICE));
  if (node === undefined)
    throw new CommandError(
      `there is no ComputeNode "${nodeName}"; kubectl get computenodes lists those that there are`,
    );
  if (node.status?.used === undefined) throw new CommandError(`node ${nodeName} has no figures: ${whyNone(node)}`);
  return node;
}

/** The agent says it itself, where one has ever run. */
function whyNone({ metadata, status }: ComputeNode): string {
  const tracking = findCondition(status?.conditions, 'TrackingEnabled');
  return tracking?.message ?? `does its agent run? (kubectl describe computenode ${metadata.name})`;
}

const NODE_ADVICE = 'ask an administrator for the role resource-tracker-node-view, bound by a ClusterRoleBinding';
const CLAIMS_ADVICE =
  'a node has claims of all namespaces: ask an administrator for the role resource-tracker-view, bound by a ClusterRoleBinding';

async function readClaims(client: ResourceClient<InstanceClaim>, nodeName: string): Promise<readonly InstanceClaim[]> {
  const lists = await Promise.all(
    SELECTORS.map((field) => client.list({ fieldSelector: `${field}=${nodeName}` })),
  ).catch(adviseIfForbidden(CLAIMS_ADVICE));
  return newestOf(lists.flatMap(({ items }) => items));
}
