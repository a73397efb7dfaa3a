/**
 * Which agents live, judged by their Leases as they change before our eyes: other machines' clocks are never read, and time in
 * which we saw nothing counts for nobody. Pure; times are monotonic milliseconds.
 */
import type { Lease } from '../api/lease.ts';

/** Why an agent does not live. */
export type DeathReason = 'AgentSilent' | 'AgentStopped' | 'LeaseMissing';

/** What is known of an agent. `dueMs`: when time alone may change it. */
export type Heartbeat =
  | { readonly kind: 'alive'; readonly dueMs: number }
  /** Not known long enough to say: what was said before stands. */
  | { readonly kind: 'unknown'; readonly dueMs: number }
  | { readonly kind: 'dead'; readonly reason: DeathReason; readonly afterMs: number };

interface Seen {
  readonly lease: Lease;
  readonly changedAtMs: number;
  /** It has changed while we looked, and so somebody renews it; a Lease that was only listed may be years old. */
  readonly proven: boolean;
}

interface Lost {
  readonly atMs: number;
  readonly durationMs: number;
}

/** For Leases that do not say: as the agents'. */
const DEFAULT_DURATION_MS = 40_000;
/** The controller's own Lease changes more often: who hears nothing for so long does not hear. */
const BLIND_AFTER_MS = 20_000;

export class Heartbeats {
  readonly #seen = new Map<string, Seen>();
  readonly #lost = new Map<string, Lost>();
  /** Since when we have seen everything without a break; absent: we are blind. */
  #sightSinceMs: number | undefined;
  #lastContactMs = Number.NEGATIVE_INFINITY;

  /** The Lease of this name as it was last seen. */
  lease(name: string): Lease | undefined {
    return this.#seen.get(name)?.lease;
  }

  /** All Leases. What came between this list and the one before is unknown, so it proves nothing. */
  listed(leases: readonly Lease[], nowMs: number): void {
    const names = new Set(leases.map(({ metadata }) => metadata.name));
    for (const name of this.#seen.keys()) if (!names.has(name)) this.deleted(name, nowMs);
    for (const lease of leases) {
      const known = this.#seen.get(lease.metadata.name);
      if (known === undefined || isAnother(lease, known.lease)) this.#keep(lease, nowMs, false);
    }
    this.contact(nowMs);
  }

  seen(lease: Lease, nowMs: number): void {
    const known = this.#seen.get(lease.metadata.name);
    if (known === undefined || isAnother(lease, known.lease)) this.#keep(lease, nowMs, true);
    this.contact(nowMs);
  }

  deleted(name: string, nowMs: number): void {
    const known = this.#seen.get(name);
    this.#seen.delete(name);
    this.#lost.set(name, { atMs: nowMs, durationMs: durationOf(known?.lease) });
    this.contact(nowMs);
  }

  /** The API server tells what happens. After a long silence that is a new beginning: we were stopped, or cut off. */
  contact(nowMs: number): void {
    if (this.#sightSinceMs === undefined || this.#isBlind(nowMs)) this.#sightSinceMs = nowMs;
    this.#lastContactMs = nowMs;
  }

  /** From here to the next contact we may miss what happens: no agent is called silent for what we did not see. */
  blinded(): void {
    this.#sightSinceMs = undefined;
  }

  /** The agent whose Lease has this name; one that nobody knew before `knownSinceMs` is not missed before that. */
  judge(name: string, knownSinceMs: number, nowMs: number): Heartbeat {
    const sightSinceMs = this.#isBlind(nowMs) ? nowMs : (this.#sightSinceMs ?? nowMs);
    const seen = this.#seen.get(name);
    const durationMs = seen === undefined ? this.#lost.get(name)?.durationMs : durationOf(seen.lease);
    const afterMs = durationMs ?? DEFAULT_DURATION_MS;
    const changedAtMs = seen?.changedAtMs ?? Math.max(this.#lost.get(name)?.atMs ?? 0, knownSinceMs);
    const dueMs = Math.max(changedAtMs, sightSinceMs) + afterMs;
    if (nowMs >= dueMs) return { kind: 'dead', reason: reasonOf(seen), afterMs };
    // That it was given back, or is gone, is no sign of life; nor is that we could not look.
    const alive = seen?.proven === true && isHeld(seen.lease) && nowMs < changedAtMs + afterMs;
    return { kind: alive ? 'alive' : 'unknown', dueMs: alive ? changedAtMs + afterMs : dueMs };
  }

  #isBlind(nowMs: number): boolean {
    return this.#sightSinceMs === undefined || nowMs - this.#lastContactMs > BLIND_AFTER_MS;
  }

  /** Forgets about a Lease that is gone and nobody asks for any more. */
  forget(name: string): void {
    this.#lost.delete(name);
  }

  #keep(lease: Lease, nowMs: number, proven: boolean): void {
    this.#seen.set(lease.metadata.name, { lease, changedAtMs: nowMs, proven });
    this.#lost.delete(lease.metadata.name);
  }
}

function isAnother({ metadata }: Lease, known: Lease): boolean {
  return metadata.resourceVersion !== known.metadata.resourceVersion || metadata.uid !== known.metadata.uid;
}

function isHeld({ spec }: Lease): boolean {
  return (spec?.holderIdentity ?? '') !== '';
}

function durationOf(lease: Lease | undefined): number {
  const seconds = lease?.spec?.leaseDurationSeconds;
  return seconds === undefined ? DEFAULT_DURATION_MS : seconds * 1000;
}

function reasonOf(seen: Seen | undefined): DeathReason {
  if (seen === undefined) return 'LeaseMissing';
  return isHeld(seen.lease) ? 'AgentSilent' : 'AgentStopped';
}
