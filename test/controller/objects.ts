/** Objects as an API server would have them, for the tests of the controller. */
import type { ComputeNode, Condition, InstanceClaim, Migration } from '../../src/api/generated/v1alpha1.ts';
import type { Lease } from '../../src/api/lease.ts';
import type { HostNode } from '../../src/controller/world.ts';
import type { Now } from '../../src/protocol/lease-keeper.ts';

export const NAMESPACE = 'resource-tracker';
/** Monotonic time and the wall's have nothing to do with each other. */
const EPOCH_MS = Date.parse('2031-05-01T12:00:00Z');

/** A moment, in seconds after the beginning. */
export function at(seconds: number): Now {
  return { ms: 1_000_000 + seconds * 1000, date: new Date(EPOCH_MS + seconds * 1000) };
}

/** The same as the API writes it. */
export function stamp(seconds: number): string {
  return at(seconds).date.toISOString().replace('.000Z', 'Z');
}

let versions = 100;
/** Greater than any before. */
export function nextVersion(): string {
  versions += 1;
  return String(versions);
}

export function condition(type: string, status: 'True' | 'False', reason = 'Because', sinceSeconds = 0): Condition {
  return { type, status, reason, message: 'said before', lastTransitionTime: stamp(sinceSeconds) };
}

export function computeNode(
  name: string,
  { spec = {}, ...status }: { readonly spec?: ComputeNode['spec'] } & ComputeNode['status'] = {},
): ComputeNode {
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'ComputeNode',
    metadata: { name, uid: `uid-of-${name}`, resourceVersion: nextVersion() },
    spec,
    status: { agent: { leaseNamespace: NAMESPACE }, ...status },
  };
}

export function claim(
  name: string,
  spec: Partial<InstanceClaim['spec']> = {},
  status?: InstanceClaim['status'],
): InstanceClaim {
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'InstanceClaim',
    metadata: {
      name,
      namespace: 'team',
      uid: `uid-of-${name}`,
      resourceVersion: nextVersion(),
      creationTimestamp: stamp(0),
    },
    spec,
    ...(status !== undefined && { status }),
  };
}

/** Of claim `c`, to a node. */
export function migration(name: string, targetNodeName: string, status?: Migration['status']): Migration {
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'Migration',
    metadata: { name, namespace: 'team', uid: `uid-of-${name}`, resourceVersion: nextVersion() },
    spec: { claimName: 'c', type: 'ColdMigration', targetNodeName },
    ...(status !== undefined && { status }),
  };
}

export function lease(name: string, holderIdentity = 'an agent', leaseDurationSeconds = 40): Lease {
  return {
    metadata: { name, namespace: NAMESPACE, uid: `uid-of-${name}`, resourceVersion: nextVersion() },
    spec: { holderIdentity, leaseDurationSeconds },
  };
}

export function hostNode(name: string): HostNode {
  return { metadata: { name, uid: `uid-of-${name}`, resourceVersion: nextVersion() } };
}

/** Conditions as `Type=Status(Reason)`. */
export function shown(conditions: readonly Condition[] | undefined): readonly string[] {
  return (conditions ?? []).map(({ type, status, reason }) => `${type}=${status}(${reason})`);
}
