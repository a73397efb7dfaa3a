import { expect, it } from 'vitest';
import type { TaskState, VmState } from '../../../src/drivers/driver.ts';
import { taskStateOf, vmStateOf } from '../../../src/drivers/libvirt/vm-state.ts';

const cases: readonly (readonly [string, number, number, VmState, TaskState?])[] = [
  ['no state yet', 0, 0, 'Building'],
  ['running', 1, 1, 'Active'],
  ['running while the rest of its memory is fetched from the source', 1, 10, 'Active', 'Migrating'],
  ['running after post-copy failed', 1, 11, 'Active'],
  ['blocked', 2, 0, 'Active'],
  ['blocked for a reason that is a task elsewhere', 2, 10, 'Active'],
  ['paused by its user', 3, 1, 'Paused'],
  ['paused for a migration, coming or going', 3, 2, 'Paused', 'Migrating'],
  ['paused while it is saved', 3, 3, 'Active', 'Suspending'],
  ['paused while it is dumped', 3, 4, 'Active', 'Dumping'],
  ['paused by an I/O error', 3, 5, 'Error'],
  ['paused by its watchdog', 3, 6, 'Paused'],
  ['paused while it is shut down', 3, 8, 'Paused', 'PoweringOff'],
  ['paused for a snapshot', 3, 9, 'Active', 'ImageSnapshot'],
  ['paused as it crashed', 3, 10, 'Error'],
  ['starting up', 3, 11, 'Building', 'Spawning'],
  ['paused as it runs on another host', 3, 12, 'Active', 'Migrating'],
  ['paused by a failed post-copy', 3, 13, 'Error'],
  ['shutting down', 4, 1, 'Stopped', 'PoweringOff'],
  ['shut off', 5, 1, 'Stopped'],
  ['destroyed', 5, 2, 'Stopped'],
  ['off as it crashed', 5, 3, 'Error'],
  ['off as it was migrated away', 5, 4, 'Stopped'],
  ['saved', 5, 5, 'Suspended'],
  ['failed to start', 5, 6, 'Error'],
  ['crashed', 6, 1, 'Error'],
  ['suspended by the guest', 7, 0, 'Suspended'],
  ['a state of a newer libvirt', 99, 0, 'Error'],
];

for (const [what, state, reason, vmState, taskState] of cases) {
  it(`${what} (state ${state}, reason ${reason}) is ${vmState}, its task ${taskState ?? 'none'}`, () => {
    expect(vmStateOf(state, reason, false)).toBe(vmState);
    expect(taskStateOf(state, reason)).toBe(taskState);
  });
}

it('off with a saved image is Suspended whatever the reason', () => {
  expect(vmStateOf(5, 0, true)).toBe('Suspended');
});
