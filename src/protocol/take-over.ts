/**
 * Becoming the owner of a node: a fresh token by compare-and-swap, the barrier over everything that a former owner may still
 * be writing, and only then the consistent list (protocol.md, "One owner of a node").
 */

import type { ComputeNode, InstanceClaim, Migration } from '../api/generated/v1alpha1.ts';
import { qualifiedName } from '../api/object-meta.ts';
import { CLAIM_KIND, refOf } from './claim-facts.ts';
import type { Answer, Effect, NamespacedName, ObjectRef, Observation } from './messages.ts';
import { phaseOf } from './migration-facts.ts';
import { wentBack } from './resource-version.ts';
import type { TrackerSettings } from './settings.ts';

type Stage = 'reading' | 'writingToken' | 'listingForBarrier' | 'barrier' | 'listing' | 'done' | 'failed';

/** The steps of one take-over. Every failure leads back to a read: nothing is assumed about what a lost answer did. */
export class TakeOver {
  readonly token: string;
  readonly #settings: TrackerSettings;
  #stage: Stage = 'reading';
  #node: ComputeNode | undefined;
  /** No `deciding` to trust: the barrier covers every claim that concerns the node. */
  #fresh: boolean;
  /** Of the ComputeNode, when it was read last. */
  #readAt: string | undefined;
  readonly #fenced = new Map<string, ObjectRef>();
  /** Those of them that are Claimed. */
  readonly #granted = new Set<string>();
  /** Claims that a former owner may be about to lock for a migration: known by name only until they are looked up. */
  readonly #sought = new Set<string>();

  /** `restored`: the ComputeNode may be one of a backup, whose `deciding` does not name what was decided since. */
  constructor(token: string, settings: TrackerSettings, restored = false) {
    this.token = token;
    this.#settings = settings;
    this.#fresh = restored;
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** The ComputeNode with our token in it, once it was written. */
  get node(): ComputeNode | undefined {
    return this.#node;
  }

  begin(): Effect[] {
    this.#stage = 'reading';
    return [{ kind: 'readNode' }];
  }

  /** Takes one step. Observations that do not concern the take-over do nothing. */
  on(observation: Observation): Effect[] {
    switch (observation.kind) {
      case 'nodeRead':
        return this.#stage === 'reading' ? this.#nodeRead(observation.answer) : [];
      case 'nodeCreated':
        return this.#stage === 'reading' ? this.#nodeCreated(observation.answer) : [];
      case 'nodeWritten':
        return this.#stage === 'writingToken' ? this.#tokenWritten(observation.answer) : [];
      case 'claimsListed':
        return this.#listed(observation.claims, observation.migrations ?? []);
      case 'claimLookedUp':
        return this.#lookedUp(observation.name, observation.answer);
      case 'claimRead':
        return this.#claimRead(observation.ref, observation.answer);
      case 'claimWritten':
        return this.#claimFenced(observation.ref, observation.answer);
      default:
        return [];
    }
  }

  #nodeRead(answer: Answer<ComputeNode>): Effect[] {
    if (answer.kind === 'missing') return [{ kind: 'createNode', node: this.#emptyNode() }];
    if (answer.kind !== 'ok') return this.begin();
    const { object: node } = answer;
    const elsewhere = node.status?.agent?.leaseNamespace;
    if (elsewhere !== undefined && elsewhere !== this.#settings.leaseNamespace) return this.#refuse(elsewhere);
    // A token alone is no proof: whoever put it in may have died before its barrier was up. `deciding` comes with the first batch.
    this.#fresh ||= node.status?.agent?.deciding === undefined || this.#wentBack(node);
    this.#readAt = node.metadata.resourceVersion;
    this.#stage = 'writingToken';
    return [{ kind: 'writeNode', node: this.#withToken(node) }];
  }

  #wentBack({ metadata }: ComputeNode): boolean {
    return wentBack(this.#readAt, metadata.resourceVersion);
  }

  #nodeCreated(answer: Answer<ComputeNode>): Effect[] {
    this.#fresh = true;
    return answer.kind === 'ok' ? this.#nodeRead(answer) : this.begin();
  }

  #refuse(elsewhere: string): Effect[] {
    this.#stage = 'failed';
    const message =
      `ComputeNode ${this.#settings.nodeName} belongs to an installation whose Leases are in namespace "${elsewhere}", ` +
      `this agent's are in "${this.#settings.leaseNamespace}"; uninstall one of the two, or set leaseNamespace to "${elsewhere}"`;
    return [{ kind: 'fatal', message }];
  }

  #emptyNode(): ComputeNode {
    return {
      apiVersion: 'resourcetracker.dev/v1alpha1',
      kind: 'ComputeNode',
      metadata: { name: this.#settings.nodeName },
      spec: {},
    };
  }

  /**
   * `deciding` stays as the former owner left it: a take-over that dies here leaves the barrier's list to the next. Where it is not to be
   * trusted it goes, so that the next one does not trust it either.
   */
  #withToken(node: ComputeNode): ComputeNode {
    const { identity, leaseNamespace, version } = this.#settings;
    const { deciding, ...agent } = { ...node.status?.agent, identity, leaseNamespace, version, token: this.token };
    const trusted = this.#fresh || deciding === undefined ? agent : { ...agent, deciding };
    return { ...node, status: { ...node.status, agent: trusted } };
  }

  #tokenWritten(answer: Answer<ComputeNode>): Effect[] {
    // Restored between the last write of it and ours: read again, and by then it is known.
    if (answer.kind !== 'ok' || this.#wentBack(answer.object)) return this.begin();
    this.#node = answer.object;
    if (this.#fresh) {
      this.#stage = 'listingForBarrier';
      return [{ kind: 'listClaims' }];
    }
    const deciding = answer.object.status?.agent?.deciding ?? [];
    return this.#raiseBarrier(deciding);
  }

  #raiseBarrier(refs: readonly ObjectRef[]): Effect[] {
    this.#stage = 'barrier';
    for (const ref of refs) if (ref.kind === CLAIM_KIND) this.#fenced.set(ref.uid, ref);
    if (this.#isUp) return this.#list();
    return [...this.#fenced.values()].map((ref) => ({ kind: 'readClaim', ref }));
  }

  get #isUp(): boolean {
    return this.#fenced.size === 0 && this.#sought.size === 0;
  }

  #listed(claims: readonly InstanceClaim[], migrations: readonly Migration[]): Effect[] {
    if (this.#stage === 'listingForBarrier') {
      const lookUps = migrations.filter((migration) => this.#isToCome(migration)).flatMap((one) => this.#lookUp(one));
      return [...lookUps, ...this.#raiseBarrier(claims.map(refOf))];
    }
    if (this.#stage === 'listing') this.#stage = 'done';
    return [];
  }

  /** Its claim may be locked at any moment; once it has begun, the claim is in the list. */
  #isToCome(migration: Migration): boolean {
    return migration.spec.targetNodeName === this.#settings.nodeName && phaseOf(migration) === 'Pending';
  }

  #lookUp({ metadata, spec }: Migration): Effect[] {
    const name = { namespace: metadata.namespace ?? '', name: spec.claimName };
    if (this.#sought.has(qualifiedName(name))) return [];
    this.#sought.add(qualifiedName(name));
    return [{ kind: 'lookUpClaim', name }];
  }

  #lookedUp(name: NamespacedName, answer: Answer<InstanceClaim>): Effect[] {
    if (!this.#sought.has(qualifiedName(name))) return [];
    if (answer.kind !== 'ok' && answer.kind !== 'missing') return [{ kind: 'lookUpClaim', name }];
    this.#sought.delete(qualifiedName(name));
    if (answer.kind === 'missing') return this.#passed();
    const ref = refOf(answer.object);
    this.#fenced.set(ref.uid, ref);
    return this.#claimRead(ref, answer);
  }

  #claimRead(ref: ObjectRef, answer: Answer<InstanceClaim>): Effect[] {
    if (!this.#fenced.has(ref.uid)) return [];
    if (answer.kind === 'missing') return this.#passed(ref);
    if (answer.kind !== 'ok') return [{ kind: 'readClaim', ref }];
    const claim = answer.object;
    if (claim.metadata.uid !== ref.uid || claim.status?.token === this.token) return this.#passed(ref);
    // Bound elsewhere since: that moved its resourceVersion, as a token would. One that is claimed elsewhere could be locked for a migration.
    const isPending = (claim.status?.phase ?? 'Pending') === 'Pending';
    if (isPending && claim.spec.nodeName !== this.#settings.nodeName) return this.#passed(ref);
    if (claim.status?.phase === 'Claimed') this.#granted.add(ref.uid);
    return [{ kind: 'writeClaim', ref, claim: { ...claim, status: { ...claim.status, token: this.token } } }];
  }

  #claimFenced(ref: ObjectRef, answer: Answer<InstanceClaim>): Effect[] {
    if (!this.#fenced.has(ref.uid)) return [];
    const isFenced = answer.kind === 'ok' || answer.kind === 'missing';
    // Whoever fills an object up to the limit must not keep the node from having an agent: a grant or a refusal is larger than a token, and
    // cannot land either. What is granted has a token already, which is exchanged for another one of its size.
    const isFull = answer.kind === 'refused' && answer.isTooLarge === true && !this.#granted.has(ref.uid);
    return isFenced || isFull ? this.#passed(ref) : [{ kind: 'readClaim', ref }];
  }

  #passed(ref?: ObjectRef): Effect[] {
    if (ref !== undefined) this.#fenced.delete(ref.uid);
    return this.#isUp && this.#stage === 'barrier' ? this.#list() : [];
  }

  #list(): Effect[] {
    this.#stage = 'listing';
    return [{ kind: 'listClaims' }];
  }
}
