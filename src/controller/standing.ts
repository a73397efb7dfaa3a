/** How a node stands for those who depend on it: whether it exists, and whether an agent serves it. Pure. */
import type { ComputeNode } from '../api/generated/v1alpha1.ts';
import type { Heartbeat } from './heartbeats.ts';

/** What is known of a node name. `unknown`: what was said before stands. */
export type Standing =
  | { readonly kind: 'served' | 'unknown'; readonly exists: boolean }
  | { readonly kind: 'unserved'; readonly exists: boolean; readonly reason: string; readonly message: string };

export interface StandingFacts {
  readonly name: string;
  readonly leaseNamespace: string;
  /** Whether Kubernetes has a Node of this name. */
  readonly exists: boolean;
  readonly computeNode?: ComputeNode;
  /** That the ComputeNode is not there is so for long enough to be told. */
  readonly settled: boolean;
  readonly heartbeat: Heartbeat;
}

/** Whether a ComputeNode is of another installation, whose own controller sees to it. */
export function isForeign(node: ComputeNode | undefined, leaseNamespace: string): boolean {
  const namespace = node?.status?.agent?.leaseNamespace;
  return namespace !== undefined && namespace !== leaseNamespace;
}

export function standingOf(facts: StandingFacts): Standing {
  const { name, exists, computeNode, heartbeat, settled, leaseNamespace } = facts;
  if (isForeign(computeNode, leaseNamespace)) return { kind: 'unknown', exists };
  if (computeNode === undefined) {
    if (!settled) return { kind: 'unknown', exists };
    const message = `there is no ComputeNode ${name}: no agent runs there, or the name is wrong`;
    return { kind: 'unserved', exists, reason: 'NoComputeNode', message };
  }
  if (heartbeat.kind === 'unknown') return { kind: 'unknown', exists };
  if (heartbeat.kind === 'alive') return { kind: 'served', exists };
  return { kind: 'unserved', exists, reason: heartbeat.reason, message: deathMessage(facts, heartbeat) };
}

/** What is the matter with an agent, without figures that move. */
export function deathMessage(
  { name, leaseNamespace }: Pick<StandingFacts, 'name' | 'leaseNamespace'>,
  { reason, afterMs }: Heartbeat & { kind: 'dead' },
): string {
  const lease = `Lease ${leaseNamespace}/${name}`;
  switch (reason) {
    case 'AgentSilent':
      return `the agent has not renewed its ${lease} for ${afterMs / 1000} s`;
    case 'AgentStopped':
      return `the agent gave its ${lease} back, and none has taken it for ${afterMs / 1000} s`;
    case 'LeaseMissing':
      return `there is no ${lease}: no agent runs, or its --lease-namespace is another`;
  }
}
