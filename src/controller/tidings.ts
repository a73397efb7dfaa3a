/** Tells people what the controller did: Events, log lines, metrics. */
import type { Logger } from 'pino';
import { apiVersionOf, COMPUTE_NODES, INSTANCE_CLAIMS, MIGRATIONS, type ResourceKind } from '../api/kinds.ts';
import type { ObjectMeta } from '../api/object-meta.ts';
import type { EventToRecord } from '../kube/event-object.ts';
import type { Turn } from './condition-changes.ts';
import type { ControllerMetrics } from './metrics.ts';
import { objectOf, type Work } from './work.ts';
import type { WorkAnswer } from './writer.ts';

export interface TidingsParts {
  readonly log: Logger;
  readonly metrics: ControllerMetrics;
  readonly record: (event: EventToRecord) => void;
}

/** True is bad news. */
const TROUBLES: ReadonlySet<string> = new Set(['NodeGone', 'NodeNotServed']);

export class Tidings {
  readonly #parts: TidingsParts;

  constructor(parts: TidingsParts) {
    this.#parts = parts;
  }

  settled(work: Work, answer: WorkAnswer): void {
    if (answer.kind === 'ok') this.#done(work);
    else this.#failed(work, answer);
  }

  #done(work: Work): void {
    switch (work.kind) {
      case 'writeNode':
        for (const turn of work.turned) this.#turned(COMPUTE_NODES, work.node.metadata, turn);
        break;
      case 'writeClaim':
        for (const turn of work.turned) this.#turned(INSTANCE_CLAIMS, work.claim.metadata, turn);
        break;
      case 'writeMigration':
        for (const turn of work.turned) this.#turned(MIGRATIONS, work.migration.metadata, turn);
        break;
      case 'deleteNode':
        this.#nodeCleaned(work);
        break;
      case 'deleteClaim':
        this.#claimCleaned(work);
        break;
    }
  }

  #turned(kind: ResourceKind, metadata: ObjectMeta, { before, after }: Turn): void {
    const { log, metrics, record } = this.#parts;
    const { type, status, reason, message } = after;
    metrics.conditionSet(kind.kind, type, status);
    const good = (status === 'True') !== TROUBLES.has(type);
    const { namespace, name } = metadata;
    log[good ? 'info' : 'warn']({ kind: kind.kind, namespace, name, condition: type, status, reason }, 'condition set');
    // Ready ends with one of the others, and that a new node is well is no news.
    if (type === 'Ready' || before?.status === status || (before === undefined && good)) return;
    record({
      regarding: regarding(kind, metadata),
      type: good ? 'Normal' : 'Warning',
      action: 'Supervise',
      reason,
      note: message,
    });
  }

  #nodeCleaned({ node }: Work & { kind: 'deleteNode' }): void {
    const { log, metrics, record } = this.#parts;
    const { name } = node.metadata;
    metrics.nodeCleaned();
    log.info({ name }, 'ComputeNode of a Node that is gone deleted');
    record({
      regarding: regarding(COMPUTE_NODES, node.metadata),
      type: 'Normal',
      action: 'CleanUp',
      reason: 'NodeGone',
      note: `Kubernetes has no Node ${name} any more, the spec is empty and no claim holds anything there: deleted`,
    });
  }

  /** No Event: nobody could describe a claim that is gone, and there may be thousands of them. */
  #claimCleaned({ claim }: Work & { kind: 'deleteClaim' }): void {
    const { log, metrics } = this.#parts;
    const { namespace, name } = claim.metadata;
    const phase = claim.status?.phase ?? 'Pending';
    metrics.claimCleaned(phase);
    log.info(
      { namespace, claim: name, phase, ttlSeconds: claim.spec.ttlSecondsAfterFinished },
      'finished claim deleted',
    );
  }

  #failed(work: Work, answer: Exclude<WorkAnswer, { kind: 'ok' }>): void {
    const { log, metrics } = this.#parts;
    metrics.writeFailed(work.kind, answer.kind);
    const { namespace, name } = objectOf(work).metadata;
    const fields = { operation: work.kind, namespace, name, outcome: answer.kind };
    if ('message' in answer) log.warn({ ...fields, error: answer.message }, 'a write failed; it is tried again');
    else log.debug(fields, 'the object has changed; it is looked at again');
  }
}

function regarding(kind: ResourceKind, metadata: ObjectMeta): EventToRecord['regarding'] {
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
}
