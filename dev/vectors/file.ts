import { readFileSync } from 'node:fs';
import { parseCases } from './case.ts';
import { countOf, report } from './report.ts';
import { judge } from './run.ts';

/** Runs a file of cases and prints what came out. The exit code: 1 where a difference is not explained. */
export async function runFile(file: string, print: (text: string) => void): Promise<number> {
  const cases = parseCases(readFileSync(file, 'utf8'));
  const all = new Map(cases.map((subject) => [subject.id, subject]));
  const judged = await Promise.all(cases.map(async (subject) => [subject, await judge(subject, all)] as const));
  print(report(judged));
  return countOf(judged, 'unexplained') > 0 ? 1 : 0;
}
