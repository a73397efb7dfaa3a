import { expect, it } from 'vitest';
import type { VmState } from '../../../src/drivers/driver.ts';
import { vmStateOf } from '../../../src/drivers/libvirt/vm-state.ts';

const cases: readonly (readonly [string, number, number, VmState])[] = [
  ['no state yet', 0, 0, 'Building'],
  ['running', 1, 1, 'Active'],
  ['blocked', 2, 0, 'Active'],
  ['paused by its user', 3, 1, 'Paused'],
  ['paused for a migration', 3, 2, 'Active'],
  ['paused while it is saved', 3, 3, 'Active'],
  ['paused while it is dumped', 3, 4, 'Active'],
  ['paused by an I/O error', 3, 5, 'Error'],
  ['paused by its watchdog', 3, 6, 'Paused'],
  ['paused for a snapshot', 3, 9, 'Active'],
  ['paused as it crashed', 3, 10, 'Error'],
  ['starting up', 3, 11, 'Building'],
  ['paused as it runs on another host', 3, 12, 'Active'],
  ['paused by a failed post-copy', 3, 13, 'Error'],
  ['shutting down', 4, 1, 'Stopped'],
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

it.each(cases)('%s (state %i, reason %i) is %s', (_what, state, reason, expected) => {
  expect(vmStateOf(state, reason, false)).toBe(expected);
});

it('off with a saved image is Suspended whatever the reason', () => {
  expect(vmStateOf(5, 0, true)).toBe('Suspended');
});
