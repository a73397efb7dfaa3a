/** Tells people what was decided and what became of a node: Events, log lines, metrics. */
import type { Logger } from 'pino';
import type { ComputeNode, Condition } from '../api/generated/v1alpha1.ts';
import { apiVersionOf, COMPUTE_NODES, INSTANCE_CLAIMS, type ResourceKind } from '../api/kinds.ts';
import type { EventToRecord } from '../kube/event-object.ts';
import type { KubeObject } from '../kube/resource.ts';
import type { Outcome } from '../protocol/messages.ts';
import type { AgentMetrics } from './metrics.ts';

export interface TidingsParts {
  readonly log: Logger;
  readonly metrics: AgentMetrics;
  readonly record: (event: EventToRecord) => void;
}

const LEVELS = { Claimed: 'info', Attempted: 'info', Rejected: 'info', Expired: 'warn' } as const;

export class Tidings {
  readonly #parts: TidingsParts;

  constructor(parts: TidingsParts) {
    this.#parts = parts;
  }

  decided(outcome: Outcome): void {
    const { log, metrics, record } = this.#parts;
    const { ref, phase, reasons, message, latencyMs } = outcome;
    metrics.decided(outcome);
    log[LEVELS[phase]](
      { namespace: ref.namespace, claim: ref.name, outcome: phase, reasons, latencyMs },
      'claim decided',
    );
    record({
      regarding: objectOf(INSTANCE_CLAIMS, ref),
      type: phase === 'Claimed' ? 'Normal' : 'Warning',
      reason: phase === 'Attempted' ? 'Rejected' : phase,
      action: 'Claim',
      note: reasons.length === 0 ? message : `${reasons.join(', ')}: ${message}`,
    });
  }

  /** A node's status was written: what turned in its conditions is news. */
  published(before: ComputeNode | undefined, after: ComputeNode): void {
    const known = before?.status?.conditions ?? [];
    for (const condition of after.status?.conditions ?? []) {
      const previous = known.find(({ type }) => type === condition.type);
      // At the beginning only what is wrong is news.
      const isNews = previous === undefined ? !isGood(condition) : previous.status !== condition.status;
      if (isNews) this.#turned(after, condition);
    }
  }

  #turned({ metadata }: ComputeNode, condition: Condition): void {
    const { log, record } = this.#parts;
    const good = isGood(condition);
    log[good ? 'info' : 'warn'](
      { condition: condition.type, status: condition.status, reason: condition.reason },
      condition.message,
    );
    record({
      regarding: objectOf(COMPUTE_NODES, metadata),
      type: good ? 'Normal' : 'Warning',
      reason: condition.reason,
      action: 'Audit',
      note: condition.message,
    });
  }
}

function isGood({ type, status }: Condition): boolean {
  return (status === 'True') !== (type === 'OrphansDetected');
}

function objectOf(kind: ResourceKind, metadata: KubeObject['metadata']): KubeObject {
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
}
