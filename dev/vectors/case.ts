import { isObject, type Json, type JsonObject } from './json.ts';

/** One of Nova's cases: told in words, with the figures that the real thing gave. */
export interface VectorCase {
  readonly id: string;
  readonly area: string;
  readonly given: string;
  readonly when: string;
  /** What came out, in words. Some cases name their inputs nowhere else. */
  readonly expect?: string;
  /** `numbers.in` and `numbers.out`. */
  readonly inputs: JsonObject;
  readonly outputs: JsonObject;
}

/** Reads a file's content. Throws an Error that names the entry that is not a case. */
export function parseCases(content: string): VectorCase[] {
  const entries: unknown = JSON.parse(content);
  if (!Array.isArray(entries)) throw new Error('the file must hold a list of cases');
  const cases = entries.map((entry: Json, index) => parseCase(entry, index));
  const ids = new Set(cases.map((entry) => entry.id));
  if (ids.size < cases.length) throw new Error('two cases have the same id');
  return cases;
}

function parseCase(entry: Json, index: number): VectorCase {
  if (!isObject(entry)) throw new Error(`entry ${index} is not an object`);
  const { id, area, given, when, expect, numbers } = entry;
  const texts = [id, area, given, when];
  if (!texts.every((text) => typeof text === 'string'))
    throw new Error(`entry ${index}: id, area, given and when must be texts`);
  const figures = isObject(numbers) ? numbers : {};
  return {
    id: `${id}`,
    area: `${area}`,
    given: `${given}`,
    when: `${when}`,
    ...(typeof expect === 'string' && { expect }),
    inputs: isObject(figures.in) ? figures.in : {},
    outputs: isObject(figures.out) ? figures.out : {},
  };
}
