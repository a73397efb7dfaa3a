import { vi } from 'vitest';

const TIMEOUT_MS = 40_000;
const INTERVAL_MS = 25;

/** Tries until it does not throw, for 40 seconds at most, as machines may be busy; then throws what the last try threw. */
export function eventually<T>(attempt: () => Promise<T>, timeoutMs = TIMEOUT_MS, intervalMs = INTERVAL_MS): Promise<T> {
  return vi.waitFor(attempt, { timeout: timeoutMs, interval: intervalMs });
}
