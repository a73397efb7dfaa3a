import { delimiter } from 'node:path';
import type { ServerName } from './control-plane/messages.ts';
import { findFreePort } from './control-plane/port.ts';
import type { Answer, Call } from './control-plane/request.ts';
import { Servers } from './control-plane/servers.ts';
import { Supervisor } from './control-plane/supervisor.ts';
import type { ToolName } from './tools/recipes.ts';
import { ensureTools } from './tools.ts';

const defaultReadyTimeoutMs = 60_000;
const alwaysNeeded: readonly ToolName[] = ['etcd', 'kube-apiserver', 'kubectl'];

/** How to run a control plane; the defaults are those of the demo. */
export type ControlPlaneOptions = {
  /** Run kube-controller-manager too: service accounts, garbage collection, DaemonSets. True when left out. */
  readonly controllerManager?: boolean;
  /** etcd trusts the page cache: faster, for tests only, never for figures. False when left out. */
  readonly unsafeNoFsync?: boolean;
  /** Flags put after the usual ones of a server. */
  readonly extraArguments?: Partial<Record<ServerName, readonly string[]>>;
  /** How long each server may take until it is ready, 60 seconds when left out. */
  readonly readyTimeoutMs?: number;
  /** Read for `KUBEBUILDER_ASSETS`, for building the binaries, and the servers' own; `process.env` when left out. */
  readonly env?: NodeJS.ProcessEnv;
  /** Told one line per step while binaries are built; written to standard error when left out. */
  readonly report?: (line: string) => void;
};

/** A running control plane: etcd, kube-apiserver and, where asked for, kube-controller-manager. It ends with this process. */
export type ControlPlane = AsyncDisposable & {
  /** `https://127.0.0.1:<port>`, the same over restarts. */
  readonly url: string;
  /** The certificate that the API server's own is signed by, PEM. */
  readonly caCert: string;
  /** The administrator's kubeconfig, as text and as a file. */
  readonly kubeconfig: string;
  readonly kubeconfigPath: string;
  /** Holds everything that the servers write; removed at the end. Each server's log is `<server>.log`. */
  readonly directory: string;
  /** Holds kubectl and the servers' binaries. */
  readonly binDirectory: string;
  /** This process's environment with `KUBECONFIG` set and kubectl on the `PATH`. */
  readonly env: NodeJS.ProcessEnv;
  /** The servers that run now. */
  processIds(): Partial<Record<ServerName, number>>;
  /** The kubeconfig of a new user with a client certificate. The user may do nothing until RBAC says so. */
  createUser(name: string, groups: readonly string[]): string;
  /** One call as administrator. Resolves with answers of any status, rejects when there is none. */
  call(call: Call): Promise<Answer>;
  /** Kills the API server without a warning; resolves when its process is gone. */
  killApiServer(): Promise<void>;
  /** Starts a killed API server on the same port; resolves when it is ready. */
  startApiServer(): Promise<void>;
  /** Kills and starts the API server. */
  restartApiServer(): Promise<void>;
  /** Kills etcd; the API server stays, and fails what it is asked. */
  stopEtcd(): Promise<void>;
  /** Starts a stopped etcd on its data; resolves when it and the API server, where that one runs, are ready. */
  startEtcd(): Promise<void>;
  /** Keeps a copy of etcd's data as it is now, in place of an earlier one; etcd is stopped and started for that. */
  snapshotEtcd(): Promise<void>;
  /**
   * Puts the copy in place of what etcd has, as a restored backup does, and starts etcd and the API server on it. Histories and
   * resourceVersions go back; rejects when there is no copy.
   */
  restoreEtcd(): Promise<void>;
  /** Ends all servers and removes the directory; resolves when no process and no file is left. May be called again. */
  stop(): Promise<void>;
};

/**
 * Starts a control plane in a few seconds, after building its binaries if this is the first time. It listens on 127.0.0.1 only, on
 * a port of its own, so any number run side by side. Nothing stays behind when this process ends, even by SIGKILL. Rejects with a
 * ToolsError when there are no binaries, with a {@link ControlPlaneError} when a server does not become ready.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { controllerManager = true, env = process.env, report } = options;
  const tools: readonly ToolName[] = controllerManager ? [...alwaysNeeded, 'kube-controller-manager'] : alwaysNeeded;
  const binDirectory = await ensureTools({ tools, env, ...(report === undefined ? {} : { report }) });
  const supervisor = await Supervisor.launch(env);
  try {
    const servers = new Servers(supervisor, {
      binDirectory,
      controllerManager,
      unsafeNoFsync: options.unsafeNoFsync ?? false,
      extraArguments: options.extraArguments ?? {},
      readyTimeoutMs: options.readyTimeoutMs ?? defaultReadyTimeoutMs,
      findPort: findFreePort,
    });
    await servers.startAll();
    return describe(servers, supervisor, binDirectory, env);
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

function describe(
  servers: Servers,
  supervisor: Supervisor,
  binDirectory: string,
  env: NodeJS.ProcessEnv,
): ControlPlane {
  const kubeconfigPath = servers.paths.adminKubeconfig;
  const stop = () => supervisor.stop();
  const startEtcd = async () => {
    await servers.startEtcd();
    await servers.untilApiServerReady();
  };
  return {
    url: servers.url,
    caCert: servers.authority.certificate,
    kubeconfig: servers.adminKubeconfig(),
    kubeconfigPath,
    directory: supervisor.directory,
    binDirectory,
    env: { ...env, KUBECONFIG: kubeconfigPath, PATH: [binDirectory, env.PATH].join(delimiter) },
    processIds: () => supervisor.processIds(),
    createUser: (name, groups) => servers.userKubeconfig(name, groups),
    call: (call) => servers.call(call),
    killApiServer: () => supervisor.kill('kube-apiserver'),
    startApiServer: () => servers.startApiServer(),
    restartApiServer: async () => {
      await supervisor.kill('kube-apiserver');
      await servers.startApiServer();
    },
    stopEtcd: () => supervisor.kill('etcd'),
    startEtcd,
    snapshotEtcd: async () => {
      await supervisor.kill('etcd');
      await servers.copyEtcdData();
      await startEtcd();
    },
    restoreEtcd: async () => {
      // An API server that went on would have caches of a history that is not there any more.
      await supervisor.kill('kube-apiserver');
      await supervisor.kill('etcd');
      await servers.restoreEtcdData();
      await servers.startEtcd();
      await servers.startApiServer();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
