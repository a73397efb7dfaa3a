import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CertificateAuthority, type Credentials } from './certificates.ts';
import { ControlPlaneError } from './errors.ts';
import { pathsIn, writeKeys, writePrivate } from './files.ts';
import { kubeconfigText } from './kubeconfig.ts';
import type { ServerName } from './messages.ts';
import { loopback } from './port.ts';
import { type Answer, type Call, callApiServer, getOverSocket } from './request.ts';
import { apiServerArguments, controllerManagerArguments, etcdArguments, type Paths } from './server-arguments.ts';
import type { RunningServer, Supervisor } from './supervisor.ts';
import { until } from './until.ts';

const portAttempts = 5;
const portRetryMs = 200;

/** How the servers of one control plane are run. */
export type ServerSettings = {
  readonly binDirectory: string;
  readonly controllerManager: boolean;
  readonly unsafeNoFsync: boolean;
  readonly extraArguments: Partial<Record<ServerName, readonly string[]>>;
  readonly readyTimeoutMs: number;
  /** Asked for a port that is probably free, and asked again when it turns out taken. */
  readonly findPort: () => Promise<number>;
};

/** Starts the servers of one control plane in order, each when those that it needs are ready, and again after a kill. */
export class Servers {
  readonly paths: Paths;
  readonly authority = new CertificateAuthority('resource-tracker-ca');
  readonly #admin: Credentials = this.authority.issueClient('admin', ['system:masters']);
  readonly #supervisor: Supervisor;
  readonly #settings: ServerSettings;
  #port = 0;

  constructor(supervisor: Supervisor, settings: ServerSettings) {
    this.#supervisor = supervisor;
    this.#settings = settings;
    this.paths = pathsIn(supervisor.directory);
  }

  /** Where the API server listens; meaningful once {@link startAll} has resolved. */
  get url(): string {
    return `https://${loopback}:${this.#port}`;
  }

  /** Starts everything on empty data, and writes the kubeconfigs once the port is known. */
  async startAll(): Promise<void> {
    await writeKeys(this.paths, this.authority);
    await this.startEtcd();
    await this.#startApiServerOnFreePort();
    await writePrivate(this.paths.adminKubeconfig, this.adminKubeconfig());
    if (this.#settings.controllerManager) await this.#startControllerManager();
  }

  /** Starts etcd on the data that it has; resolves when it is healthy. */
  async startEtcd(): Promise<void> {
    const etcd = await this.#start('etcd', etcdArguments(this.paths, this.#settings.unsafeNoFsync));
    const isHealthy = async (signal: AbortSignal) => {
      const { body } = await getOverSocket(this.paths.etcdSocket, '/health', signal);
      return body.includes('"health":"true"');
    };
    await this.#untilReady('etcd', etcd, isHealthy);
  }

  /** Copies the data of an etcd that does not run, in place of an earlier copy. */
  async copyEtcdData(): Promise<void> {
    await this.#replaceFolder(this.paths.etcdData, this.paths.etcdCopy);
  }

  /** Puts the copy in place of the data of an etcd that does not run; the copy stays. */
  async restoreEtcdData(): Promise<void> {
    await this.#replaceFolder(this.paths.etcdCopy, this.paths.etcdData);
  }

  async #replaceFolder(from: string, to: string): Promise<void> {
    await rm(to, { recursive: true, force: true });
    await cp(from, to, { recursive: true, errorOnExist: true });
  }

  /**
   * Starts the API server on the port that it had, which its clients know; resolves when it is ready. While someone else has the
   * port it tries again, for as long as a server may take to be ready.
   */
  async startApiServer(): Promise<void> {
    const deadline = performance.now() + this.#settings.readyTimeoutMs;
    for (;;) {
      try {
        return await this.#startApiServerOnce();
      } catch (error) {
        if (!isPortTaken(error) || performance.now() > deadline) throw error;
        await sleep(portRetryMs);
      }
    }
  }

  /** Resolves when the API server is ready by its own account, such as after etcd came back. */
  async untilApiServerReady(): Promise<void> {
    const running = this.#supervisor.running('kube-apiserver');
    if (running !== undefined)
      await this.#untilReady('kube-apiserver', running, (signal) => this.#isApiServerReady(signal));
  }

  /** One call as administrator. */
  async call(call: Call): Promise<Answer> {
    return await callApiServer({ url: this.url, caCert: this.authority.certificate, credentials: this.#admin }, call);
  }

  adminKubeconfig(): string {
    return kubeconfigText(this.url, this.authority.certificate, 'admin', this.#admin);
  }

  /** The kubeconfig of a new client certificate. */
  userKubeconfig(user: string, groups: readonly string[]): string {
    return kubeconfigText(this.url, this.authority.certificate, user, this.authority.issueClient(user, groups));
  }

  async #startApiServerOnFreePort(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.#port = await this.#settings.findPort();
      try {
        return await this.#startApiServerOnce();
      } catch (error) {
        // Someone took the port between the look and the listening.
        if (!isPortTaken(error) || attempt === portAttempts) throw error;
      }
    }
  }

  async #startApiServerOnce(): Promise<void> {
    const running = await this.#start('kube-apiserver', apiServerArguments(this.paths, this.#port));
    await this.#untilReady('kube-apiserver', running, (signal) => this.#isApiServerReady(signal));
  }

  /** Ready by its own account, and with the default namespace, which it makes a moment later than that. */
  async #isApiServerReady(signal: AbortSignal): Promise<boolean> {
    const readyz = await this.call({ path: '/readyz', signal });
    return readyz.status === 200 && (await this.#exists('/api/v1/namespaces/default', signal));
  }

  async #startControllerManager(): Promise<void> {
    const user = 'system:kube-controller-manager';
    await writePrivate(this.paths.controllerManagerKubeconfig, this.userKubeconfig(user, []));
    const running = await this.#start('kube-controller-manager', controllerManagerArguments(this.paths));
    // The service account that every Pod needs is the first thing that people would miss.
    const isAtWork = (signal: AbortSignal) =>
      this.#exists('/api/v1/namespaces/default/serviceaccounts/default', signal);
    await this.#untilReady('kube-controller-manager', running, isAtWork);
  }

  async #exists(path: string, signal: AbortSignal): Promise<boolean> {
    return (await this.call({ path, signal })).status === 200;
  }

  async #start(server: ServerName, serverArguments: readonly string[]): Promise<RunningServer> {
    const extra = this.#settings.extraArguments[server] ?? [];
    const file = join(this.#settings.binDirectory, server);
    return await this.#supervisor.start(server, file, [...serverArguments, ...extra]);
  }

  async #untilReady(
    server: ServerName,
    running: RunningServer,
    isReady: (signal: AbortSignal) => Promise<boolean>,
  ): Promise<void> {
    const given = new AbortController();
    const { readyTimeoutMs } = this.#settings;
    const exited = running.exited.finally(() => given.abort());
    if (await until(isReady, readyTimeoutMs, given.signal)) return;
    const tail = await this.#supervisor.logTail(server);
    if (given.signal.aborted) {
      throw new ControlPlaneError('server-exited', `${server} exited (${await exited}); its log ends:\n${tail}`);
    }
    throw new ControlPlaneError(
      'not-ready',
      `${server} is not ready after ${readyTimeoutMs} ms; its log ends:\n${tail}`,
    );
  }
}

/** The API server's only way to say so is its log, whose end the error carries. */
function isPortTaken(error: unknown): boolean {
  return (
    error instanceof ControlPlaneError &&
    error.reason === 'server-exited' &&
    error.message.includes('address already in use')
  );
}
