/** How long to wait before the next attempt to reach the hypervisor. */

export interface BackoffOptions {
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
}

/** Doublings after which the bound is reached for any sensible options; keeps 2 ** n finite. */
const MAX_DOUBLINGS = 30;

/**
 * Exponential with equal jitter: between half of it and all of `initial x 2^attempt`, never above `max`. `attempt` counts from 0;
 * `random` is in [0, 1). Jitter keeps a rack's agents from coming back in one instant.
 */
export function backoffDelayMs(options: BackoffOptions, attempt: number, random: number): number {
  const ceiling = Math.min(options.maxDelayMs, options.initialDelayMs * 2 ** Math.min(attempt, MAX_DOUBLINGS));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
