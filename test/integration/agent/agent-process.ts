import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from './eventually.ts';

const repository = resolve(import.meta.dirname, '..', '..', '..');

/** One line of the agent's log. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Health {
  readonly status: number;
  readonly text: string;
}

/** `resource-tracker agent`, or another command that runs until it is told to stop, as a process of its own. */
export class AgentProcess {
  readonly log: LogLine[] = [];
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  #errors = '';

  readonly #command: string;

  /** Starts the command with these flags; nothing of this process's environment but PATH reaches it. */
  constructor(flags: readonly string[], env: Readonly<Record<string, string>> = {}, command = 'agent') {
    this.#command = command;
    const { PATH = '' } = process.env;
    const preload = join(import.meta.dirname, 'end-with-owner.ts');
    const words = ['--import', preload, join(repository, 'src/cli/main.ts'), command, ...flags];
    this.#child = spawn(process.execPath, words, { env: { PATH, HOME: '/nonexistent', ...env } });
    this.exited = this.#closed();
    const { stdout, stderr } = this.#child;
    if (stdout !== null) createInterface(stdout).on('line', (line) => this.log.push(JSON.parse(line)));
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
  }

  /** What it said on standard error. */
  get errors(): string {
    return this.#errors;
  }

  /** The log lines with this message. */
  said(message: string): readonly LogLine[] {
    return this.log.filter(({ msg }) => msg === message);
  }

  /** Waits for the log line; fails at once when the agent ends without it. */
  async untilSaid(message: string): Promise<LogLine> {
    const ended = this.exited.then(() => {
      const [line] = this.said(message);
      if (line === undefined) throw new Error(`the ${this.#command} has ended without "${message}": ${this.#story()}`);
      return line;
    });
    return Promise.race([this.#saying(message), ended]);
  }

  #saying(message: string): Promise<LogLine> {
    return eventually(async () => {
      const [line] = this.said(message);
      if (line === undefined) throw new Error(`the ${this.#command} has not said "${message}": ${this.#story()}`);
      return line;
    });
  }

  /** Waits until claims are decided. */
  async untilReady(): Promise<void> {
    await this.untilHealth('/readyz', 200);
  }

  /** Waits until an endpoint answers with this status; its text. */
  async untilHealth(path: string, status: number): Promise<string> {
    await this.untilSaid(`${this.#command} started`);
    return eventually(async () => {
      const health = await this.health(path);
      if (health.status === status) return health.text;
      throw new Error(`${path} is ${health.status}: ${health.text}${this.#story()}`);
    });
  }

  async health(path: string): Promise<Health> {
    const { healthPort } = await this.untilSaid(`${this.#command} started`);
    const answer = await fetch(`http://127.0.0.1:${String(healthPort)}${path}`);
    return { status: answer.status, text: await answer.text() };
  }

  /** SIGSTOP: it lives, and does nothing at all. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  /** SIGCONT. */
  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** SIGTERM; resolves when it is gone. */
  async terminate(): Promise<Exit> {
    this.#child.kill('SIGTERM');
    return this.exited;
  }

  async #closed(): Promise<Exit> {
    const [code, signal] = await once(this.#child, 'close');
    return { code, signal };
  }

  #story(): string {
    return [...this.log.slice(-10).map((line) => JSON.stringify(line)), this.#errors].join('\n');
  }
}
