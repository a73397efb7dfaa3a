/** Runs a file of Nova's cases against the ledger, and against what else they are about: `node dev/vectors/main.ts FILE`. Exit code 1 where a difference is not explained. */
import { existsSync } from 'node:fs';
import { runFile } from './file.ts';

const [, , file] = process.argv;
if (file === undefined) {
  console.error('usage: node dev/vectors/main.ts FILE');
  process.exitCode = 2;
} else if (!existsSync(file)) {
  console.error(`vectors: there is no file ${file}`);
  process.exitCode = 2;
} else process.exitCode = await runFile(file, console.log);
