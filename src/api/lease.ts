import type { ObjectMeta } from './object-meta.ts';

/** A coordination.k8s.io/v1 Lease as the API server writes it: times are RFC 3339 with microseconds. */
export interface Lease {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly spec?: {
    /** Empty: given back by its last holder. */
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}
