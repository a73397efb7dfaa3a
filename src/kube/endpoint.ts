import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Endpoint, notConfigured, readCredential, TokenFile } from './credentials.ts';
import { endpointFromKubeconfig } from './kubeconfig.ts';

/** Where to look; the defaults follow kubectl, then the pod's service account. */
export interface EndpointOptions {
  /** A kubeconfig file. Absent: $KUBECONFIG, then ~/.kube/config, then the pod's service account. */
  readonly kubeconfig?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly serviceAccountFolder?: string | undefined;
}

const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Finds the API server: the file that was named, else $KUBECONFIG, else ~/.kube/config, else the pod's own service account.
 *
 * @throws KubeError with reason `Unreachable` when there is none, or it cannot be read.
 */
export async function findEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const env = options.env ?? process.env;
  const files = kubeconfigFiles(options.kubeconfig, env);
  if (files.length > 0) return endpointFromKubeconfig(files);
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (host) return inClusterEndpoint(host, port, options.serviceAccountFolder ?? SERVICE_ACCOUNT_FOLDER);
  throw notConfigured('no kubeconfig was named, $KUBECONFIG and ~/.kube/config are absent, and this is no pod');
}

function kubeconfigFiles(named: string | undefined, env: Readonly<Record<string, string | undefined>>): string[] {
  if (named) return [named];
  // Like kubectl: files of the list that do not exist are skipped.
  if (env.KUBECONFIG) return env.KUBECONFIG.split(delimiter).filter((file) => file !== '' && existsSync(file));
  const atHome = join(env.HOME ?? homedir(), '.kube', 'config');
  return existsSync(atHome) ? [atHome] : [];
}

/** The service account of this pod, without client-node: loading that costs 24 MB of memory, and this is two files. */
function inClusterEndpoint(host: string, port: string, folder: string): Endpoint {
  const token = new TokenFile(join(folder, 'token'));
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    tls: async () => ({ ca: await readCredential(join(folder, 'ca.crt')) }),
    headers: async () => ({ authorization: `Bearer ${await token.read()}` }),
    namespace: () => podNamespace(folder),
    refresh: () => {
      token.forget();
      return true;
    },
  };
}

async function podNamespace(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, 'namespace'), 'utf8').catch(() => '');
  return text.trim() || undefined;
}
