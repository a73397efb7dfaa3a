/** Where the API server serves a kind. */
export interface ResourceKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** The word in paths, `/apis/<group>/<version>/<plural>`. */
  readonly plural: string;
  readonly namespaced: boolean;
}

const GROUP = 'resourcetracker.dev';
const VERSION = 'v1alpha1';

/** What a hypervisor host has, uses and has left. */
export const COMPUTE_NODES = {
  group: GROUP,
  version: VERSION,
  kind: 'ComputeNode',
  plural: 'computenodes',
  namespaced: false,
} as const satisfies ResourceKind;

/** Resources that are held for one instance. */
export const INSTANCE_CLAIMS = {
  group: GROUP,
  version: VERSION,
  kind: 'InstanceClaim',
  plural: 'instanceclaims',
  namespaced: true,
} as const satisfies ResourceKind;

/** Resizes and moves of claimed instances. */
export const MIGRATIONS = {
  group: GROUP,
  version: VERSION,
  kind: 'Migration',
  plural: 'migrations',
  namespaced: true,
} as const satisfies ResourceKind;

/** Heartbeat and ownership of a node, and the controller's election. */
export const LEASES = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
} as const satisfies ResourceKind;

/** What people see in `kubectl describe`. */
export const EVENTS = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
} as const satisfies ResourceKind;

/** Kubernetes' own nodes: whether they exist, are cordoned, and their addresses. */
export const NODES = {
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  namespaced: false,
} as const satisfies ResourceKind;

/** Whether a Pod that held a Lease is still there. */
export const PODS = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
} as const satisfies ResourceKind;

/** `apiVersion` as objects of this kind carry it: `resourcetracker.dev/v1alpha1`, or `v1` for the core group. */
export function apiVersionOf({ group, version }: ResourceKind): string {
  return group === '' ? version : `${group}/${version}`;
}
