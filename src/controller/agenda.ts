/** What has to be looked at: now, or when its time has come. Each key stands in it once. */
export class Agenda {
  readonly #now = new Set<string>();
  readonly #later = new Map<string, number>();
  readonly #underWay = new Set<string>();

  /** To be looked at as soon as may be. */
  add(key: string): void {
    this.#now.add(key);
  }

  /** To be looked at again at this time, unless that is sooner for another reason. */
  addAt(key: string, atMs: number): void {
    this.#later.set(key, atMs);
  }

  /** Work on it has begun: it is not handed out before `ended`. */
  begun(key: string): void {
    this.#underWay.add(key);
  }

  ended(key: string): void {
    this.#underWay.delete(key);
  }

  /** Nothing is left to be said about it. */
  drop(key: string): void {
    this.#now.delete(key);
    this.#later.delete(key);
  }

  /** What is due and not under way, taken off as it is handed out. */
  *take(nowMs: number): Generator<string> {
    for (const [key, atMs] of this.#later) {
      if (atMs > nowMs) continue;
      this.#later.delete(key);
      this.#now.add(key);
    }
    for (const key of this.#now) {
      if (this.#underWay.has(key)) continue;
      this.#now.delete(key);
      yield key;
    }
  }

  /** When the next one is due; infinity: when something happens. */
  get dueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const atMs of this.#later.values()) dueMs = Math.min(dueMs, atMs);
    return dueMs;
  }
}
