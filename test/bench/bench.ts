/** What the rows share: one real control plane, started when the first row wants it, and a folder for files. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installCrds } from '../../dev/control-plane/crds.ts';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane.ts';
import type { ComputeNode, InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { COMPUTE_NODES, INSTANCE_CLAIMS } from '../../src/api/kinds.ts';
import { type Connection, connect } from '../../src/kube/connection.ts';
import { type ResourceClient, resourceClient } from '../../src/kube/resource.ts';

/** Where all claims of the benchmarks are. */
export const NAMESPACE = 'bench';
/** The one user whose requests the API server writes down: the policy costs all others nothing. */
export const COUNTED_USER = 'counted-agent';

const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata', users: [COUNTED_USER] }, { level: 'None' }],
};

/** The control plane as a creator of claims sees it. */
export interface Plane {
  readonly controlPlane: ControlPlane;
  readonly connection: Connection;
  readonly claims: ResourceClient<InstanceClaim>;
  readonly computeNodes: ResourceClient<ComputeNode>;
  /** Kubeconfig of an agent, and of the one whose requests are in `auditLog`. */
  readonly agentKubeconfig: string;
  readonly countedKubeconfig: string;
  readonly auditLog: string;
}

export class Bench implements AsyncDisposable {
  #folder: Promise<string> | undefined;
  #plane: Promise<Plane> | undefined;
  #nodes = 0;

  /** A folder that goes with the benchmark. */
  folder(): Promise<string> {
    this.#folder ??= mkdtemp(join(tmpdir(), 'resource-tracker-bench-'));
    return this.#folder;
  }

  /** etcd with fsync, API server over TLS, CRDs installed. */
  plane(): Promise<Plane> {
    this.#plane ??= this.folder().then(startPlane);
    return this.#plane;
  }

  /** A name that no node had before. */
  nodeName(): string {
    this.#nodes += 1;
    return `bench-${this.#nodes}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const plane = await this.#plane;
    await plane?.connection.close();
    await plane?.controlPlane.stop();
    if (this.#folder !== undefined) await rm(await this.#folder, { recursive: true, force: true });
  }
}

async function startPlane(folder: string): Promise<Plane> {
  const auditLog = join(folder, 'audit.log');
  const policy = await written(folder, 'audit-policy.json', JSON.stringify(AUDIT_POLICY));
  const controlPlane = await startControlPlane({
    controllerManager: false,
    extraArguments: { 'kube-apiserver': [`--audit-policy-file=${policy}`, `--audit-log-path=${auditLog}`] },
  });
  await installCrds(controlPlane);
  await controlPlane.call({
    method: 'POST',
    path: '/api/v1/namespaces',
    contentType: 'application/json',
    body: JSON.stringify({ metadata: { name: NAMESPACE } }),
  });
  const kubeconfig = (user: string): Promise<string> =>
    written(folder, `${user}.kubeconfig`, controlPlane.createUser(user, ['system:masters']));
  const connection = await connect({ kubeconfig: controlPlane.kubeconfigPath, userAgent: 'bench/1' });
  return {
    controlPlane,
    connection,
    claims: resourceClient<InstanceClaim>(connection, INSTANCE_CLAIMS),
    computeNodes: resourceClient<ComputeNode>(connection, COMPUTE_NODES),
    agentKubeconfig: await kubeconfig('agent'),
    countedKubeconfig: await kubeconfig(COUNTED_USER),
    auditLog,
  };
}

async function written(folder: string, name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}
