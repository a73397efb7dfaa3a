import { type ChildProcess, fork } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasErrorCode } from '../error-code.ts';
import { ControlPlaneError } from './errors.ts';
import type { Command, Report } from './messages.ts';

const logTailLines = 20;

/** A server that was started. `exited` resolves, with the reason, when it ends for whatever cause; it never rejects. */
export type RunningServer = {
  readonly processId: number;
  readonly exited: Promise<string>;
};

type Tracked = RunningServer & { readonly resolveExited: (reason: string) => void };

/** The owner's end of the process that runs the servers. See `supervisor-process.ts` for why there is one. */
export class Supervisor {
  /** The fresh directory that the servers run in; it goes when they stop. */
  readonly directory: string;
  readonly #process: ChildProcess;
  readonly #running = new Map<string, Tracked>();
  readonly #starting = new Map<string, PromiseWithResolvers<RunningServer>>();
  readonly #gone: Promise<void>;

  private constructor(child: ChildProcess, directory: string) {
    this.#process = child;
    this.directory = directory;
    this.#gone = new Promise((resolve) => child.once('exit', () => resolve(this.#clearUp())));
    child.on('message', (report: Report) => this.#take(report));
  }

  /** Starts a supervisor, which takes `TMPDIR` and the servers' environment from `env`. It lives until {@link stop}, or until this process ends in any way. */
  static async launch(env: NodeJS.ProcessEnv): Promise<Supervisor> {
    const file = fileURLToPath(new URL('./supervisor-process.ts', import.meta.url));
    // Detached, so that the terminal's Ctrl-C reaches this process only. Without this one's own flags of Node, such as a loader's.
    const child = fork(file, [], { env, detached: true, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    child.once('message', (report: Report) => report.kind === 'ready' && resolve(report.directory));
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new ControlPlaneError('supervisor-gone', `the supervisor exited, code ${code}`)),
    );
    return new Supervisor(child, await promise);
  }

  /** Starts a server; resolves when its process exists, which says nothing about its being ready. */
  async start(server: string, file: string, serverArguments: readonly string[]): Promise<RunningServer> {
    const starting = Promise.withResolvers<RunningServer>();
    this.#starting.set(server, starting);
    this.#send({ kind: 'start', server, file, arguments: serverArguments });
    return await starting.promise;
  }

  /** Kills a server the hard way and resolves when its process is gone; at once when it does not run. */
  async kill(server: string): Promise<void> {
    const running = this.#running.get(server);
    if (running === undefined) return;
    this.#send({ kind: 'kill', server });
    await running.exited;
  }

  /** A server that runs now, or undefined. */
  running(server: string): RunningServer | undefined {
    return this.#running.get(server);
  }

  /** The process ids of the servers that run now. */
  processIds(): Partial<Record<string, number>> {
    return Object.fromEntries([...this.#running].map(([server, { processId }]) => [server, processId]));
  }

  /** The last lines that a server logged, over all of its starts. */
  async logTail(server: string): Promise<string> {
    try {
      const text = await readFile(join(this.directory, `${server}.log`), 'utf8');
      return text.trimEnd().split('\n').slice(-logTailLines).join('\n');
    } catch (error) {
      if (hasErrorCode(error, 'ENOENT')) return '(no log)';
      throw error;
    }
  }

  /** Ends all servers and removes the directory; resolves when nothing is left. May be called again. */
  async stop(): Promise<void> {
    if (this.#process.connected) this.#send({ kind: 'stop' });
    await this.#gone;
  }

  #send(command: Command): void {
    if (!this.#process.connected) throw new ControlPlaneError('supervisor-gone', 'the control plane is stopped');
    this.#process.send(command);
  }

  #take(report: Report): void {
    if (report.kind === 'started') this.#started(report.server, report.processId);
    else if (report.kind === 'exited') this.#exited(report.server, report.reason);
  }

  #started(server: string, processId: number): void {
    const { promise, resolve } = Promise.withResolvers<string>();
    const tracked = { processId, exited: promise, resolveExited: resolve };
    this.#running.set(server, tracked);
    this.#starting.get(server)?.resolve(tracked);
    this.#starting.delete(server);
  }

  #exited(server: string, reason: string): void {
    this.#starting.get(server)?.reject(new ControlPlaneError('server-exited', `${server} cannot start: ${reason}`));
    this.#starting.delete(server);
    this.#running.get(server)?.resolveExited(reason);
    this.#running.delete(server);
  }

  /** Nothing to do after an orderly end. If something killed the supervisor itself, this process clears up in its place. */
  async #clearUp(): Promise<void> {
    for (const server of [...this.#starting.keys(), ...this.#running.keys()]) {
      const processId = this.#running.get(server)?.processId;
      if (processId !== undefined) killIfAlive(processId);
      this.#exited(server, 'the supervisor is gone');
    }
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

function killIfAlive(processId: number): void {
  try {
    process.kill(processId, 'SIGKILL');
  } catch (error) {
    if (!hasErrorCode(error, 'ESRCH')) throw error;
  }
}
