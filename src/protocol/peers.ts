/**
 * Whether other nodes' agents live. As for one's own Lease, nobody else's clock is read: an agent lives when its Lease was renewed before our
 * eyes; it is dead when its Lease is not there, or did not change in as many looks as fit into its own duration.
 */
import type { Lease } from '../api/lease.ts';
import type { Answer, Effect } from './messages.ts';

export type Pulse = 'Alive' | 'Dead' | 'Unknown';

/** Between looks at the Lease of one peer; several times in a usual one's duration. */
const LOOK_MS = 5_000;
/** What was seen longer ago proves nothing. */
const STALE_MS = 3 * LOOK_MS;
const DEFAULT_DURATION_SECONDS = 40;
/** A Lease that says it lasts longer is not believed. */
const MAX_DURATION_SECONDS = 600;

interface Peer {
  pulse: Pulse;
  version: string | undefined;
  /** Looks that found the same version as the one before. */
  unchanged: number;
  isReading: boolean;
  lookedAtMs: number;
  askedAtMs: number;
}

export class Peers {
  readonly #peers = new Map<string, Peer>();

  /** What is known now. Asking is what keeps it up to date: `looks` has the reads that are due for those that were asked about. */
  pulseOf(nodeName: string, nowMs: number): Pulse {
    const known = this.#peers.get(nodeName);
    const peer = known === undefined || isStale(known, nowMs) ? newPeer(known?.isReading === true) : known;
    peer.askedAtMs = nowMs;
    this.#peers.set(nodeName, peer);
    return peer.pulse;
  }

  /** Reads that are due of those that were asked about at this moment. */
  looks(nowMs: number): readonly Effect[] {
    const effects: Effect[] = [];
    for (const [nodeName, peer] of this.#peers) {
      if (isStale(peer, nowMs) && peer.askedAtMs !== nowMs) this.#peers.delete(nodeName);
      if (peer.askedAtMs !== nowMs || peer.isReading || nowMs < peer.lookedAtMs + LOOK_MS) continue;
      peer.isReading = true;
      effects.push({ kind: 'readPeer', nodeName });
    }
    return effects;
  }

  /** When the next look at one that was asked about at this moment is due; undefined: none is, or it is under way. */
  dueMs(nowMs: number): number | undefined {
    const waiting = [...this.#peers.values()].filter(({ isReading, askedAtMs }) => !isReading && askedAtMs === nowMs);
    return waiting.length === 0 ? undefined : Math.min(...waiting.map(({ lookedAtMs }) => lookedAtMs + LOOK_MS));
  }

  read(nodeName: string, answer: Answer<Lease>, nowMs: number): void {
    const peer = this.#peers.get(nodeName);
    if (peer === undefined) return;
    peer.isReading = false;
    peer.lookedAtMs = nowMs;
    if (answer.kind === 'missing') Object.assign(peer, { pulse: 'Dead', version: undefined, unchanged: 0 });
    else if (answer.kind === 'ok') see(peer, answer.object);
  }
}

function newPeer(isReading: boolean): Peer {
  const never = Number.NEGATIVE_INFINITY;
  return { pulse: 'Unknown', version: undefined, unchanged: 0, isReading, lookedAtMs: never, askedAtMs: never };
}

/** A clock that was set back tells nothing of how long ago it was either. */
function isStale({ isReading, lookedAtMs }: Peer, nowMs: number): boolean {
  return !isReading && (nowMs - lookedAtMs > STALE_MS || nowMs < lookedAtMs);
}

function see(peer: Peer, { metadata, spec }: Lease): void {
  if (metadata.resourceVersion === peer.version) {
    peer.unchanged += 1;
    const seconds = Math.min(spec?.leaseDurationSeconds ?? DEFAULT_DURATION_SECONDS, MAX_DURATION_SECONDS);
    if (peer.unchanged * LOOK_MS >= seconds * 1000) peer.pulse = 'Dead';
    return;
  }
  const isChange = peer.version !== undefined || peer.pulse === 'Dead';
  peer.version = metadata.resourceVersion;
  peer.unchanged = 0;
  peer.pulse = isChange ? 'Alive' : 'Unknown';
}
