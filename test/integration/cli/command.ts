import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { expect } from 'vitest';
import { eventually } from '../agent/eventually.ts';

const main = resolve(import.meta.dirname, '..', '..', '..', 'src/cli/main.ts');
const timeoutMs = 50_000;

/** How a command ended, and what it said. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface Running {
  readonly ended: Promise<Ended>;
  /** Waits until it has said this on standard error. */
  readonly untilSaid: (words: string) => Promise<void>;
}

/** Starts `resource-tracker` with these words, at the API server that a kubeconfig names. Nothing of this process's environment but PATH reaches it. */
export function startCommand(kubeconfig: string, ...words: readonly string[]): Running {
  const { PATH = '' } = process.env;
  const env = { PATH, HOME: '/nonexistent', KUBECONFIG: kubeconfig };
  const { promise: ended, resolve: end } = Promise.withResolvers<Ended>();
  const child = execFile(process.execPath, [main, ...words], { env, timeout: timeoutMs }, (error, stdout, stderr) => {
    const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
    end({ code, stdout, stderr });
  });
  child.stdin?.end();
  let said = '';
  child.stderr?.on('data', (text: string) => {
    said += text;
  });
  const untilSaid = async (wanted: string): Promise<void> => {
    const silent = ended.then(({ stderr }) => expect(stderr).toContain(wanted));
    await Promise.race([silent, eventually(async () => expect(said).toContain(wanted))]);
  };
  return { ended, untilSaid };
}

/** The same, to its end. */
export function runCommand(kubeconfig: string, ...words: readonly string[]): Promise<Ended> {
  return startCommand(kubeconfig, ...words).ended;
}
