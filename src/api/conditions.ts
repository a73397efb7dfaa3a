import type { Condition } from './generated/v1alpha1.ts';
import { shortened } from './shortened.ts';

/** The schema has room for so many. */
const MAX_CONDITIONS = 16;
/** Whatever a hypervisor says: thousands of objects have several of these. */
const MAX_MESSAGE = 1024;

/** A condition as its author knows it; when it last changed follows from the one before. */
export type ConditionUpdate = Omit<Condition, 'lastTransitionTime'>;

/** The condition of this type, if there is one. */
export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * The conditions with this one in place of an older one of its type, sorted by type. `lastTransitionTime` moves only when
 * status does, so an unchanged world gives identical conditions, however often this runs. Where there are too many, the one that changed
 * longest ago makes room.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  update: ConditionUpdate,
  now: Date,
): readonly Condition[] {
  const previous = findCondition(conditions, update.type);
  const lastTransitionTime = previous?.status === update.status ? previous.lastTransitionTime : formatTimestamp(now);
  const others = conditions?.filter(({ type }) => type !== update.type) ?? [];
  const message = shortened(update.message, MAX_MESSAGE);
  return [...newest(others, MAX_CONDITIONS - 1), { ...update, message, lastTransitionTime }].toSorted(byType);
}

function newest(conditions: readonly Condition[], most: number): readonly Condition[] {
  if (conditions.length <= most) return conditions;
  return conditions
    .toSorted((one, other) => (one.lastTransitionTime > other.lastTransitionTime ? -1 : 1))
    .slice(0, most);
}

/** RFC 3339 in whole seconds, as Kubernetes writes its own timestamps. */
export function formatTimestamp(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** By code units and not by locale: every process must sort alike. */
function byType(left: Condition, right: Condition): number {
  if (left.type === right.type) return 0;
  return left.type < right.type ? -1 : 1;
}
