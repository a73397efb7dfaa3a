import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { type Endpoint, notConfigured, parseServer, type TlsMaterial } from './credentials.ts';

/** What client-node can do and we do not repeat: exec plug-ins, auth providers, passwords, several files merged. */
export function endpointFromClientNode(files: readonly string[]): Endpoint {
  let config = load(files);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw notConfigured(`no current context in ${files.join(', ')}`);
  if (cluster.proxyUrl) throw notConfigured(`the cluster "${cluster.name}" is behind a proxy, which is not supported`);
  return {
    server: parseServer(cluster.server),
    tls: async () => tlsOf(await applied(config)),
    headers: async () => headersOf(await applied(config)),
    namespace: async () => config.getContextObject(config.getCurrentContext())?.namespace,
    refresh: () => {
      // client-node keeps an exec plug-in's answer until its own expiry; only a new KubeConfig asks it again.
      config = load(files);
      return true;
    },
  };
}

function load(files: readonly string[]): KubeConfig {
  const config = new KubeConfig();
  try {
    for (const [index, file] of files.entries()) {
      const next = index === 0 ? config : new KubeConfig();
      next.loadFromFile(file);
      if (index > 0) config.mergeConfig(next, true);
    }
  } catch (cause) {
    throw notConfigured(`cannot use ${files.join(', ')}`, cause);
  }
  return config;
}

async function applied(config: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (cause) {
    throw notConfigured('the credentials of the kubeconfig could not be had', cause);
  }
  return options;
}

function tlsOf({ ca, cert, key, servername, rejectUnauthorized }: RequestOptions): TlsMaterial {
  return {
    ...(isPem(ca) && { ca }),
    ...(isPem(cert) && { cert }),
    ...(isPem(key) && { key }),
    ...(servername && { servername }),
    ...(rejectUnauthorized === false && { rejectUnauthorized }),
  };
}

function isPem(material: unknown): material is string | Buffer {
  return typeof material === 'string' || Buffer.isBuffer(material);
}

function headersOf(options: RequestOptions): Record<string, string> {
  const given = Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]);
  const basic = options.auth ? { authorization: `Basic ${Buffer.from(options.auth).toString('base64')}` } : {};
  return { ...basic, ...Object.fromEntries(given) };
}
