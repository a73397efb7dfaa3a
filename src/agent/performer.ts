/** Performs the protocol's reads and writes at the API server. */

import type { ComputeNode, InstanceClaim, Migration } from '../api/generated/v1alpha1.ts';
import type { Lease } from '../api/lease.ts';
import { qualifiedName } from '../api/object-meta.ts';
import type { ResourceClient } from '../kube/resource.ts';
import { answerOf } from '../process/answers.ts';
import type { Pacer } from '../process/pacer.ts';
import type { Answer, Effect, Observation } from '../protocol/messages.ts';

/** The effects that are a request, each answered by an observation. */
export type RequestEffect = Exclude<
  Effect,
  { kind: 'listClaims' | 'decided' | 'noticed' | 'migrated' | 'log' | 'steppedDown' | 'fatal' }
>;

type MigrationEffect = Extract<RequestEffect, { kind: 'readMigration' | 'writeMigration' | 'ownMigration' }>;

export interface PerformerParts {
  readonly nodeName: string;
  readonly leaseNamespace: string;
  readonly nodes: Pick<ResourceClient<ComputeNode>, 'get' | 'create' | 'replaceStatus'>;
  readonly claims: Pick<ResourceClient<InstanceClaim>, 'get' | 'replaceStatus'>;
  readonly migrations: Pick<ResourceClient<Migration>, 'get' | 'replaceStatus' | 'patch'>;
  readonly leases: Pick<ResourceClient<Lease>, 'get'>;
  readonly pacer: Pacer;
}

export class Performer {
  readonly #parts: PerformerParts;

  constructor(parts: PerformerParts) {
    this.#parts = parts;
  }

  /** Asks and answers. What got no word, or a no, is answered after a pause that grows from try to try. */
  async perform(effect: RequestEffect): Promise<Observation> {
    const { nodes, claims, leases, nodeName, leaseNamespace } = this.#parts;
    switch (effect.kind) {
      case 'readNode':
        return { kind: 'nodeRead', answer: await this.#paced('readNode', nodes.get(nodeName)) };
      case 'createNode':
        return { kind: 'nodeCreated', answer: await this.#paced('createNode', nodes.create(effect.node)) };
      case 'writeNode':
        return { kind: 'nodeWritten', answer: await this.commit(effect.node) };
      case 'readClaim': {
        const { namespace, name, uid } = effect.ref;
        const answer = await this.#paced(`read ${uid}`, claims.get(name, namespace));
        return { kind: 'claimRead', ref: effect.ref, answer };
      }
      case 'writeClaim': {
        const answer = await this.#paced(`write ${effect.ref.uid}`, claims.replaceStatus(effect.claim));
        return { kind: 'claimWritten', ref: effect.ref, answer };
      }
      case 'lookUpClaim': {
        const { namespace, name } = effect.name;
        const answer = await this.#paced(`look up ${qualifiedName(effect.name)}`, claims.get(name, namespace));
        return { kind: 'claimLookedUp', name: effect.name, answer };
      }
      case 'readPeer': {
        const answer = await this.#paced(`peer ${effect.nodeName}`, leases.get(effect.nodeName, leaseNamespace));
        return { kind: 'peerRead', nodeName: effect.nodeName, answer };
      }
      default:
        return await this.#performOnMigration(effect);
    }
  }

  async #performOnMigration(effect: MigrationEffect): Promise<Observation> {
    const { migrations } = this.#parts;
    const { kind, ref } = effect;
    if (kind === 'readMigration') {
      const answer = await this.#paced(`read ${ref.uid}`, migrations.get(ref.name, ref.namespace));
      return { kind: 'migrationRead', ref, answer };
    }
    const call = kind === 'ownMigration' ? this.#own(effect.migration) : migrations.replaceStatus(effect.migration);
    return { kind: 'migrationWritten', ref, answer: await this.#paced(`write ${ref.uid}`, call) };
  }

  /** A patch, as what is remembered of the object is not all of it. */
  #own({ metadata }: Migration): Promise<Migration> {
    const { name, namespace, uid, resourceVersion, ownerReferences } = metadata;
    const patch = { metadata: { uid, resourceVersion, ownerReferences } };
    return this.#parts.migrations.patch(name, patch, { namespace, type: 'merge' });
  }

  /** Compare-and-swap of the ComputeNode's status. */
  commit(node: ComputeNode): Promise<Answer<ComputeNode>> {
    return this.#paced('writeNode', this.#parts.nodes.replaceStatus(node));
  }

  async #paced<T>(key: string, call: Promise<T | undefined>): Promise<Answer<T>> {
    const answer = await answerOf(call);
    if (answer.kind === 'unanswered' || answer.kind === 'refused') await this.#parts.pacer.failed(key);
    else this.#parts.pacer.succeeded(key);
    return answer;
  }
}
