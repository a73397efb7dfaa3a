/** The built bundle as a process of its own, as it runs in production. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { findFreePort } from '../../dev/control-plane/port.ts';
import type { Bench } from './bench.ts';
import { until } from './until.ts';

/** BUNDLE=path measures another build than that of `make build`. */
const BUNDLE = process.env.BUNDLE || resolve(import.meta.dirname, '..', '..', 'dist', 'resource-tracker.mjs');

export interface AgentOptions {
  readonly nodeName: string;
  readonly kubeconfig: string;
  readonly libvirtUri: string;
}

export class AgentProcess implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #port: number;
  readonly #logPath: string;

  private constructor(process: ChildProcess, port: number, logPath: string) {
    this.#process = process;
    this.#port = port;
    this.#logPath = logPath;
  }

  /** Starts an agent; it is not ready yet. */
  static async spawn(bench: Bench, { nodeName, kubeconfig, libvirtUri }: AgentOptions): Promise<AgentProcess> {
    const folder = await bench.folder();
    const port = await findFreePort();
    const logPath = join(folder, `${nodeName}.log`);
    const log = openSync(logPath, 'a');
    const flags = {
      'node-name': nodeName,
      kubeconfig,
      driver: 'libvirt',
      'libvirt-uri': libvirtUri,
      'instances-path': folder,
      'lease-namespace': 'bench',
      'listen-address': `127.0.0.1:${port}`,
    };
    const given = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
    const child = spawn(process.execPath, [BUNDLE, 'agent', ...given], { stdio: ['ignore', log, log] });
    return new AgentProcess(child, port, logPath);
  }

  /** Starts an agent and waits until it decides claims. */
  static async ready(bench: Bench, options: AgentOptions): Promise<AgentProcess> {
    const agent = await AgentProcess.spawn(bench, options);
    await agent.untilReady();
    return agent;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async untilReady(): Promise<void> {
    await until('the agent is ready', async () => {
      if (this.#process.exitCode !== null) throw new Error(`the agent ended:\n${readFileSync(this.#logPath, 'utf8')}`);
      return (await this.#get('/readyz'))?.status === 200;
    });
  }

  async metrics(): Promise<string> {
    return (await this.#get('/metrics'))?.text ?? '';
  }

  /** The agent stands still: what happens meanwhile it finds all at once. */
  pause(): void {
    this.#process.kill('SIGSTOP');
  }

  resume(): void {
    this.#process.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.resume();
    this.#process.kill('SIGTERM');
    await exited;
  }

  /** Undefined while nobody listens. */
  #get(path: string): Promise<{ status: number; text: string } | undefined> {
    return new Promise((settle) => {
      request({ host: '127.0.0.1', port: this.#port, path, agent: false }, (response) => {
        text(response).then(
          (body) => settle({ status: response.statusCode ?? 0, text: body }),
          () => settle(undefined),
        );
      })
        .once('error', () => settle(undefined))
        .end();
    });
  }
}
