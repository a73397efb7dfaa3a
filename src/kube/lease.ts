import { LEASES } from '../api/kinds.ts';
import type { Connection } from './connection.ts';
import { type KubeObject, type ResourceClient, resourceClient } from './resource.ts';

/** A Lease as the API server writes it: times are RFC 3339 strings with microseconds. */
export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string | undefined;
    readonly leaseDurationSeconds?: number | undefined;
    readonly acquireTime?: string | undefined;
    readonly renewTime?: string | undefined;
    readonly leaseTransitions?: number | undefined;
  };
}

/** Reads and writes Leases. */
export function leaseClient(connection: Connection): ResourceClient<Lease> {
  return resourceClient<Lease>(connection, LEASES);
}
