import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Supervisor } from '../control-plane/supervisor.ts';
import type { ControlPlane } from '../control-plane.ts';
import { DemoError } from './errors.ts';
import { repositoryDirectory } from './kubectl.ts';
import { type Machine, machines } from './nodes.ts';

const bundle = join(repositoryDirectory, 'dist', 'resource-tracker.mjs');

/** The group that examples/agent-rbac.yaml gives an agent's rights to. */
const group = 'resource-tracker:agents';

/** The demo's agents: the built bundle, one process for each machine, each with a user of its own. They end with this process. */
export class Agents implements AsyncDisposable {
  readonly #supervisor: Supervisor;
  readonly #fault = Promise.withResolvers<never>();
  #stopping = false;

  private constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
    this.#fault.promise.catch(() => undefined);
  }

  /** Rejects with a DemoError, and the end of its log, when an agent ends that should not. */
  get fault(): Promise<never> {
    return this.#fault.promise;
  }

  /** Where each agent's log is. */
  get directory(): string {
    return this.#supervisor.directory;
  }

  /** Starts all of them; says nothing about their being ready. */
  static async start(controlPlane: ControlPlane): Promise<Agents> {
    await access(bundle).catch((cause: unknown) => {
      throw new DemoError('dist/resource-tracker.mjs is missing: run make build', { cause });
    });
    const agents = new Agents(await Supervisor.launch(process.env));
    try {
      for (const machine of machines) await agents.#start(machine, controlPlane);
      return agents;
    } catch (error) {
      await agents[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The port of an agent's /metrics, from its log; undefined before it has said so. */
  async healthPort({ name }: Machine): Promise<number | undefined> {
    const lines = await readFile(join(this.directory, `${logName(name)}.log`), 'utf8');
    const port = /"healthPort":(\d+)/.exec(lines)?.[1];
    return port === undefined ? undefined : Number(port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.#supervisor.stop();
  }

  async #start(machine: Machine, controlPlane: ControlPlane): Promise<void> {
    const kubeconfig = join(this.directory, `${machine.name}.kubeconfig`);
    await writeFile(kubeconfig, controlPlane.createUser(`agent:${machine.name}`, [group]), { mode: 0o600 });
    const running = await this.#supervisor.start(logName(machine.name), process.execPath, [
      bundle,
      ...agentArguments(machine),
      ...['--kubeconfig', kubeconfig],
    ]);
    void running.exited.then((reason) => this.#ended(machine, reason));
  }

  async #ended({ name }: Machine, reason: string): Promise<void> {
    if (this.#stopping) return;
    const tail = await this.#supervisor.logTail(logName(name));
    this.#fault.reject(new DemoError(`the agent of ${name} ended (${reason}); its log ends:\n${tail}`));
  }
}

/** The command line of a machine's agent, as a user would write it but for the kubeconfig. */
function agentArguments({ name, hostFile }: Machine): string[] {
  const host = pathToFileURL(join(repositoryDirectory, 'examples', 'hosts', hostFile)).pathname;
  return [
    'agent',
    ...['--config', join(repositoryDirectory, 'examples', 'agent-config.yaml')],
    ...['--node-name', name],
    ...['--driver', 'libvirt', '--libvirt-uri', `test://${host}`],
    // Three of them on one machine: each takes a free port.
    ...['--listen-address', '127.0.0.1:0'],
  ];
}

const logName = (machine: string): string => `agent-${machine}`;
