/** Two things that are measured in turn: each call gives one figure, in the same unit. */
export interface Pair {
  readonly measured: () => number | Promise<number>;
  readonly reference: () => number | Promise<number>;
}

/** Measures A B A B ..., after one round of both that does not count, and takes the medians: a busy moment of the machine hits both. */
export async function interleaved(rounds: number, { measured, reference }: Pair) {
  const figures = { measured: [] as number[], reference: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    const pair = { measured: await measured(), reference: await reference() };
    if (round === 0) continue;
    figures.measured.push(pair.measured);
    figures.reference.push(pair.reference);
  }
  return { measured: median(figures.measured), reference: median(figures.reference) };
}

/** The middle one. Of no figures it is NaN. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}

/** How long something takes, in milliseconds. */
export async function timed(work: () => unknown): Promise<number> {
  const startedAtMs = performance.now();
  await work();
  return performance.now() - startedAtMs;
}
