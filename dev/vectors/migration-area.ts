import type { VectorCase } from './case.ts';
import { isList, type Json, NotRunnable } from './json.ts';
import { isResizing, type NovaMigration, newestByInstance } from './nova-migrations.ts';
import { type Outcome, ran } from './outcome.ts';

/** Nova's filter by the instance's state: rows of vm_state, task_state, and whether it is in a resize. */
export function runResizeStates({ outputs }: VectorCase): Outcome | undefined {
  const { rows } = outputs;
  if (!isList(rows)) return undefined;
  return ran({ rows: rows.map(stateRow) });
}

function stateRow(row: Json): Json {
  const [vmState, taskState] = isList(row) ? row : [];
  if (typeof vmState !== 'string' || taskState === undefined) throw new NotRunnable('a row without states');
  return [vmState, taskState, isResizing(vmState, typeof taskState === 'string' ? taskState : null)];
}

/** Nova's filter by age: two records of one instance, the first for flavor 1 and the second for flavor 3. */
export function runDuplicates({ given, when, outputs }: VectorCase): Outcome {
  const text = `${given}; ${when}`;
  if (outputs.null_first !== undefined || outputs.null_last !== undefined) {
    return ran({ null_first: survivor([null, 1]), null_last: survivor([1, null]) });
  }
  if (/equal times/.test(text)) return ran({ flavor: survivor([1, 1]) });
  throw new NotRunnable('the times of the migrations are not understood');
}

function survivor(times: readonly (number | null)[]): number | null {
  const records = times.map(
    (updatedAt, index): NovaMigration => ({
      instance: 'i1',
      fromHere: false,
      toHere: true,
      oldFlavor: 1,
      newFlavor: 2 * index + 1,
      status: 'migrating',
      updatedAt,
    }),
  );
  return newestByInstance(records)[0]?.newFlavor ?? null;
}
