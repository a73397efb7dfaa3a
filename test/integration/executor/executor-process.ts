import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const repository = resolve(import.meta.dirname, '..', '..', '..');

export interface ExecutorOptions {
  readonly kubeconfig: string;
  /** The folder of kubectl. */
  readonly tools: string;
  /** `NODE=URI[,MIGRATEURI]` */
  readonly nodes: readonly string[];
}

/** examples/executor as a process of its own. */
export class ExecutorProcess {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  constructor({ kubeconfig, tools, nodes }: ExecutorOptions) {
    const preload = resolve(import.meta.dirname, '../agent/end-with-owner.ts');
    const cli = `${process.execPath} ${resolve(repository, 'src/cli/main.ts')}`;
    const flags = ['--interval-seconds=0.5', '--shutdown-seconds=0', `--report-with=${cli}`];
    const words = ['--import', preload, resolve(repository, 'examples/executor/main.ts'), ...flags, ...nodes];
    const PATH = `${tools}${delimiter}${process.env.PATH ?? ''}`;
    // A group of its own, so that it can be killed together with its virsh.
    const env = { PATH, KUBECONFIG: kubeconfig, HOME: '/nonexistent' };
    this.#child = spawn(process.execPath, words, { env, detached: true });
    this.#closed = once(this.#child, 'close');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface(stream).on('line', (line) => this.lines.push(line));
    }
  }

  /** SIGKILL, to whatever it has started, too. May be called twice. */
  async kill(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL');
    await this.#closed;
  }
}
