/** Claims as their creator makes and watches them. */
import type { InstanceClaim, InstanceClaimStatus } from '../../src/api/generated/v1alpha1.ts';
import { NAMESPACE, type Plane } from './bench.ts';
import { instanceUuid } from './libvirt-host.ts';

/** One vCPU and 1 GiB on a node, for the host's instance of that number. */
export function claimOf(nodeName: string, index: number): InstanceClaim {
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'InstanceClaim',
    metadata: { name: `${nodeName}-${index}`, namespace: NAMESPACE },
    spec: { nodeName, instance: { uuid: instanceUuid(index) }, flavor: { vcpus: 1, memory: '1Gi' } },
  };
}

/** The status of a grant, just as large as the agent writes it. */
export function grantedStatus(nodeName: string, message: string): InstanceClaimStatus {
  return {
    phase: 'Claimed',
    nodeName,
    hostname: nodeName,
    launchedOn: nodeName,
    vmState: 'Building',
    flavor: { vcpus: 1, memory: '1Gi' },
    overhead: { memory: '0' },
    pciDevices: [],
    observedGeneration: 1,
    conditions: [
      {
        type: 'Claimed',
        status: 'True',
        reason: 'Claimed',
        message,
        observedGeneration: 1,
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ],
  };
}

const CREATING_AT_ONCE = 50;

/** Creates claims `0 .. count - 1` of a node. */
export function createClaims({ claims }: Plane, nodeName: string, count: number): Promise<InstanceClaim[]> {
  const wanted = Array.from({ length: count }, (_, index) => claimOf(nodeName, index));
  return inParallel(wanted, CREATING_AT_ONCE, (claim) => claims.create(claim));
}

/** Creates claims that an agent of the past has granted. */
export async function createGrantedClaims(plane: Plane, nodeName: string, count: number): Promise<void> {
  const created = await createClaims(plane, nodeName, count);
  await inParallel(created, CREATING_AT_ONCE, ({ metadata }) => grant(plane, nodeName, metadata.name, 'claimed'));
}

/** One status PATCH, as the reference of many rows. It changes something as long as the message does. */
export function grant({ claims }: Plane, nodeName: string, name: string, message: string): Promise<InstanceClaim> {
  const status = grantedStatus(nodeName, message);
  return claims.patch(name, { status }, { namespace: NAMESPACE, type: 'merge', subresource: 'status' });
}

export async function deleteClaims({ claims }: Plane, nodeName: string, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => claimOf(nodeName, index).metadata.name);
  await inParallel(names, CREATING_AT_ONCE, (name) => claims.delete(name, { namespace: NAMESPACE }));
}

/** Works through a list, so many at a time: one is begun as soon as another one is done. */
export async function inParallel<Item, Value>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Value>,
): Promise<Value[]> {
  const values: Value[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) values[index] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return values;
}
