/**
 * Orders in which undecided objects are looked at: by a number, and by namespaces that take turns, so that nobody's flood comes before
 * everybody else (ADR 0007).
 */
import type { ObjectRef } from './messages.ts';

/** Something that is decided once. */
interface Candidate {
  readonly ref: ObjectRef;
  readonly createdAtMs: number;
}

interface Item<E> {
  readonly key: number;
  readonly entry: E;
}

/** Entries by a number, smallest first, then by UID. Sorted when asked, as a list brings thousands at once; most come in at the end. */
export class Sorted<E extends Candidate> {
  readonly #items: Item<E>[] = [];
  readonly #keys = new Map<string, number>();
  #isSorted = true;

  get size(): number {
    return this.#items.length;
  }

  add(key: number, entry: E): void {
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

  *entries(upTo = Number.POSITIVE_INFINITY): Generator<E> {
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

/** For sorting: the oldest first, then by UID. */
export function byAge(one: Candidate, other: Candidate): number {
  return one.createdAtMs - other.createdAtMs || (one.ref.uid < other.ref.uid ? -1 : 1);
}

function compare(item: Item<Candidate>, key: number, uid: string): number {
  const other = item.entry.ref.uid;
  if (item.key !== key) return item.key < key ? -1 : 1;
  if (other === uid) return 0;
  return other < uid ? -1 : 1;
}

/** The oldest first within a namespace; the one whose turn is next comes first. */
export class Turns<E extends Candidate> {
  readonly #byNamespace = new Map<string, Sorted<E>>();

  put(entry: E): void {
    const { namespace } = entry.ref;
    const siblings = this.#byNamespace.get(namespace) ?? new Sorted<E>();
    siblings.add(entry.createdAtMs, entry);
    if (siblings.size === 1) this.#byNamespace.set(namespace, siblings);
  }

  delete({ ref: { uid, namespace } }: E): void {
    const siblings = this.#byNamespace.get(namespace);
    siblings?.delete(uid);
    if (siblings?.size === 0) this.#byNamespace.delete(namespace);
  }

  /**
   * At most so many of those that are ready: one of each namespace in turn, its oldest first, so that a namespace with thousands delays
   * the others by its share of one batch. Who was served is behind the others the next time.
   */
  take(count: number, isReady: (entry: E) => boolean): E[] {
    const taken: E[] = [];
    const sources = [...this.#byNamespace].map(([namespace, siblings]) => ({ namespace, left: siblings.entries() }));
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
      const siblings = this.#byNamespace.get(namespace);
      if (siblings === undefined) continue;
      this.#byNamespace.delete(namespace);
      this.#byNamespace.set(namespace, siblings);
    }
  }
}

function nextReady<E>(entries: Generator<E>, isReady: (entry: E) => boolean): E | undefined {
  for (;;) {
    const { value, done } = entries.next();
    if (done === true) return undefined;
    if (isReady(value)) return value;
  }
}
