/** What the controller wants written. Plain data; every piece is a compare-and-swap, so that it does no harm when it comes late or twice. */
import type { ComputeNode, InstanceClaim, Migration } from '../api/generated/v1alpha1.ts';
import type { Lease } from '../api/lease.ts';
import type { Turn } from './condition-changes.ts';

export type Work =
  /** The status, by resourceVersion and UID. */
  | { readonly kind: 'writeNode'; readonly node: ComputeNode; readonly turned: readonly Turn[] }
  /** With the Lease that its last agent left: that goes first, as nobody would look for it later. */
  | { readonly kind: 'deleteNode'; readonly node: ComputeNode; readonly lease?: Lease }
  /** The status, by resourceVersion and UID. */
  | { readonly kind: 'writeClaim'; readonly claim: InstanceClaim; readonly turned: readonly Turn[] }
  | { readonly kind: 'deleteClaim'; readonly claim: InstanceClaim }
  /** The status, by resourceVersion and UID. */
  | { readonly kind: 'writeMigration'; readonly migration: Migration; readonly turned: readonly Turn[] };

/** The object that a piece of work is about. */
export function objectOf(work: Work): ComputeNode | InstanceClaim | Migration {
  if ('node' in work) return work.node;
  return 'claim' in work ? work.claim : work.migration;
}

/** A piece of work, or none, and when time alone may ask for one (monotonic milliseconds). */
export interface Step {
  readonly work?: Work;
  readonly dueMs?: number;
}

export const NOTHING_TO_DO: Step = {};
