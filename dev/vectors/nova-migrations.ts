/** Nova's two filters, which guard against stale records in a database. Here the lock on the claim does; the cases need them. */

export interface NovaMigration {
  readonly instance: string;
  readonly fromHere: boolean;
  readonly toHere: boolean;
  readonly oldFlavor: number;
  readonly newFlavor: number;
  readonly status: string;
  /** Null was never updated, and is older than any time. */
  readonly updatedAt: number | null;
}

const CLOSED = new Set(['confirmed', 'reverted', 'error']);
const RESIZE_TASKS = new Set(['resize_prep', 'resize_migrating', 'resize_migrated', 'resize_finish']);

/** Nova: objects.Migration.get_in_progress_by_host_and_node */
export function isOpen({ status }: NovaMigration): boolean {
  return !CLOSED.has(status);
}

/** Nova: ResourceTracker._instance_in_resize_state */
export function isResizing(vmState: string | null, taskState: string | null): boolean {
  if (vmState === 'resized') return true;
  return (vmState === 'active' || vmState === 'stopped') && RESIZE_TASKS.has(taskState ?? '');
}

/** The newest migration of each instance, a later one of the list where they are equally old. */
export function newestByInstance(migrations: readonly NovaMigration[]): NovaMigration[] {
  const newest = new Map<string, NovaMigration>();
  for (const migration of migrations) {
    const other = newest.get(migration.instance);
    if (other === undefined || timeOf(migration) >= timeOf(other)) newest.set(migration.instance, migration);
  }
  return [...newest.values()];
}

function timeOf({ updatedAt }: NovaMigration): number {
  return updatedAt ?? Number.NEGATIVE_INFINITY;
}
