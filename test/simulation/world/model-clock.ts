/** Time that passes only when it is told to. */
export class ModelClock {
  #nowMs = Date.UTC(2026, 0, 1);

  get nowMs(): number {
    return this.#nowMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }

  advanceTo(ms: number): void {
    this.#nowMs = Math.max(this.#nowMs, ms);
  }
}
