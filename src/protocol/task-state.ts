/**
 * One field and two who write it: taskState is the executors' word, and while they say nothing it shows the task in which the hypervisor has
 * the instance. observedTaskState keeps what was written on the hypervisor's part, so that whoever acts for the node next, too, knows what
 * it may change: a taskState that differs from it is an executor's, and is left alone until the executor takes it back. Pure.
 */
import type { InstanceClaimStatus } from '../api/generated/v1alpha1.ts';
import type { TaskState } from '../drivers/driver.ts';

/** The status with the task that the hypervisor shows now; undefined: none. */
export function withSeenTask(status: InstanceClaimStatus, seen: TaskState | undefined): InstanceClaimStatus {
  const { taskState, observedTaskState, ...rest } = status;
  if (taskState !== undefined && taskState !== observedTaskState) return { ...rest, taskState };
  return seen === undefined ? rest : { ...rest, taskState: seen, observedTaskState: seen };
}
