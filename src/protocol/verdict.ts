/** Decides one claim against the ledger, and words the decision. Pure. */
import type { InstanceClaim } from '../api/generated/v1alpha1.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { AssignedDevice, ClaimDecision, ClaimRequest, Refusal } from '../ledger/types.ts';
import { diskWords, memoryWords } from './amount-words.ts';
import type { Asked } from './claim-facts.ts';

/** Why a claim was not granted: all reasons at once, and one sentence with the figures for each. */
export interface Grounds {
  readonly reasons: readonly string[];
  readonly message: string;
}

export type Verdict =
  | { readonly kind: 'grant'; readonly devices: readonly AssignedDevice[] }
  | ({ readonly kind: 'refuse' } & Grounds)
  | ({ readonly kind: 'wait' } & Grounds);

/** What the node knows about a claim besides the ledger's sums. */
export interface Circumstances {
  readonly nodeName: string;
  readonly unschedulable: boolean;
  /** False: the hypervisor cannot tell what the host has, so that no amount is tested. */
  readonly isTracked: boolean;
  /** Namespace/name of the claim that has the instance already. */
  readonly claimedBy?: string;
  /** Key of the orphan's holding that this claim's instance has on this host. */
  readonly orphanKey?: string;
  readonly orphanDevices: readonly string[];
  /** An earlier claim waits: those behind it do not overtake each other. */
  readonly queued: boolean;
  /** The time to wait is over. */
  readonly overdue: boolean;
}

/** The verdict on one claim, with every failing reason. Changes nothing. */
export function judge(claim: InstanceClaim, request: Asked, ledger: Ledger, circumstances: Circumstances): Verdict {
  if (circumstances.claimedBy !== undefined) return refuse(alreadyClaimed(circumstances.claimedBy));
  if (request.kind === 'unreadable') return refuse({ reasons: [request.reason], message: request.message });
  const asks = askOf(request, circumstances);
  if (claim.spec.adopt === true && circumstances.orphanKey !== undefined) return adopt(asks, ledger, circumstances);
  const waits = claim.spec.whenInsufficient === 'Wait';
  const decision = ledger.test(asks);
  const refusals = refusalsThatCount(decision, circumstances.isTracked);
  const obstacles = obstaclesOf(refusals, circumstances, waits);
  if (obstacles.reasons.length === 0) return { kind: 'grant', devices: devicesOf(decision) };
  if (!waits) return refuse(obstacles);
  const never = ledger.couldEverFit(asks);
  if (never.kind === 'rejected' && circumstances.isTracked) return refuse(exceedsNodeLimit(never.refusals));
  return circumstances.overdue ? refuse(overdue(obstacles, claim)) : { kind: 'wait', ...obstacles };
}

/**
 * All of them, unless the host is not tracked. (Nova: a tracker that is disabled tests nothing.) Devices are refused nevertheless: they would have
 * to be given, and none is known.
 */
export function refusalsThatCount(decision: ClaimDecision, isTracked: boolean): readonly Refusal[] {
  if (decision.kind === 'granted') return [];
  return decision.refusals.filter(({ reason }) => isTracked || reason === 'InsufficientPCIDevices');
}

/** None where a refusal does not count. */
export function devicesOf(decision: ClaimDecision): readonly AssignedDevice[] {
  return decision.kind === 'granted' ? decision.devices : [];
}

function refuse(grounds: Grounds): Verdict {
  return { kind: 'refuse', ...grounds };
}

function askOf(request: Asked & { kind: 'readable' }, circumstances: Circumstances): ClaimRequest {
  const { amounts, overheadMemoryBytes, limits, pciRequests } = request;
  return {
    amounts,
    overheadMemoryBytes,
    limits,
    pciRequests,
    ...(circumstances.orphanKey !== undefined && { replaces: circumstances.orphanKey }),
    presentDevices: circumstances.orphanDevices,
  };
}

/** What runs here already is granted even over the limit; devices that it has are its own, asked for or not. */
function adopt(asks: ClaimRequest, ledger: Ledger, circumstances: Circumstances): Verdict {
  const decision = ledger.test(asks);
  const assigned = decision.kind === 'granted' ? decision.devices : [];
  const others = circumstances.orphanDevices.filter(
    (address) => !assigned.some((device) => device.address === address),
  );
  const request = asks.pciRequests[0]?.name ?? 'adopted';
  return { kind: 'grant', devices: [...assigned, ...others.map((address) => ({ request, address }))] };
}

/** The instance is another claim's. */
export function alreadyClaimed(by: string): Grounds {
  return {
    reasons: ['InstanceAlreadyClaimed'],
    message: `the instance is claimed by InstanceClaim ${by} already; delete that one first`,
  };
}

function obstaclesOf(refusals: readonly Refusal[], circumstances: Circumstances, waits: boolean): Grounds {
  const grounds = groundsOf(refusals);
  const reasons = [...grounds.reasons];
  const sentences = grounds.message === '' ? [] : [grounds.message];
  if (circumstances.unschedulable) {
    reasons.push('NodeUnschedulable');
    sentences.push(`node ${circumstances.nodeName} is unschedulable`);
  }
  if (waits && circumstances.queued && reasons.length === 0) {
    reasons.push('Queued');
    sentences.push('an earlier claim waits for this node');
  }
  return { reasons, message: sentences.join('; ') };
}

function exceedsNodeLimit(refusals: readonly Refusal[]): Grounds {
  const { reasons, message } = groundsOf(refusals);
  return { reasons: ['ExceedsNodeLimit', ...reasons], message: `not even the empty node could hold it: ${message}` };
}

function overdue(grounds: Grounds, claim: InstanceClaim): Grounds {
  return { reasons: grounds.reasons, message: `waited ${claim.spec.waitSeconds ?? 0} s: ${grounds.message}` };
}

/** Names and words refusals, in their order. */
export function groundsOf(refusals: readonly Refusal[]): Grounds {
  return { reasons: refusals.map(({ reason }) => reason), message: refusals.map(wordsOf).join('; ') };
}

function wordsOf(refusal: Refusal): string {
  switch (refusal.reason) {
    case 'InsufficientMemory':
      return `memory: ${figures(refusal, memoryWords)}`;
    case 'InsufficientDisk':
      return `disk: ${figures(refusal, diskWords)}`;
    case 'InsufficientVCPUs':
      return `vCPUs: ${figures(refusal, String)}`;
    case 'InsufficientPCIDevices':
      return `PCI devices: ${refusal.requests.map((r) => `${r.name}: requested ${r.count}, free ${r.free}`).join(', ')}`;
  }
}

type CountableRefusal = Exclude<Refusal, { reason: 'InsufficientPCIDevices' }>;

function figures(refusal: CountableRefusal, show: (amount: bigint) => string): string {
  const { requested, available, limit, used } = refusal;
  return `requested ${show(requested)}, available ${show(available)} (limit ${show(limit)}, used ${show(used)})`;
}
