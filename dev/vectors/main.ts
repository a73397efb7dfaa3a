/** Runs a file of Nova's cases against the ledger: `node dev/vectors/main.ts FILE`. Exit code 1 where a difference is not explained. */
import { readFileSync } from 'node:fs';
import { parseCases } from './case.ts';
import { countOf, report } from './report.ts';
import { judge } from './run.ts';

function main(file: string | undefined): number {
  if (file === undefined) {
    console.error('usage: node dev/vectors/main.ts FILE');
    return 2;
  }
  const cases = parseCases(readFileSync(file, 'utf8'));
  const all = new Map(cases.map((subject) => [subject.id, subject]));
  const judged = cases.map((subject) => [subject, judge(subject, all)] as const);
  console.log(report(judged));
  return countOf(judged, 'unexplained') > 0 ? 1 : 0;
}

process.exitCode = main(process.argv[2]);
