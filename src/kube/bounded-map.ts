/** A map that forgets what was not asked for the longest, so that it never grows beyond its size. */
export class BoundedMap<Key, Value> {
  readonly #maxSize: number;
  readonly #onForget: (value: Value) => void;
  readonly #entries = new Map<Key, Value>();

  constructor(maxSize: number, onForget: (value: Value) => void = () => {}) {
    this.#maxSize = maxSize;
    this.#onForget = onForget;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }

  set(key: Key, value: Value): void {
    this.forget(key);
    this.#entries.set(key, value);
    const [eldest] = this.#entries.keys();
    if (this.#entries.size > this.#maxSize && eldest !== undefined) this.forget(eldest);
  }

  forget(key: Key): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#onForget(value);
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.forget(key);
  }
}
