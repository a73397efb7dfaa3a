/** Which claims the orphans of a node need. Pure. */

import { findCondition } from '../../api/conditions.ts';
import type { ComputeNode, InstanceClaim, Orphan } from '../../api/generated/v1alpha1.ts';
import { qualifiedName } from '../../api/object-meta.ts';
import { matchesGlob } from '../../ledger/glob.ts';
import { instanceIdOf } from '../../protocol/claim-facts.ts';
import { claimFor, labelOf } from './claim-for.ts';
import { baseName, freeName, isObjectName } from './claim-name.ts';
import type { RootDisk } from './root-disk.ts';

/** What somebody wants to adopt, and as what. */
export interface AdoptionRequest {
  readonly namespace: string;
  /** Of the instances' names. */
  readonly glob: string;
  readonly rootDisks: readonly RootDisk[];
  readonly labels: Readonly<Record<string, string>>;
}

/** An orphan that is left alone. */
export interface Skipped {
  readonly instance: string;
  readonly reason: string;
  /** It belongs to another namespace, so that nothing is missing in this one. */
  readonly isElsewhere: boolean;
}

export interface AdoptionPlan {
  /** To be created. */
  readonly claims: readonly InstanceClaim[];
  /** There already, for these very instances, and not decided yet. */
  readonly undecided: readonly InstanceClaim[];
  readonly skipped: readonly Skipped[];
  /** What people should know of claims to be created. */
  readonly remarks: readonly string[];
  /** Orphans that the node's status has no room to list: they come when others are adopted. */
  readonly unlisted: number;
}

/** Plans for every orphan in order, so that the same node and claims give the same names. `claims`: all of the namespace, and of the node. */
export function planAdoption(
  node: ComputeNode,
  claims: readonly InstanceClaim[],
  request: AdoptionRequest,
): AdoptionPlan {
  const orphans = (node.status?.orphans ?? []).filter(({ name = '' }) => matchesGlob(request.glob, name)).map(sound);
  const taken = new Set(
    claims.flatMap(({ metadata: { name, namespace } }) => (namespace === request.namespace ? [name] : [])),
  );
  const plan = {
    claims: [] as InstanceClaim[],
    undecided: [] as InstanceClaim[],
    skipped: [] as Skipped[],
    remarks: [] as string[],
  };
  for (const orphan of orphans) {
    const outcome = outcomeFor(orphan, node, claims, request, taken);
    if (outcome.kind === 'skip') plan.skipped.push(skippedOf(orphan, outcome));
    else if (outcome.kind === 'wait') plan.undecided.push(outcome.claim);
    else {
      taken.add(outcome.claim.metadata.name);
      plan.claims.push(outcome.claim);
      plan.remarks.push(...outcome.remarks);
    }
  }
  return { ...plan, unlisted: node.status?.omitted?.orphans ?? 0 };
}

/** A claim that no API server can have is none. */
function sound({ claim, ...orphan }: Orphan): Orphan {
  return claim !== undefined && isObjectName(claim.name) && isObjectName(claim.namespace)
    ? { ...orphan, claim }
    : orphan;
}

type Outcome =
  | { readonly kind: 'create'; readonly claim: InstanceClaim; readonly remarks: readonly string[] }
  | { readonly kind: 'wait'; readonly claim: InstanceClaim }
  | { readonly kind: 'skip'; readonly reason: string; readonly isElsewhere?: boolean };

function skippedOf(orphan: Orphan, { reason, isElsewhere = false }: Outcome & { kind: 'skip' }): Skipped {
  return { instance: labelOf(orphan), reason, isElsewhere };
}

function outcomeFor(
  orphan: Orphan,
  node: ComputeNode,
  claims: readonly InstanceClaim[],
  request: AdoptionRequest,
  taken: ReadonlySet<string>,
): Outcome {
  const own = claims.filter((claim) => isFor(claim, orphan));
  const live = own.find((claim) => !isFinal(claim));
  if (live !== undefined) return ofLive(live);
  const { namespace } = orphan.claim ?? request;
  if (namespace !== request.namespace) {
    const reason = `it names claim ${namespace}/${orphan.claim?.name} on the hypervisor: adopt it with -n ${namespace}`;
    return { kind: 'skip', reason, isElsewhere: true };
  }
  const name = nameFor(orphan, own, request, taken);
  if (name.kind === 'skip') return name;
  const made = claimFor(orphan, node, { ...request, name: name.name });
  return made.kind === 'impossible' ? skip(made.reason) : { ...made, kind: 'create' };
}

/** Whether a claim is for this instance: by what the instance names, or by its UUID. */
function isFor(claim: InstanceClaim, { uuid, claim: named }: Orphan): boolean {
  const { namespace, name } = claim.metadata;
  return instanceIdOf(claim) === uuid || (named?.namespace === namespace && named?.name === name);
}

function isFinal({ status }: InstanceClaim): boolean {
  return status?.phase === 'Rejected' || status?.phase === 'Expired';
}

function ofLive(claim: InstanceClaim): Outcome {
  const { phase = 'Pending', nodeName } = claim.status ?? {};
  if (phase === 'Pending' && claim.spec.adopt === true) return { kind: 'wait', claim };
  const where = nodeName === undefined ? '' : ` on node ${nodeName}`;
  return skip(`claim ${qualifiedName(claim.metadata)} is for it already (${phase}${where})`);
}

type Name = { readonly kind: 'name'; readonly name: string } | (Outcome & { readonly kind: 'skip' });

/** The name that the instance itself gives its claim, else one from its own. A refused claim of this name stands in the way. */
function nameFor(
  { uuid, name: instanceName = '', claim: named }: Orphan,
  own: readonly InstanceClaim[],
  { namespace }: AdoptionRequest,
  taken: ReadonlySet<string>,
): Name {
  const refused = new Map(
    own.flatMap((claim) => (claim.metadata.namespace === namespace ? [[claim.metadata.name, claim]] : [])),
  );
  const isTaken = (name: string): boolean => taken.has(name) && !refused.has(name);
  if (named !== undefined && isTaken(named.name))
    return skip(`it names claim ${namespace}/${named.name} on the hypervisor, and so does another instance`);
  const name = named?.name ?? freeName(baseName(instanceName), uuid, isTaken);
  const before = refused.get(name ?? '');
  if (before !== undefined)
    return skip(`claim ${qualifiedName(before.metadata)} was refused: ${refusalOf(before)}; delete it to try again`);
  return name === undefined ? skip('every name that could be made for its claim is taken') : { kind: 'name', name };
}

function refusalOf({ status }: InstanceClaim): string {
  const { reason, message } = findCondition(status?.conditions, 'Claimed') ?? {};
  return message || reason || (status?.phase ?? '');
}

function skip(reason: string): Outcome & { kind: 'skip' } {
  return { kind: 'skip', reason };
}
