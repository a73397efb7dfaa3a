/** Creates claims and waits for what the agent says to them. */

import { findCondition } from '../../api/conditions.ts';
import type { InstanceClaim } from '../../api/generated/v1alpha1.ts';
import { qualifiedName } from '../../api/object-meta.ts';
import { isKubeError, KubeError } from '../../kube/errors.ts';
import type { ResourceClient } from '../../kube/resource.ts';
import { instanceIdOf } from '../../protocol/claim-facts.ts';
import { endOf, wordsOf } from '../kube-error-words.ts';
import { watchUntil } from '../watch-until.ts';

/** What became of one claim. */
export interface Result {
  readonly claim: InstanceClaim;
  /** Refused: by the API server. Gone: deleted while it was waited for. Pending: the time was over first. */
  readonly outcome: 'Claimed' | 'Rejected' | 'Expired' | 'Refused' | 'Gone' | 'Pending';
  readonly reason: string;
}

/** What was created, or was there already, and what the API server refused. */
export interface Creation {
  readonly claims: readonly InstanceClaim[];
  readonly refused: readonly Result[];
}

/**
 * One after the other. A claim of that name for the same instance counts as created, so that a lost answer costs nothing. `advise` is asked
 * once, when the API server refuses one: what it says holds for all of them, and ends this with a CommandError. Throws a KubeError for what
 * more tries would not make better.
 */
export async function createAll(
  client: ResourceClient<InstanceClaim>,
  claims: readonly InstanceClaim[],
  advise: () => Promise<string | undefined>,
): Promise<Creation> {
  const created: InstanceClaim[] = [];
  const refused: Result[] = [];
  for (const claim of claims) {
    const made = await createOne(client, claim);
    if (!(made instanceof KubeError)) {
      created.push(made);
      continue;
    }
    const advice = refused.length === 0 ? await advise() : undefined;
    if (advice !== undefined) throw endOf(made, () => advice);
    refused.push({ claim, outcome: 'Refused', reason: wordsOf(made) });
  }
  return { claims: created, refused };
}

async function createOne(
  client: ResourceClient<InstanceClaim>,
  claim: InstanceClaim,
): Promise<InstanceClaim | KubeError> {
  try {
    return await client.create(claim);
  } catch (error) {
    if (!(error instanceof KubeError) || error.retryable || isKubeError(error, 'NotFound')) throw error;
    const present = isKubeError(error, 'AlreadyExists')
      ? await client.get(claim.metadata.name, claim.metadata.namespace)
      : undefined;
    return present !== undefined && instanceIdOf(present) === instanceIdOf(claim) ? present : error;
  }
}

/** Waits until all of them are decided, for so long at most; in their order. */
export async function awaitDecisions(
  client: ResourceClient<InstanceClaim>,
  { namespace, nodeName }: { readonly namespace: string; readonly nodeName: string },
  claims: readonly InstanceClaim[],
  timeoutMs: number,
): Promise<readonly Result[]> {
  let last: readonly Result[] = claims.map((claim) => ({ claim, outcome: 'Pending', reason: '' }));
  if (claims.length === 0) return [];
  await watchUntil({
    client,
    namespace,
    fieldSelector: `spec.nodeName=${nodeName}`,
    timeoutMs,
    look: (objects) => {
      last = claims.map((claim) => resultOf(claim, objects.get(claim.metadata.uid ?? '')));
      return last.every(({ outcome }) => outcome !== 'Pending') ? true : undefined;
    },
  });
  return last;
}

function resultOf(claim: InstanceClaim, now: InstanceClaim | undefined): Result {
  if (now === undefined)
    return { claim, outcome: 'Gone', reason: `claim ${qualifiedName(claim.metadata)} was deleted` };
  const { reason = '', message } = findCondition(now.status?.conditions, 'Claimed') ?? {};
  const words = message === undefined ? reason : `${reason}: ${message}`;
  return { claim: now, outcome: now.status?.phase ?? 'Pending', reason: now.status?.phase === 'Claimed' ? '' : words };
}
