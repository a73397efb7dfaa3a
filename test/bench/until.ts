import { setTimeout as delay } from 'node:timers/promises';

const DEFAULT_TIMEOUT_MS = 60_000;
const POLL_MS = 5;

/** Resolves once the condition holds; rejects with what was waited for when it does not in time. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await delay(POLL_MS);
  }
}
