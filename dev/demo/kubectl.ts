import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { DemoError } from './errors.ts';
import type { Printer } from './printer.ts';

const run = promisify(execFile);
const timeoutMs = 30_000;

/** Where the paths of the command lines that the demo prints begin. */
export const repositoryDirectory = resolve(import.meta.dirname, '..', '..');

/** What a command said. */
export type Said = { readonly code: number; readonly output: string };

/** Runs kubectl as a user would from the repository's root, and shows command line and output. */
export class Kubectl {
  readonly #env: NodeJS.ProcessEnv;
  readonly #printer: Printer;

  constructor(env: NodeJS.ProcessEnv, printer: Printer) {
    this.#env = env;
    this.#printer = printer;
  }

  /** Rejects with a DemoError when kubectl fails. */
  async run(...words: readonly string[]): Promise<void> {
    const { code, output } = await this.#shown(words);
    if (code !== 0) throw new DemoError(`kubectl ${words.join(' ')} failed (${code}): ${output}`);
  }

  /** The output of a kubectl that must fail. */
  async fail(...words: readonly string[]): Promise<string> {
    const { code, output } = await this.#shown(words);
    if (code === 0) throw new DemoError(`kubectl ${words.join(' ')} should have been refused`);
    return output;
  }

  async #shown(words: readonly string[]): Promise<Said> {
    this.#printer.command(['kubectl', ...words.map(quoted)].join(' '));
    return await this.#printer.whileRunning(async () => {
      const said = await this.#said(words);
      this.#printer.now(said.output);
      return said;
    });
  }

  async #said(words: readonly string[]): Promise<Said> {
    try {
      const { stdout, stderr } = await run('kubectl', words, {
        cwd: repositoryDirectory,
        env: this.#env,
        timeout: timeoutMs,
      });
      return { code: 0, output: `${stdout}${stderr}`.trimEnd() };
    } catch (error) {
      if (!isExit(error)) throw new DemoError(`kubectl ${words.join(' ')}: ${String(error)}`, { cause: error });
      return { code: error.code, output: `${error.stdout}${error.stderr}`.trimEnd() };
    }
  }
}

/** As a shell would need it. */
function quoted(word: string): string {
  return /^[\w./:=,@-]+$/.test(word) ? word : `'${word}'`;
}

function isExit(error: unknown): error is Error & { code: number; stdout: string; stderr: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'stderr' in error;
}
