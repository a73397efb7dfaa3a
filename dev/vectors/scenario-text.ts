import type { VectorCase } from './case.ts';
import { NotRunnable } from './json.ts';

/**
 * All of a case's given and when, with `as RC-06` replaced by what that case says. Where the situation is added in brackets, only the other's
 * given is meant; else what it did has happened, too.
 */
export function scenarioText(subject: VectorCase, all: ReadonlyMap<string, VectorCase>): string {
  return `${resolveReference(subject, all, 0)}; ${subject.when}`;
}

function resolveReference({ given }: VectorCase, all: ReadonlyMap<string, VectorCase>, depth: number): string {
  const reference = /^as (?:after )?([A-Z]+-\d+)(?: \((.*)\)|,? (?:(?:with|but|without)\b)? ?(.*))?$/.exec(given);
  if (reference === null) return given;
  const [, id = '', situation, rest = ''] = reference;
  const other = all.get(id);
  if (other === undefined || depth > 3) throw new NotRunnable(`refers to ${id}, which is not in the file`);
  const base = resolveReference(other, all, depth + 1);
  if (situation !== undefined) return base;
  const addition = rest === 'the audit' ? '' : rest;
  return `${base}; ${other.when}; ${addition}`;
}
