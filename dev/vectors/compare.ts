import { isList, isObject, type Json, type JsonObject } from './json.ts';

/** One figure that came out otherwise. */
export interface Difference {
  /** Keys down to it, joined by dots. */
  readonly path: string;
  readonly expected: Json | undefined;
  readonly actual: Json | undefined;
}

/** Lists whose order has no meaning: ours are sorted, Nova's are as first seen. */
const UNORDERED = new Set(['pools', 'claims', 'allocations', 'free']);

/** Differences in what was checked, and the keys of the outputs that were not. */
export function compareOutputs(
  expected: JsonObject,
  actual: JsonObject,
): { differences: Difference[]; unchecked: string[] } {
  const keys = Object.keys(expected);
  const unchecked = keys.filter((key) => actual[key] === undefined);
  const checked = keys.filter((key) => actual[key] !== undefined);
  return { differences: checked.flatMap((key) => differencesAt(key, expected[key], actual[key])), unchecked };
}

function differencesAt(path: string, expected: Json | undefined, actual: Json | undefined): Difference[] {
  if (isObject(expected) && isObject(actual)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    return [...keys].flatMap((key) => differencesAt(`${path}.${key}`, expected[key], actual[key]));
  }
  return canonical(path, expected) === canonical(path, actual) ? [] : [{ path, expected, actual }];
}

function canonical(path: string, value: Json | undefined): string {
  if (isList(value) && UNORDERED.has(path)) return JSON.stringify(value.map(text).toSorted());
  return text(value);
}

/** Keys in one order, so that equal values give equal texts. */
function text(value: Json | undefined): string {
  if (isList(value)) return `[${value.map(text).join()}]`;
  if (!isObject(value)) return JSON.stringify(value ?? null);
  const entries = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, part]) => `${JSON.stringify(key)}:${text(part)}`).join()}}`;
}
