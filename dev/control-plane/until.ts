import { setTimeout as sleep } from 'node:timers/promises';

const intervalMs = 50;

/**
 * Asks again and again until `condition` says yes. Resolves to false when `timeoutMs` went by first or `signal` aborted; the
 * condition is given a signal of both, so that no question outlives the wait. A condition that rejects counts as a no: what is
 * being waited for may refuse connections until it is there.
 */
export async function until(
  condition: (signal: AbortSignal) => Promise<boolean>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const ended = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  while (!ended.aborted) {
    if (await condition(ended).catch(() => false)) return true;
    await sleep(intervalMs);
  }
  return false;
}
