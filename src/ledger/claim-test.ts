import type { Amounts } from './amounts.ts';
import type { HostFigures } from './limits.ts';
import type { ClaimLimits, ClaimRequest, LimitPolicy, Refusal } from './types.ts';

/** Against what a claim is tested. */
export interface Bounds {
  readonly policy: LimitPolicy;
  readonly limit: HostFigures;
  readonly used: Amounts;
}

type AmountReason = Exclude<Refusal['reason'], 'InsufficientPCIDevices'>;

/** In the order in which refusals are told. */
const RESOURCES = [
  ['InsufficientMemory', 'memoryBytes'],
  ['InsufficientDisk', 'diskBytes'],
  ['InsufficientVCPUs', 'vcpus'],
] as const satisfies readonly (readonly [AmountReason, keyof Amounts])[];

/**
 * Every resource of which more is requested than limit - used; an exact fit passes, and where that is negative even nothing is
 * too much. (Nova: Claim._claim_test)
 */
export function amountRefusals(request: ClaimRequest, { policy, limit, used }: Bounds): Refusal[] {
  const requested = requestedAmounts(request);
  const refusals: Refusal[] = [];
  for (const [reason, resource] of RESOURCES) {
    const bound = boundOf(policy, limit[resource], request.limits[resource]);
    if (bound === undefined || requested[resource] <= bound - used[resource]) continue;
    refusals.push(refusal(reason, requested[resource], bound, used[resource]));
  }
  return refusals;
}

/** What is held for a request: the flavor's amounts, with the overhead on top of its memory. */
export function requestedAmounts({
  amounts,
  overheadMemoryBytes,
}: Pick<ClaimRequest, 'amounts' | 'overheadMemoryBytes'>): Amounts {
  return { ...amounts, memoryBytes: amounts.memoryBytes + overheadMemoryBytes };
}

/** The smaller one under Capped. Under ClaimOnly the claim's own, and none means unlimited. (Nova) */
function boundOf(policy: LimitPolicy, node: bigint | undefined, own: ClaimLimits['vcpus']): bigint | undefined {
  if (policy === 'ClaimOnly' || node === undefined) return own;
  return own !== undefined && own < node ? own : node;
}

function refusal(reason: AmountReason, requested: bigint, limit: bigint, used: bigint): Refusal {
  return { reason, requested, available: limit - used, limit, used };
}
