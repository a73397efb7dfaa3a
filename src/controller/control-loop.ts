/** Lets a World plan whenever something has happened or is due, and performs what it wants. */
import type { Clock } from '../kube/clock.ts';
import type { Now } from '../protocol/lease-keeper.ts';
import type { Tidings } from './tidings.ts';
import type { Work } from './work.ts';
import type { World } from './world.ts';
import type { Writer } from './writer.ts';

export interface ControlLoopParts {
  readonly world: World;
  readonly writer: Writer;
  readonly tidings: Tidings;
  readonly clock: Clock;
  readonly now: () => Now;
  /** Whether this process leads. */
  readonly leads: () => boolean;
  /** A programmer's error. */
  readonly onEnd: (error: unknown) => void;
}

/** What comes within this time is looked at together. */
const GATHER_MS = 50;
/** It is looked at least this often while something may become due. */
const MAX_WAIT_MS = 1_000;

export class ControlLoop {
  readonly #parts: ControlLoopParts;
  readonly #underWay = new Set<Promise<void>>();
  #cancelTimer: (() => void) | undefined;
  #turnAtMs = Number.POSITIVE_INFINITY;
  #stopping = false;

  constructor(parts: ControlLoopParts) {
    this.#parts = parts;
  }

  /** Something has happened: there is a turn soon. */
  wake(): void {
    this.#turnAt(this.#parts.clock.now() + GATHER_MS);
  }

  /** Begins nothing more, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancelTimer?.();
    await Promise.allSettled(this.#underWay);
  }

  #turnAt(atMs: number): void {
    if (this.#stopping || atMs >= this.#turnAtMs) return;
    const { clock } = this.#parts;
    this.#cancelTimer?.();
    this.#turnAtMs = atMs;
    this.#cancelTimer = clock.after(Math.max(atMs - clock.now(), 0), () => this.#turn());
  }

  #turn(): void {
    this.#turnAtMs = Number.POSITIVE_INFINITY;
    const { world, writer, leads, now, onEnd } = this.#parts;
    const at = now();
    try {
      for (const work of leads() ? world.plan(at, writer.room) : []) this.#track(this.#perform(work));
    } catch (error) {
      this.#stopping = true;
      onEnd(error);
      return;
    }
    if (leads()) this.#turnAt(Math.min(Math.max(world.dueMs, at.ms + GATHER_MS), at.ms + MAX_WAIT_MS));
  }

  async #perform(work: Work): Promise<void> {
    const { world, writer, tidings, now } = this.#parts;
    const answer = await writer.perform(work);
    tidings.settled(work, answer);
    world.settled(work, answer, now());
    this.wake();
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch((error: unknown) => this.#parts.onEnd(error));
    this.#underWay.add(tracked);
    void tracked.finally(() => this.#underWay.delete(tracked));
  }
}
