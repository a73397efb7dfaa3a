import { describe, expect, it } from 'vitest';
import { Life, type LifeResult } from './life.ts';

/** SEED=n replays one life; SEEDS=n lives that many; SECONDS=n lives as many as there is time for. */
const REPLAYED = process.env.SEED || undefined;
const SECONDS = Number(process.env.SECONDS || 0);
const SEEDS = REPLAYED !== undefined ? 1 : SECONDS > 0 ? Number.MAX_SAFE_INTEGER : Number(process.env.SEEDS || 400);
const FIRST_SEED = Number(REPLAYED ?? 1);

class Figures {
  lives = 0;
  readonly sums = new Map<string, number>();
  readonly faults = new Map<string, number>();

  add({ faults, ...counts }: LifeResult): void {
    this.lives += 1;
    for (const [what, count] of Object.entries(counts)) this.sums.set(what, (this.sums.get(what) ?? 0) + count);
    for (const [what, count] of faults) this.faults.set(what, (this.faults.get(what) ?? 0) + count);
  }

  toString(): string {
    const words = (counts: ReadonlyMap<string, number>): string =>
      [...counts].map(([what, count]) => `${count} ${what}`).join(', ');
    return `${this.lives} lives: ${words(this.sums)}\nfaults: ${words(new Map([...this.faults].toSorted()))}`;
  }
}

describe('a cluster, whatever happens', () => {
  it('keeps every rule in random lives', { timeout: 60_000 + SECONDS * 2000 + Math.min(SEEDS, 1e6) * 300 }, () => {
    const figures = new Figures();
    const endsAtMs = SECONDS > 0 ? Date.now() + SECONDS * 1000 : Number.POSITIVE_INFINITY;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS && Date.now() < endsAtMs; seed += 1)
      figures.add(new Life(seed).run());
    console.info(String(figures));
    // Lives in which nothing happens would keep every rule, too.
    if (SEEDS > 1)
      for (const what of ['granted', 'refused', 'agents'])
        expect((figures.sums.get(what) ?? 0) / figures.lives, what).toBeGreaterThan(1);
  });
});
