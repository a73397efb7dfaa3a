/** How many claims are created in each second. */
export class Meter {
  readonly #startedAtMs = performance.now();
  readonly #bySecond: number[] = [];

  count(): void {
    const second = Math.floor((performance.now() - this.#startedAtMs) / 1000);
    this.#bySecond[second] = (this.#bySecond[second] ?? 0) + 1;
  }

  /** Since the beginning, with the seconds in which there was no API server, and without them. */
  rates(): Readonly<Record<string, number>> {
    const seconds = (performance.now() - this.#startedAtMs) / 1000;
    const counts = Array.from(this.#bySecond, (count = 0) => count);
    const created = counts.reduce((sum, count) => sum + count, 0);
    const sorted = counts.filter((count) => count > 0).toSorted((a, b) => a - b);
    return {
      'claims created': created,
      'created per second': Math.round(created / seconds),
      'in the median second with an API server': sorted[Math.floor(sorted.length / 2)] ?? 0,
      'in the best second': sorted.at(-1) ?? 0,
    };
  }
}
