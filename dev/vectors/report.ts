import type { VectorCase } from './case.ts';
import type { Difference } from './compare.ts';
import type { Verdict } from './run.ts';

export type Judged = readonly [subject: VectorCase, verdict: Verdict];

const HEADINGS = [
  ['asGiven', 'as given'],
  ['partly', 'as given, in part (some outputs belong to other rooms)'],
  ['explained', 'different on purpose, explained by a rule'],
  ['undecided', 'undecided: the figures depend on a size that the case does not tell'],
  ['unexplained', 'DIFFERENT WITHOUT AN EXPLANATION'],
  ['prose', 'told in prose, not run here'],
  ['outside', 'outside the ledger'],
] as const satisfies readonly (readonly [Verdict['kind'], string])[];

/** What a person reads: each case that is not simply as given, then the counts. */
export function report(judged: readonly Judged[]): string {
  const details = judged.flatMap(([subject, verdict]) =>
    detailsOf(verdict).map((line) => `${subject.id} [${subject.area}] ${line}`),
  );
  const counts = HEADINGS.map(([kind, heading]) => `${countOf(judged, kind)} ${heading}`.padStart(4));
  return [...details, '', ...ruleCounts(judged), '', `${judged.length} cases`, ...counts].join('\n');
}

export function countOf(judged: readonly Judged[], kind: Verdict['kind']): number {
  return judged.filter(([, verdict]) => verdict.kind === kind).length;
}

function detailsOf(verdict: Verdict): string[] {
  switch (verdict.kind) {
    case 'asGiven':
      return [];
    case 'partly':
      return [`as given; not checked: ${verdict.unchecked.join(', ')}`];
    case 'explained':
      return verdict.explanations.map(({ difference, rule }) => `${show(difference)} (${rule.section}: ${rule.why})`);
    case 'undecided':
      return verdict.differences.map((difference) => `undecided: ${show(difference)}`);
    case 'unexplained':
      return verdict.differences.map((difference) => `UNEXPLAINED: ${show(difference)}`);
    case 'prose':
    case 'outside':
      return [`${verdict.kind}: ${verdict.why}`];
    default:
      return verdict satisfies never;
  }
}

function show({ path, expected, actual }: Difference): string {
  return `${path}: expected ${JSON.stringify(expected)}, actual ${JSON.stringify(actual)}`;
}

function ruleCounts(judged: readonly Judged[]): string[] {
  const counts = new Map<string, number>();
  for (const [, verdict] of judged) {
    if (verdict.kind !== 'explained') continue;
    for (const name of new Set(verdict.explanations.map(({ rule }) => `${rule.section}: ${rule.why}`))) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return [...counts]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, count]) => `${count} by ${name}`);
}
