/** Claims that may have to be decided here, in the orders in which they are looked at. */
import type { Entry } from './claim-cache.ts';

interface Item {
  readonly key: number;
  readonly entry: Entry;
}

/** Entries by a number, smallest first, then by UID. Sorted when asked, as a list brings thousands at once; most come in at the end. */
class Sorted {
  readonly #items: Item[] = [];
  readonly #keys = new Map<string, number>();
  #isSorted = true;

  get size(): number {
    return this.#items.length;
  }

  add(key: number, entry: Entry): void {
    if (this.#keys.get(entry.ref.uid) === key) return;
    this.delete(entry.ref.uid);
    const item = { key, entry };
    const last = this.#items.at(-1);
    this.#isSorted &&= last === undefined || compare(last, key, entry.ref.uid) < 0;
    this.#items.push(item);
    this.#keys.set(entry.ref.uid, key);
  }

  delete(uid: string): void {
    const key = this.#keys.get(uid);
    if (key === undefined) return;
    this.#sort();
    this.#items.splice(this.#indexOf(key, uid), 1);
    this.#keys.delete(uid);
  }

  has(uid: string): boolean {
    return this.#keys.has(uid);
  }

  *entries(upTo = Number.POSITIVE_INFINITY): Generator<Entry> {
    this.#sort();
    for (const { key, entry } of this.#items) {
      if (key > upTo) return;
      yield entry;
    }
  }

  /** The smallest key that is larger. */
  keyAfter(key: number): number | undefined {
    this.#sort();
    // No UID sorts behind this one.
    return this.#items[this.#indexOf(key, '\uffff')]?.key;
  }

  #sort(): void {
    if (!this.#isSorted) this.#items.sort((one, other) => compare(one, other.key, other.entry.ref.uid));
    this.#isSorted = true;
  }

  /** Where it is, or would be. */
  #indexOf(key: number, uid: string): number {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const item = this.#items[middle];
      if (item !== undefined && compare(item, key, uid) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function compare(item: Item, key: number, uid: string): number {
  const other = item.entry.ref.uid;
  if (item.key !== key) return item.key < key ? -1 : 1;
  if (other === uid) return 0;
  return other < uid ? -1 : 1;
}

/** Those that are to be decided at once, and those that wait. */
export class Undecided {
  /** By namespace; the one whose turn is next comes first. */
  readonly #prompt = new Map<string, Sorted>();
  readonly #waiting = new Sorted();
  readonly #deadlines = new Sorted();
  /** Those that wait and were not looked at since something about them has changed. */
  readonly #fresh = new Map<string, Entry>();

  /** Also in place of what was known of the same claim. `deadlineMs`: when its time to wait is over. */
  put(entry: Entry, deadlineMs: number | undefined): void {
    if (entry.claim.spec.whenInsufficient === 'Wait') this.#putWaiting(entry, deadlineMs);
    else this.#putPrompt(entry);
  }

  #putPrompt(entry: Entry): void {
    this.#deleteWaiting(entry);
    const { namespace } = entry.ref;
    const siblings = this.#prompt.get(namespace) ?? new Sorted();
    siblings.add(entry.createdAtMs, entry);
    if (siblings.size === 1) this.#prompt.set(namespace, siblings);
  }

  #putWaiting(entry: Entry, deadlineMs: number | undefined): void {
    this.#deletePrompt(entry);
    this.#waiting.add(entry.createdAtMs, entry);
    if (deadlineMs === undefined) this.#deadlines.delete(entry.ref.uid);
    else this.#deadlines.add(deadlineMs, entry);
    this.#fresh.set(entry.ref.uid, entry);
  }

  delete(entry: Entry): void {
    this.#deletePrompt(entry);
    this.#deleteWaiting(entry);
  }

  #deletePrompt({ ref: { uid, namespace } }: Entry): void {
    const siblings = this.#prompt.get(namespace);
    siblings?.delete(uid);
    if (siblings?.size === 0) this.#prompt.delete(namespace);
  }

  #deleteWaiting({ ref: { uid } }: Entry): void {
    this.#waiting.delete(uid);
    this.#deadlines.delete(uid);
    this.#fresh.delete(uid);
  }

  /**
   * At most so many of those that do not wait and can be decided: one of each namespace in turn, its oldest first, so that a
   * namespace with thousands delays the others by its share of one batch. Who was served is behind the others the next time.
   */
  takePrompt(count: number, isReady: (entry: Entry) => boolean): Entry[] {
    const taken: Entry[] = [];
    const sources = [...this.#prompt].map(([namespace, siblings]) => ({ namespace, left: siblings.entries() }));
    const served: string[] = [];
    for (let round = sources; round.length > 0 && taken.length < count; ) {
      const going: typeof sources = [];
      for (const source of round) {
        if (taken.length >= count) break;
        const entry = nextReady(source.left, isReady);
        if (entry === undefined) continue;
        taken.push(entry);
        going.push(source);
        if (round === sources) served.push(source.namespace);
      }
      round = going;
    }
    this.#toTheEnd(served);
    return taken;
  }

  #toTheEnd(namespaces: readonly string[]): void {
    for (const namespace of namespaces) {
      const siblings = this.#prompt.get(namespace);
      if (siblings === undefined) continue;
      this.#prompt.delete(namespace);
      this.#prompt.set(namespace, siblings);
    }
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

function nextReady(entries: Generator<Entry>, isReady: (entry: Entry) => boolean): Entry | undefined {
  for (;;) {
    const { value, done } = entries.next();
    if (done === true) return undefined;
    if (isReady(value)) return value;
  }
}
