/** Performs work at the API server: a few pieces at a time, at a bounded rate, and only while this process leads. */
import type { ComputeNode, InstanceClaim, Migration } from '../api/generated/v1alpha1.ts';
import type { Lease } from '../api/lease.ts';
import { type Clock, sleep } from '../kube/clock.ts';
import type { ResourceClient } from '../kube/resource.ts';
import { TokenBucket } from '../kube/token-bucket.ts';
import { answerOf } from '../process/answers.ts';
import type { Answer } from '../protocol/messages.ts';
import type { Work } from './work.ts';

export interface WriterParts {
  readonly nodes: Pick<ResourceClient<ComputeNode>, 'replaceStatus' | 'delete'>;
  readonly claims: Pick<ResourceClient<InstanceClaim>, 'replaceStatus' | 'delete'>;
  readonly migrations: Pick<ResourceClient<Migration>, 'replaceStatus'>;
  readonly leases: Pick<ResourceClient<Lease>, 'delete'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Asked right before each write. */
  readonly mayWrite: () => boolean;
  /** The Lease of a node that is removed may not be deleted: it stays, and does no harm. */
  readonly onLeaseKept: (name: string, message: string) => void;
}

export type WorkAnswer = Answer<ComputeNode | InstanceClaim | Migration>;

/** Under way at a time. */
const MAX_UNDER_WAY = 8;
/** When thousands of agents fall silent at once, they are written about at 50 a second. */
const BURST = 100;
const REFILL_MS = 20;

export class Writer {
  readonly #parts: WriterParts;
  readonly #budget: TokenBucket;
  #underWay = 0;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#budget = new TokenBucket(BURST, REFILL_MS, parts.clock.now());
  }

  /** How many pieces of work can be begun now. */
  get room(): number {
    return MAX_UNDER_WAY - this.#underWay;
  }

  /** Performs and answers. */
  async perform(work: Work): Promise<WorkAnswer> {
    this.#underWay += 1;
    try {
      return await this.#perform(work);
    } finally {
      this.#underWay -= 1;
    }
  }

  async #perform(work: Work): Promise<WorkAnswer> {
    const { clock, signal, mayWrite } = this.#parts;
    while (!this.#budget.tryTake(clock.now()) && !signal.aborted) await sleep(clock, REFILL_MS, signal);
    if (signal.aborted || !mayWrite()) return { kind: 'refused', message: 'another controller leads now' };
    return this.#request(work);
  }

  async #request(work: Work): Promise<WorkAnswer> {
    const { nodes, claims, migrations } = this.#parts;
    switch (work.kind) {
      case 'writeNode':
        return answerOf<ComputeNode>(nodes.replaceStatus(work.node));
      case 'writeClaim':
        return answerOf<InstanceClaim>(claims.replaceStatus(work.claim));
      case 'writeMigration':
        return answerOf<Migration>(migrations.replaceStatus(work.migration));
      case 'deleteClaim':
        return remove(claims, work.claim);
      case 'deleteNode': {
        const lease = work.lease === undefined ? undefined : await remove(this.#parts.leases, work.lease);
        // Its agent may have come back this very moment: then the Lease has changed, and all is looked at again.
        if (lease?.kind === 'conflict' || lease?.kind === 'unanswered') return lease;
        if (lease?.kind === 'refused') this.#parts.onLeaseKept(work.node.metadata.name, lease.message);
        return remove(nodes, work.node);
      }
    }
  }
}

/** Deletes exactly this state of the object. */
function remove<T extends { readonly metadata: ComputeNode['metadata'] }>(
  client: Pick<ResourceClient<T>, 'delete'>,
  object: T,
): Promise<Answer<T>> {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  const deleted = client.delete(name, { namespace, uid, resourceVersion });
  return answerOf(deleted.then((was) => (was ? object : undefined)));
}
