/** So often in a row before it is taken for more than a moment. */
const PATIENCE = 3;

/**
 * Whether a monitor goes on failing: it has never been read, or has failed three times in a row; until it was read three times in a row. One
 * that comes and goes is not told at every turn, and what is said of it stays the same for as long as it fails.
 */
export class Health {
  #good = 0;
  #bad = 0;
  #wasRead = false;
  #complaint: string | undefined;

  /** Why it goes on failing, in the words of when that began; undefined: it does not. */
  get complaint(): string | undefined {
    return this.#complaint;
  }

  succeeded(): void {
    this.#bad = 0;
    this.#good += 1;
    this.#wasRead = true;
    if (this.#good >= PATIENCE) this.#complaint = undefined;
  }

  failed(message: string): void {
    this.#good = 0;
    this.#bad += 1;
    if (!this.#wasRead || this.#bad >= PATIENCE) this.#complaint ??= message;
  }
}
