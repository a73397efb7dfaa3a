/** Options that several of the commands share. */
import { option, optional, whole } from '../../process/option.ts';
import { type Goal, goalOf } from './goal.ts';
import type { Wait } from './wait.ts';

export const WAIT_OPTIONS = {
  wait: optional<Goal>({
    flag: 'wait',
    placeholder: '[PHASE]',
    description: 'wait for a phase (--wait=Finished); without one, until it is done or somebody has to decide',
    read: goalOf,
  }),
  timeout: option<number>({
    flag: 'timeout',
    placeholder: 'SECONDS',
    description: 'how long to wait',
    read: whole(1, 7 * 86_400),
    fallback: '600',
  }),
} as const;

/** What the options say. */
export function waitOf({ wait, timeout }: { readonly wait?: Goal; readonly timeout: number }): Wait {
  return { goal: wait, timeoutMs: timeout * 1000 };
}
