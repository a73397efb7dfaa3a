/** `make chaos`: SECONDS of faults in the order of SEED, a table, and exit code 1 when anything was wrong. */
import { runChaos } from './chaos.ts';
import { summaryOf } from './summary.ts';

const seconds = numberOf(process.env.SECONDS, 60);
const seed = numberOf(process.env.SEED, Math.floor(Math.random() * 1_000_000));
const report = (line: string): void => void process.stderr.write(`${line}\n`);

report(`seed ${seed}, ${seconds} s; the same order of faults again: make chaos SEED=${seed} SECONDS=${seconds}`);
const result = await runChaos({ seed, seconds, report });
process.stdout.write(`seed ${seed}\n${summaryOf(result)}\n`);
process.exit(result.violations.length === 0 ? 0 : 1);

function numberOf(text: string | undefined, otherwise: number): number {
  if (text === undefined || text === '') return otherwise;
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`"${text}" is not a whole number`);
  return number;
}
