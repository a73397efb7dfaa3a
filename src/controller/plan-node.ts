/** What is to be written about a ComputeNode: AgentAlive, NodeExists, an end to a Ready that nobody stands for, its removal. Pure. */
import type { ComputeNode, Condition } from '../api/generated/v1alpha1.ts';
import type { Lease } from '../api/lease.ts';
import type { Now } from '../protocol/lease-keeper.ts';
import { ConditionChanges } from './condition-changes.ts';
import type { Heartbeat } from './heartbeats.ts';
import { deathMessage, isForeign } from './standing.ts';
import { NOTHING_TO_DO, type Step } from './work.ts';

export interface NodeFacts {
  readonly node: ComputeNode;
  /** Whether Kubernetes has a Node of this name. */
  readonly exists: boolean;
  readonly heartbeat: Heartbeat;
  /** The Lease of its name, if there is one. */
  readonly lease?: Lease;
  /** Whether a claim holds anything there. */
  readonly isHeld: () => boolean;
  readonly leaseNamespace: string;
  /** How long the Node has to be gone before the ComputeNode goes, too. */
  readonly nodeGoneMs: number;
  readonly now: Now;
}

export function planNode(facts: NodeFacts): Step {
  const { node, leaseNamespace } = facts;
  if (node.metadata.deletionTimestamp !== undefined || isForeign(node, leaseNamespace)) return NOTHING_TO_DO;
  const changes = new ConditionChanges(node.status?.conditions, facts.now.date);
  setAgentAlive(changes, facts);
  setNodeExists(changes, facts);
  endReadiness(changes);
  const beat = 'dueMs' in facts.heartbeat ? { dueMs: facts.heartbeat.dueMs } : {};
  const { conditions, turned } = changes;
  if (turned.length > 0)
    return { work: { kind: 'writeNode', node: { ...node, status: { ...node.status, conditions } }, turned }, ...beat };
  return planRemoval(facts, changes.find('NodeExists')) ?? beat;
}

function setAgentAlive(changes: ConditionChanges, { node, heartbeat, leaseNamespace }: NodeFacts): void {
  if (heartbeat.kind === 'unknown') return;
  if (heartbeat.kind === 'alive') changes.set('AgentAlive', 'True', 'LeaseRenewed', 'the agent renews its Lease');
  else {
    const message = deathMessage({ name: node.metadata.name, leaseNamespace }, heartbeat);
    changes.set('AgentAlive', 'False', heartbeat.reason, message);
  }
}

function setNodeExists(changes: ConditionChanges, { node, exists }: NodeFacts): void {
  const { name } = node.metadata;
  if (exists) changes.set('NodeExists', 'True', 'NodeFound', `Kubernetes has the Node ${name}`);
  else changes.set('NodeExists', 'False', 'NodeGone', `Kubernetes has no Node ${name}`);
}

/**
 * Ready is the agent's, and an agent that lives keeps it False as long as one of ours is. One that does not live cannot, so a Ready
 * that is True is ended here; it is the living agent that makes it True again. Only ever from True to False: nobody fights over it.
 */
function endReadiness(changes: ConditionChanges): void {
  if (changes.find('Ready')?.status !== 'True') return;
  const fault = ['AgentAlive', 'NodeExists']
    .map((type) => changes.find(type))
    .find((condition): condition is Condition => condition?.status === 'False');
  if (fault !== undefined) changes.set('Ready', 'False', fault.reason, fault.message);
}

/**
 * What is gone for good is removed; nothing is lost by it that an agent would not write again. An administrator's spec, something held,
 * or an agent that (perhaps) lives keep the ComputeNode, with NodeExists False.
 */
function planRemoval(facts: NodeFacts, nodeExists: Condition | undefined): Step | undefined {
  const { node, heartbeat, lease, isHeld, nodeGoneMs, now } = facts;
  if (heartbeat.kind !== 'dead' || nodeExists?.status !== 'False' || !saysNothing(node.spec)) return undefined;
  const remainingMs = Date.parse(nodeExists.lastTransitionTime) + nodeGoneMs - now.date.getTime();
  if (remainingMs > 0) return { dueMs: now.ms + remainingMs };
  return isHeld() ? undefined : { work: { kind: 'deleteNode', node, ...(lease !== undefined && { lease }) } };
}

/** Whether a spec is as empty as an agent creates it; `reserved: {}` is. */
function saysNothing(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && Object.values(value).every(saysNothing);
}
