import { NotRunnable } from './json.ts';
import type { Size } from './units.ts';

const NUMBER_WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

/** `ten` or `10` as a number. */
export function countOf(word: string): number {
  const index = NUMBER_WORDS.indexOf(word.toLowerCase());
  const count = index >= 0 ? index : Number(word);
  if (!Number.isInteger(count)) throw new NotRunnable(`"${word}" is not a count`);
  return count;
}

/** The parts of a size that a text names: `3 MB`, `2 GB` or `1+2 GB` or `root 10 GB + ephemeral 5 GB`, `2 VCPU`. */
export function sizeIn(text: string): Partial<Size> {
  const memory = /(\d+) MB/.exec(text)?.[1];
  const vcpus = /(\d+) VCPU/.exec(text)?.[1];
  const disk = diskIn(text);
  return {
    ...(memory === undefined ? {} : { memoryMb: Number(memory) }),
    ...(disk === undefined ? {} : { diskGb: disk }),
    ...(vcpus === undefined ? {} : { vcpus: Number(vcpus) }),
  };
}

function diskIn(text: string): number | undefined {
  const parts = /root (\d+) GB \+ ephemeral (\d+) GB|(\d+)\+(\d+) GB|(\d+) GB/.exec(text);
  return parts?.slice(1).reduce((sum, part) => sum + Number(part ?? 0), 0);
}

/** `6/6/3` after the word limits, or `limit 6`, in Nova's keys. */
export function limitsIn(text: string): Record<string, number> | undefined {
  const three = /limits (\d+)\/(\d+)\/(\d+)/.exec(text);
  if (three !== null) return { memory_mb: Number(three[1]), disk_gb: Number(three[2]), vcpu: Number(three[3]) };
  const one = /limit (\d+)(?: MB)?/.exec(text)?.[1];
  return one === undefined ? undefined : { memory_mb: Number(one) };
}

/** One phrase that is understood, and what it does to a world. */
export type Phrase<World> = readonly [pattern: RegExp, act: (world: World, match: RegExpExecArray) => void];

/** Does what a text says, clause by clause. One that no phrase matches as a whole makes the case not runnable. */
export function perform<World>(world: World, text: string, phrases: readonly Phrase<World>[]): void {
  for (const clause of clausesOf(text)) {
    const found = phrases.some(([pattern, act]) => {
      const match = new RegExp(`^(?:${pattern.source})$`, 'i').exec(clause);
      if (match !== null) act(world, match);
      return match !== null;
    });
    if (!found) throw new NotRunnable(`not understood: "${clause}"`);
  }
}

function clausesOf(text: string): string[] {
  return text
    .split(/;|, then |, (?=audit\b)|, (?=driver overhead|reserved (?:0|memory|disk)|no instances|task )/)
    .map((clause) => clause.trim())
    .filter((clause) => clause !== '');
}
