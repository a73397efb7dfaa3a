import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { boundToken, type TokenOwner, tokenKubeconfig } from '../../../dev/bound-token.ts';
import type { ControlPlane } from '../../../dev/control-plane.ts';
import type { Manifest } from '../../../dev/deploy.ts';
import { type Connection, connect } from '../../../src/kube/connection.ts';

const CONTROLLER = { namespace: 'resource-tracker', serviceAccount: 'resource-tracker-controller' };
const AGENT = { namespace: 'resource-tracker', serviceAccount: 'resource-tracker-agent' };

/** Service accounts, each with the token that is its own. */
const TOKENS = {
  'the agent of node-1': { ...AGENT, nodeName: 'node-1' },
  'the agent of node-2': { ...AGENT, nodeName: 'node-2' },
  'an agent without a node': AGENT,
  'the agent of a node that is called like the controller': { ...AGENT, nodeName: CONTROLLER.serviceAccount },
  'the controller': { ...CONTROLLER, nodeName: 'node-3' },
  'a controller without a node': CONTROLLER,
  'an executor': { namespace: 'movers', serviceAccount: 'executor' },
  "Kubernetes' garbage collector": { namespace: 'kube-system', serviceAccount: 'generic-garbage-collector' },
  // Bound to the node, and given the agents' RBAC by mistake.
  'another service account on node-1': { namespace: 'movers', serviceAccount: 'default', nodeName: 'node-1' },
} as const satisfies Record<string, TokenOwner>;

/** Users and the roles that they are given: in the tenants' namespaces, or where there is none, for the whole cluster. */
const USERS = {
  'a tenant': { inNamespaces: ['edit'], inCluster: [] },
  'a tenant who may only view': { inNamespaces: ['view'], inCluster: [] },
  "a tenant's administrator": { inNamespaces: ['admin'], inCluster: [] },
  'a scheduler': { inNamespaces: ['edit', 'resource-tracker-bind'], inCluster: [] },
  'an adopter': { inNamespaces: ['edit', 'resource-tracker-bind', 'resource-tracker-adopt'], inCluster: [] },
  'a mover': { inNamespaces: ['edit', 'resource-tracker-migrate'], inCluster: [] },
  'an administrator of nodes': { inNamespaces: [], inCluster: ['resource-tracker-node-admin'] },
  'an administrator of the cluster': { inNamespaces: [], inCluster: ['cluster-admin'] },
} as const satisfies Record<string, { inNamespaces: readonly string[]; inCluster: readonly string[] }>;

export type Person = keyof typeof TOKENS | keyof typeof USERS;

export const TENANT_NAMESPACES = [
  'team-a',
  'capped',
  'vcpus-capped',
  'memory-capped',
  'badly-capped',
  'worse-capped',
] as const;

/** The rights that people have beyond what deploy/ gives to agents and controller. */
export function rightsOfPeople(): Manifest[] {
  const users = Object.entries(USERS).flatMap(([name, { inNamespaces, inCluster }]) => [
    ...inNamespaces.flatMap((role) => TENANT_NAMESPACES.map((namespace) => bind(role, user(name), namespace))),
    ...inCluster.map((role) => bind(role, user(name))),
  ]);
  return [
    ...users,
    bind('resource-tracker-executor', account(TOKENS['an executor']), 'team-a'),
    bind('resource-tracker-agent', account(TOKENS['another service account on node-1'])),
    // A mistake that policies have to make good: Leases in a namespace that is not the release's.
    ...['resource-tracker-agent', 'resource-tracker-controller'].map((serviceAccount) =>
      bind('admin', account({ namespace: 'resource-tracker', serviceAccount }), 'movers'),
    ),
  ];
}

/** A connection for each person. */
export async function connectPeople(controlPlane: ControlPlane): Promise<Map<Person, Connection>> {
  const people = new Map<Person, Connection>();
  for (const [person, owner] of entries(TOKENS)) {
    people.set(person, await connected(controlPlane, await tokenKubeconfigOf(controlPlane, owner)));
  }
  for (const [person] of entries(USERS)) {
    people.set(person, await connected(controlPlane, controlPlane.createUser(person, [])));
  }
  return people;
}

/** The kubeconfig of an agent's own token, bound to the node. */
export async function agentKubeconfig(controlPlane: ControlPlane, nodeName: string): Promise<string> {
  return saved(controlPlane, await tokenKubeconfigOf(controlPlane, { ...AGENT, nodeName }));
}

async function tokenKubeconfigOf(controlPlane: ControlPlane, owner: TokenOwner): Promise<string> {
  return tokenKubeconfig(controlPlane, await boundToken(controlPlane, owner));
}

async function connected(controlPlane: ControlPlane, kubeconfig: string): Promise<Connection> {
  return connect({ kubeconfig: await saved(controlPlane, kubeconfig), userAgent: 'permissions-test/0' });
}

async function saved({ directory }: ControlPlane, kubeconfig: string): Promise<string> {
  const path = join(directory, `kubeconfig-${randomUUID()}`);
  await writeFile(path, kubeconfig, { mode: 0o600 });
  return path;
}

interface Subject {
  readonly kind: 'User' | 'ServiceAccount';
  readonly name: string;
  readonly namespace?: string;
  readonly apiGroup?: string;
}

export function user(name: string): Subject {
  return { kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' };
}

function account({ serviceAccount, namespace }: TokenOwner): Subject {
  return { kind: 'ServiceAccount', name: serviceAccount, namespace };
}

/** Binds a cluster role, in a namespace or for all. */
export function bind(role: string, subject: Subject, namespace?: string): Manifest {
  const name = `${role}-${subject.name.replaceAll(/[^a-z0-9]+/g, '-')}`;
  const body = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [subject],
  };
  return body;
}

function entries<K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(record) as [K, V][];
}
