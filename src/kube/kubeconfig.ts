import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import {
  type Endpoint,
  notConfigured,
  parseServer,
  readCredential,
  type TlsMaterial,
  TokenFile,
} from './credentials.ts';

/**
 * The API server that a kubeconfig's current context names. One file with certificates or tokens is read here; whatever needs more
 * (exec plug-ins, auth providers, a password, several files) goes to client-node, which is loaded only then.
 */
export async function endpointFromKubeconfig(files: readonly string[]): Promise<Endpoint> {
  const [file, ...others] = files;
  if (file !== undefined && others.length === 0) {
    const current = currentContext(await readKubeconfig(file), file);
    if (isPlain(current)) return plainEndpoint(current, dirname(resolve(file)));
  }
  const { endpointFromClientNode } = await import('./client-node-endpoint.ts');
  return endpointFromClientNode(files);
}

interface Cluster {
  readonly server?: string;
  readonly 'certificate-authority'?: string;
  readonly 'certificate-authority-data'?: string;
  readonly 'insecure-skip-tls-verify'?: boolean;
  readonly 'tls-server-name'?: string;
  readonly 'proxy-url'?: string;
}

interface User {
  readonly 'client-certificate'?: string;
  readonly 'client-certificate-data'?: string;
  readonly 'client-key'?: string;
  readonly 'client-key-data'?: string;
  readonly token?: string;
  readonly tokenFile?: string;
}

interface Kubeconfig {
  readonly 'current-context'?: string;
  readonly contexts?: readonly {
    readonly name: string;
    readonly context: { readonly cluster: string; readonly user?: string; readonly namespace?: string };
  }[];
  readonly clusters?: readonly { readonly name: string; readonly cluster: Cluster }[];
  readonly users?: readonly { readonly name: string; readonly user?: User }[];
}

interface Current {
  readonly server: string;
  readonly cluster: Cluster;
  readonly user: User;
  readonly namespace: string | undefined;
}

const PLAIN_USER_FIELDS: ReadonlySet<string> = new Set([
  'client-certificate',
  'client-certificate-data',
  'client-key',
  'client-key-data',
  'token',
  'tokenFile',
]);

function isPlain({ cluster, user }: Current): boolean {
  return cluster['proxy-url'] === undefined && Object.keys(user).every((field) => PLAIN_USER_FIELDS.has(field));
}

async function readKubeconfig(file: string): Promise<Kubeconfig> {
  const text = await readCredential(file);
  try {
    const parsed: Kubeconfig | null = parse(text.toString('utf8'));
    return parsed ?? {};
  } catch (cause) {
    throw notConfigured(`${file} is not YAML`, cause);
  }
}

function currentContext(config: Kubeconfig, file: string): Current {
  const name = config['current-context'];
  const context = config.contexts?.find((candidate) => candidate.name === name)?.context;
  if (context === undefined) throw notConfigured(`${file} has no context "${name ?? ''}"; set current-context`);
  const cluster = config.clusters?.find((candidate) => candidate.name === context.cluster)?.cluster;
  if (cluster?.server === undefined)
    throw notConfigured(`${file} names no server for its cluster "${context.cluster}"`);
  const user = config.users?.find((candidate) => candidate.name === context.user)?.user ?? {};
  return { server: cluster.server, cluster, user, namespace: context.namespace };
}

function plainEndpoint({ server, cluster, user, namespace }: Current, folder: string): Endpoint {
  const token = user.tokenFile === undefined ? undefined : new TokenFile(resolve(folder, user.tokenFile));
  return {
    server: parseServer(server),
    tls: () => tlsMaterial(cluster, user, folder),
    headers: async () => {
      const bearer = (await token?.read()) ?? user.token;
      return bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
    },
    namespace: async () => namespace,
    refresh: () => {
      token?.forget();
      return token !== undefined;
    },
  };
}

async function tlsMaterial(cluster: Cluster, user: User, folder: string): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all([
    material(cluster['certificate-authority-data'], cluster['certificate-authority'], folder),
    material(user['client-certificate-data'], user['client-certificate'], folder),
    material(user['client-key-data'], user['client-key'], folder),
  ]);
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(cluster['tls-server-name'] && { servername: cluster['tls-server-name'] }),
    ...(cluster['insecure-skip-tls-verify'] && { rejectUnauthorized: false }),
  };
}

async function material(
  data: string | undefined,
  file: string | undefined,
  folder: string,
): Promise<Buffer | undefined> {
  if (data) return Buffer.from(data, 'base64');
  return file ? readCredential(resolve(folder, file)) : undefined;
}
