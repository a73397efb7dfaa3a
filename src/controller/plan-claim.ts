/** What is to be written about a claim: NodeGone, NodeNotServed, its removal once it is finished and its time is over. Pure. */
import { findCondition } from '../api/conditions.ts';
import type { InstanceClaim } from '../api/generated/v1alpha1.ts';
import type { Now } from '../protocol/lease-keeper.ts';
import { ConditionChanges } from './condition-changes.ts';
import { clear, setNodeNotServed } from './not-served.ts';
import type { Standing } from './standing.ts';
import { NOTHING_TO_DO, type Step } from './work.ts';

export interface ClaimFacts {
  readonly claim: InstanceClaim;
  /** When we saw it turn from undecided or granted to finished; absent where it was finished when we first saw it. */
  readonly finishedAt?: Date;
  readonly standingOf: (nodeName: string) => Standing;
  readonly now: Now;
}

/** The nodes that a claim names or holds something on. */
export function nodesOf({ spec, status }: InstanceClaim): ReadonlySet<string> {
  const { migration } = status ?? {};
  const names = [spec.nodeName, status?.nodeName, migration?.sourceNodeName, migration?.targetNodeName];
  return new Set(names.filter((name) => name !== undefined).filter((name) => name !== ''));
}

/** Whether a claim holds something on this node. */
export function holdsOn({ status }: InstanceClaim, nodeName: string): boolean {
  if (status?.phase !== 'Claimed') return false;
  const { sourceNodeName, targetNodeName } = status.migration ?? {};
  return [status.nodeName, sourceNodeName, targetNodeName].includes(nodeName);
}

export function isFinished({ status }: InstanceClaim): boolean {
  return status?.phase === 'Rejected' || status?.phase === 'Expired';
}

export function planClaim(facts: ClaimFacts): Step {
  const { claim, now } = facts;
  if (claim.metadata.deletionTimestamp !== undefined) return NOTHING_TO_DO;
  const removal = planRemoval(facts);
  if (removal?.work !== undefined) return removal;
  const changes = new ConditionChanges(claim.status?.conditions, now.date);
  setNodeGone(changes, facts);
  setNodeNotServed(changes, {
    awaited: awaitedBy(claim),
    what: 'decides claims on',
    over: 'no agent has to decide the claim now',
    standingOf: facts.standingOf,
  });
  const { conditions, turned } = changes;
  if (turned.length === 0) return removal ?? NOTHING_TO_DO;
  return {
    ...removal,
    work: { kind: 'writeClaim', claim: { ...claim, status: { ...claim.status, conditions } }, turned },
  };
}

function setNodeGone(changes: ConditionChanges, { claim, standingOf }: ClaimFacts): void {
  const { phase, nodeName } = claim.status ?? {};
  if (phase !== 'Claimed' || nodeName === undefined || nodeName === '') {
    clear(changes, 'NodeGone', 'NotClaimed', 'the claim holds nothing on a node');
    return;
  }
  const standing = standingOf(nodeName);
  if (standing.exists) clear(changes, 'NodeGone', 'NodeFound', `Kubernetes has the Node ${nodeName}`);
  // A Node that registers anew is away for a moment: as long as its agent lives, its host does.
  else if (standing.kind === 'served') clear(changes, 'NodeGone', 'AgentAlive', `the agent of node ${nodeName} lives`);
  else if (standing.kind === 'unserved') changes.set('NodeGone', 'True', 'NodeGone', goneMessage(nodeName));
}

/** The node whose agent has to decide a claim. */
function awaitedBy({ spec, status }: InstanceClaim): string | undefined {
  const { phase = 'Pending', attempts = [] } = status ?? {};
  const isRefused = attempts.some((attempt) => attempt.nodeName === spec.nodeName);
  return phase === 'Pending' && !isRefused ? spec.nodeName : undefined;
}

const goneMessage = (nodeName: string): string =>
  `node ${nodeName} is gone, and no agent speaks for it: evacuate the instance, or delete the claim`;

function planRemoval({ claim, finishedAt, now }: ClaimFacts): Step | undefined {
  const { ttlSecondsAfterFinished: seconds } = claim.spec;
  if (seconds === undefined || !isFinished(claim)) return undefined;
  const remainingMs = finishedAtMs(claim, finishedAt) + seconds * 1000 - now.date.getTime();
  return remainingMs > 0 ? { dueMs: now.ms + remainingMs } : { work: { kind: 'deleteClaim', claim } };
}

/**
 * The condition's lastTransitionTime. It does not move when a claim that waited in vain is refused, as Claimed was False before: then
 * what we saw counts, or the end of its waiting.
 */
function finishedAtMs(claim: InstanceClaim, seen: Date | undefined): number {
  const { metadata, spec, status } = claim;
  const createdMs = Date.parse(metadata.creationTimestamp ?? '') || 0;
  const turned = findCondition(status?.conditions, 'Claimed')?.lastTransitionTime;
  const waited = spec.whenInsufficient === 'Wait' && status?.phase === 'Rejected' ? (spec.waitSeconds ?? 0) * 1000 : 0;
  return Math.max(Date.parse(turned ?? '') || createdMs, createdMs + waited, seen?.getTime() ?? 0);
}
