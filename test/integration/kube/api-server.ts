import { readdir, readFile, readlink } from 'node:fs/promises';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { type Connection, type ConnectOptions, connect, connectTo } from '../../../src/kube/connection.ts';
import { findEndpoint } from '../../../src/kube/endpoint.ts';
import { type KubeObject, type ResourceClient, resourceClient } from '../../../src/kube/resource.ts';

/** A ConfigMap, of which every cluster has the kind. */
export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** A Node: cluster-scoped, with a status of its own. */
export interface Node extends KubeObject {
  readonly status?: { readonly capacity?: Readonly<Record<string, string>> };
}

export const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
export const NODES = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false };
const NAMESPACES = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };

/** A connection that the end of the test closes. */
export async function connected(kubeconfig: string, options: Partial<ConnectOptions> = {}): Promise<Connection> {
  const connection = await connect({ kubeconfig, userAgent: 'resource-tracker-test/1', ...options });
  onTestFinished(() => connection.close());
  return connection;
}

/** ConfigMaps in a namespace of this test's own. */
export async function configMapsIn(connection: Connection, namespace: string): Promise<ResourceClient<ConfigMap>> {
  await resourceClient(connection, NAMESPACES).create({ metadata: { name: namespace } });
  return resourceClient<ConfigMap>(connection, CONFIG_MAPS);
}

/** A connection over a TCP proxy whose cable can be pulled: what is sent vanishes, and nobody says a word. */
export async function connectedByCable(kubeconfig: string, options: Partial<ConnectOptions> = {}) {
  const endpoint = await findEndpoint({ kubeconfig });
  let pulled = false;
  const sockets: Socket[] = [];
  const proxy = createServer((near) => {
    const far = connectTcp(Number(endpoint.server.port), endpoint.server.hostname);
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on('error', () => {});
    near.on('data', (data) => pulled || far.write(data));
    far.on('data', (data) => pulled || near.write(data));
  });
  const port = await new Promise<number>((resolve) => {
    proxy.listen(0, '127.0.0.1', () => resolve((proxy.address() as AddressInfo).port));
  });
  const server = new URL(`https://127.0.0.1:${port}`);
  const connection = connectTo({ ...endpoint, server }, { userAgent: 'resource-tracker-test/1', ...options });
  onTestFinished(async () => {
    await connection.close();
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const pull = () => {
    pulled = true;
  };
  return { connection, pull };
}

/** The TCP connections of this process to a port, as the kernel counts them. */
export async function tcpConnectionsTo(port: number): Promise<number> {
  const descriptors = await readdir('/proc/self/fd');
  const targets = await Promise.all(
    descriptors.map((descriptor) => readlink(`/proc/self/fd/${descriptor}`).catch(() => '')),
  );
  const own = new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
  const established = '01';
  const rows = (await readFile('/proc/net/tcp', 'utf8')).split('\n').slice(1);
  return rows.filter((row) => {
    const [, , remote = '', state, , , , , , inode = ''] = row.trim().split(/\s+/);
    return state === established && Number.parseInt(remote.split(':')[1] ?? '', 16) === port && own.has(inode);
  }).length;
}
