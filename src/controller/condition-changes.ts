import { type ConditionUpdate, findCondition, setCondition } from '../api/conditions.ts';
import type { Condition } from '../api/generated/v1alpha1.ts';

/** One condition that is not as it was. */
export interface Turn {
  /** Absent: it is new. */
  readonly before?: Condition;
  readonly after: Condition;
}

/** Conditions with changes of our own. What is another writer's stays as it is, and an update that says nothing new changes nothing. */
export class ConditionChanges {
  readonly turned: Turn[] = [];
  readonly #now: Date;
  #conditions: readonly Condition[];

  constructor(conditions: readonly Condition[] | undefined, now: Date) {
    this.#conditions = conditions ?? [];
    this.#now = now;
  }

  get conditions(): readonly Condition[] {
    return this.#conditions;
  }

  find(type: string): Condition | undefined {
    return findCondition(this.#conditions, type);
  }

  set(type: string, status: 'True' | 'False', reason: string, message: string): void {
    const before = this.find(type);
    if (before?.status === status && before.reason === reason && before.message === message) return;
    // The generation belongs to who wrote the condition first: ours say nothing about a spec.
    const generation = before?.observedGeneration;
    const update: ConditionUpdate = {
      type,
      status,
      reason,
      message,
      ...(generation !== undefined && { observedGeneration: generation }),
    };
    this.#conditions = setCondition(this.#conditions, update, this.#now);
    const after = this.find(type);
    if (after !== undefined) this.turned.push({ ...(before !== undefined && { before }), after });
  }
}
