/** A place for one agent of a node: its process of the moment, and its own way to the API server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FaultProxy } from '../../dev/fault-proxy.ts';
import type { Host } from './host.ts';

const REPOSITORY = resolve(import.meta.dirname, '..', '..');
/** As it is shipped: agents are started all the time, and from source that costs as much as a hundred claims. */
const MAIN = join(REPOSITORY, 'dist/resource-tracker.mjs');
const PRELOAD = join(REPOSITORY, 'test/integration/agent/end-with-owner.ts');
export const LEASE_SECONDS = 4;
export const OVERHEAD = '16Mi';

export class Slot {
  readonly name: string;
  readonly host: Host;
  readonly proxy: FaultProxy;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #starts = 0;

  private constructor(name: string, host: Host, proxy: FaultProxy, folder: string) {
    this.name = name;
    this.host = host;
    this.proxy = proxy;
    this.#folder = folder;
  }

  /** Throws where nothing was built yet. */
  static async open(name: string, host: Host, kubeconfigPath: string, folder: string): Promise<Slot> {
    if (!existsSync(MAIN)) throw new Error('dist/resource-tracker.mjs is missing: run make build');
    return new Slot(name, host, await FaultProxy.start(kubeconfigPath), folder);
  }

  get starts(): number {
    return this.#starts;
  }

  /** Of the agent that runs now. */
  get processId(): number | undefined {
    return this.#isAlive() ? this.#child?.pid : undefined;
  }

  /** Starts an agent; while there is one already, nothing. */
  start(): void {
    if (this.#isAlive()) return;
    this.#starts += 1;
    const log = openSync(join(this.#folder, `${this.name}.log`), 'a');
    const flags = [
      `--node-name=${this.host.nodeName}`,
      `--kubeconfig=${this.proxy.kubeconfigPath}`,
      '--listen-address=off',
      `--lease-duration-seconds=${LEASE_SECONDS}`,
      '--audit-seconds=5',
      '--reserved-memory=0',
      '--vcpu-allocation-ratio=1',
      '--memory-allocation-ratio=1',
      `--overhead={fixed: ${OVERHEAD}}`,
      '--pci-devices=[{vendorID: "10de"}]',
      '--log-level=warn',
      ...this.host.flags,
    ];
    const { PATH = '' } = process.env;
    this.#child = spawn(process.execPath, ['--import', PRELOAD, MAIN, 'agent', ...flags], {
      env: { PATH, HOME: '/nonexistent' },
      stdio: ['pipe', log, log],
    });
  }

  /** SIGKILL, or another signal that ends it; resolves when it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.#isAlive()) return;
    const exited = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await exited;
  }

  pause(): void {
    if (this.#isAlive()) this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    if (this.#isAlive()) this.#child?.kill('SIGCONT');
  }

  async close(): Promise<void> {
    await this.end();
    await this.proxy.stop();
  }

  #isAlive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }
}
