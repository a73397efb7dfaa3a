/** Which requests are the steps of a grant (protocol.md, "Group commit"). */
import type { Passing } from '../../../dev/fault-proxy/passing.ts';
import type { ComputeNode, InstanceClaim } from '../../../src/api/generated/v1alpha1.ts';

/** Step 2: the write of ComputeNode that names what is decided. */
export function commits(passing: Passing): boolean {
  return (decidingOf(passing)?.length ?? 0) > 0;
}

/** The names in the `deciding` that a request writes; undefined for another request. */
export function decidingOf({ method, path, body }: Passing): readonly string[] | undefined {
  if (method !== 'PUT' || !path.includes('/computenodes/')) return undefined;
  // The agent's own writes: they have this form, or the API server would refuse them.
  return (body as Partial<ComputeNode>).status?.agent?.deciding?.map(({ name }) => name);
}

/** Step 3: the write of a claim's decision. */
export function decides({ method, path, body }: Passing): boolean {
  if (method !== 'PUT' || !path.includes('/instanceclaims/')) return false;
  const { phase = 'Pending', attempts = [] } = (body as Partial<InstanceClaim>).status ?? {};
  return phase !== 'Pending' || attempts.length > 0;
}

/** A successor puts its token into ComputeNode. */
export function writesToken({ method, path, body }: Passing): boolean {
  if (method !== 'PUT' || !path.includes('/computenodes/')) return false;
  return (body as Partial<ComputeNode>).status?.agent?.token !== undefined;
}

/** A successor puts its token into a claim that is not decided. */
export function raisesBarrier(passing: Passing): boolean {
  return passing.method === 'PUT' && passing.path.includes('/instanceclaims/') && !decides(passing);
}

/** The agent lists its claims. */
export function listsClaims({ method, path, isWatch }: Passing): boolean {
  return method === 'GET' && path.endsWith('/instanceclaims') && !isWatch;
}

/** The agent looks at one claim. */
export function readsClaim({ method, path }: Passing): boolean {
  return method === 'GET' && /\/instanceclaims\/[^/]+$/.test(path);
}

/** The one thing that an idle agent does: it renews its Lease, a few times a minute. */
export function isHeartbeat({ path }: Passing): boolean {
  return path.includes('/leases/');
}
