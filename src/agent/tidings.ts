/** Tells people what was decided and what became of a node: Events, log lines, metrics. */
import type { Logger } from 'pino';
import { findCondition } from '../api/conditions.ts';
import type { ComputeNode, Condition } from '../api/generated/v1alpha1.ts';
import { apiVersionOf, COMPUTE_NODES, INSTANCE_CLAIMS, MIGRATIONS, type ResourceKind } from '../api/kinds.ts';
import type { EventToRecord } from '../kube/event-object.ts';
import type { KubeObject } from '../kube/resource.ts';
import type { MigrationOutcome, Notice, Outcome } from '../protocol/messages.ts';
import type { AgentMetrics } from './metrics.ts';

export interface TidingsParts {
  readonly log: Logger;
  readonly metrics: AgentMetrics;
  readonly record: (event: EventToRecord) => void;
}

const LEVELS = { Claimed: 'info', Attempted: 'info', Rejected: 'info', Expired: 'warn' } as const;

const GOOD_NEWS: ReadonlySet<Notice['reason']> = new Set([
  'InstanceAppeared',
  'InstanceMoved',
  'InstanceMatchesClaim',
  'DevicesPresent',
]);

const UNTRACKED = 'TrackingDisabled';

export class Tidings {
  readonly #parts: TidingsParts;
  #wasReady = false;

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

  /** A migration has come to another phase. */
  migrated({ ref, phase, reasons, message }: MigrationOutcome): void {
    const { log, metrics, record } = this.#parts;
    const isBad = phase === 'Rejected' || phase === 'Failed';
    metrics.migrated(phase);
    log[isBad ? 'warn' : 'info'](
      { namespace: ref.namespace, migration: ref.name, phase, reasons },
      'migration went on',
    );
    record({
      regarding: objectOf(MIGRATIONS, ref),
      type: isBad ? 'Warning' : 'Normal',
      reason: phase,
      action: 'Migrate',
      note: reasons.length === 0 ? message : `${reasons.join(', ')}: ${message}`,
    });
  }

  noticed({ ref, reason, message }: Notice): void {
    const { log, metrics, record } = this.#parts;
    const good = GOOD_NEWS.has(reason);
    metrics.noticed(reason);
    log[good ? 'info' : 'warn']({ namespace: ref.namespace, claim: ref.name, reason }, message);
    record({
      regarding: objectOf(INSTANCE_CLAIMS, ref),
      type: good ? 'Normal' : 'Warning',
      reason,
      action: 'Observe',
      note: message,
    });
  }

  /**
   * A node's status was written: what turned in its conditions is news. Until it is ready for the first time nothing is, as every
   * start passes through not being ready; then that it is, and what is wrong nevertheless. A node that does not count what it grants is never
   * ready, and yet its start is over.
   */
  published(before: ComputeNode | undefined, after: ComputeNode): void {
    const conditions = after.status?.conditions ?? [];
    if (!this.#wasReady) {
      const ready = findCondition(conditions, 'Ready');
      const decides = ready?.status === 'True' || findCondition(conditions, 'TrackingEnabled')?.reason === UNTRACKED;
      if (ready === undefined || !decides) return;
      this.#wasReady = true;
      for (const condition of [ready, ...conditions.filter((other) => other !== ready && !isGood(other))])
        this.#turned(after, condition);
      return;
    }
    for (const condition of conditions) {
      const previous = findCondition(before?.status?.conditions, condition.type);
      if (previous?.status !== condition.status || tellsOfMore(condition, before, after))
        this.#turned(after, condition);
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

/** Another orphan is news, one less is not: until there is none at all. */
function tellsOfMore({ type, status }: Condition, before: ComputeNode | undefined, after: ComputeNode): boolean {
  if (type !== 'OrphansDetected' || status !== 'True') return false;
  const known = new Set(before?.status?.orphans?.map(({ uuid }) => uuid));
  return after.status?.orphans?.some(({ uuid }) => !known.has(uuid)) === true;
}

function isGood({ type, status }: Condition): boolean {
  return (status === 'True') !== (type === 'OrphansDetected');
}

function objectOf(kind: ResourceKind, metadata: KubeObject['metadata']): KubeObject {
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
}
