import { setTimeout as sleep } from 'node:timers/promises';

const intervalMs = 50;

/**
 * Asks again and again until `condition` says yes. Resolves to false when `timeoutMs` went by first or `signal` aborted. A
 * condition that rejects counts as a no: what is being waited for may refuse connections until it is there.
 */
export async function until(
  condition: () => Promise<boolean>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline && signal?.aborted !== true) {
    if (await condition().catch(() => false)) return true;
    await sleep(intervalMs);
  }
  return false;
}
