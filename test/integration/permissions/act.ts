/** What somebody does: one request, as a dry run, so that it leaves no trace and rows can stand in any order. */

export interface Act {
  readonly method: 'POST' | 'PATCH' | 'DELETE' | 'GET';
  readonly path: string;
  readonly body?: object;
}

const OURS = '/apis/resourcetracker.dev/v1alpha1';
const API_VERSION = 'resourcetracker.dev/v1alpha1';
const LEASES = '/apis/coordination.k8s.io/v1';

export function claimsIn(namespace: string): string {
  return `${OURS}/namespaces/${namespace}/instanceclaims`;
}

export function migrationsIn(namespace: string): string {
  return `${OURS}/namespaces/${namespace}/migrations`;
}

export const NODES = `${OURS}/computenodes`;

export function read(path: string): Act {
  return { method: 'GET', path };
}

export function remove(collection: string, name = ''): Act {
  return { method: 'DELETE', path: name === '' ? collection : `${collection}/${name}` };
}

/** Merges changes into an object outside of its status: `{ spec: … }` or `{ metadata: … }`. */
export function change(collection: string, name: string, changes: object): Act {
  return { method: 'PATCH', path: `${collection}/${name}`, body: changes };
}

export function createNode(name: string, spec: object = {}): Act {
  return create(NODES, 'ComputeNode', name, spec);
}

/** Merges into a ComputeNode's status; lists replace. */
export function nodeStatus(name: string, status: object): Act {
  return { method: 'PATCH', path: `${NODES}/${name}/status`, body: { status } };
}

export function createClaim(spec: object, namespace = 'team-a'): Act {
  return create(claimsIn(namespace), 'InstanceClaim', 'new', { flavor: { vcpus: 1, memory: '1Gi' }, ...spec });
}

/** Merges into a claim's status; lists replace. */
export function claimStatus(name: string, status: object): Act {
  return { method: 'PATCH', path: `${claimsIn('team-a')}/${name}/status`, body: { status } };
}

export function createMigration(spec: object, namespace = 'team-a'): Act {
  return create(migrationsIn(namespace), 'Migration', 'new', {
    type: 'Resize',
    flavor: { vcpus: 2, memory: '2Gi' },
    ...spec,
  });
}

/** Merges into a Migration's status; lists replace. */
export function migrationStatus(name: string, status: object): Act {
  return { method: 'PATCH', path: `${migrationsIn('team-a')}/${name}/status`, body: { status } };
}

export function createLease(name: string, namespace = 'resource-tracker'): Act {
  const path = `${LEASES}/namespaces/${namespace}/leases`;
  return { method: 'POST', path, body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name } } };
}

export function renewLease(name: string): Act {
  const path = `${LEASES}/namespaces/resource-tracker/leases/${name}`;
  return { method: 'PATCH', path, body: { spec: { holderIdentity: 'me' } } };
}

export function condition(type: string, status = 'True'): object {
  return { type, status, reason: 'Test', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
}

function create(path: string, kind: string, name: string, spec: object): Act {
  return { method: 'POST', path, body: { apiVersion: API_VERSION, kind, metadata: { name }, spec } };
}
