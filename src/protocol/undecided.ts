/** Claims that may have to be decided here, in the orders in which they are looked at. */
import type { Entry } from './claim-cache.ts';
import { Sorted, Turns } from './turns.ts';

/** Those that are to be decided at once, and those that wait. */
export class Undecided {
  readonly #prompt = new Turns<Entry>();
  readonly #waiting = new Sorted<Entry>();
  readonly #deadlines = new Sorted<Entry>();
  /** Those that wait and were not looked at since something about them has changed. */
  readonly #fresh = new Map<string, Entry>();

  /** Also in place of what was known of the same claim. `deadlineMs`: when its time to wait is over. */
  put(entry: Entry, deadlineMs: number | undefined): void {
    if (entry.claim.spec.whenInsufficient === 'Wait') this.#putWaiting(entry, deadlineMs);
    else this.#putPrompt(entry);
  }

  #putPrompt(entry: Entry): void {
    this.#deleteWaiting(entry);
    this.#prompt.put(entry);
  }

  #putWaiting(entry: Entry, deadlineMs: number | undefined): void {
    this.#prompt.delete(entry);
    this.#waiting.add(entry.createdAtMs, entry);
    if (deadlineMs === undefined) this.#deadlines.delete(entry.ref.uid);
    else this.#deadlines.add(deadlineMs, entry);
    this.#fresh.set(entry.ref.uid, entry);
  }

  delete(entry: Entry): void {
    this.#prompt.delete(entry);
    this.#deleteWaiting(entry);
  }

  #deleteWaiting({ ref: { uid } }: Entry): void {
    this.#waiting.delete(uid);
    this.#deadlines.delete(uid);
    this.#fresh.delete(uid);
  }

  /** At most so many of those that do not wait and can be decided: namespaces take turns. */
  takePrompt(count: number, isReady: (entry: Entry) => boolean): Entry[] {
    return this.#prompt.take(count, isReady);
  }

  /** Those that wait, the oldest first. */
  waiting(): Generator<Entry> {
    return this.#waiting.entries();
  }

  /** Those whose time to wait is over, longest first. */
  overdue(nowMs: number): Generator<Entry> {
    return this.#deadlines.entries(nowMs);
  }

  /** When the next time to wait is over. */
  nextDeadlineMs(nowMs: number): number | undefined {
    return this.#deadlines.keyAfter(nowMs);
  }

  /** Those that wait and have to be looked at anew, wherever they stand. */
  fresh(): Iterable<Entry> {
    return this.#fresh.values();
  }

  /** Something that one that waits depends on has changed. */
  refresh(entry: Entry): void {
    if (this.#waiting.has(entry.ref.uid)) this.#fresh.set(entry.ref.uid, entry);
  }

  looked(uid: string): void {
    this.#fresh.delete(uid);
  }
}
