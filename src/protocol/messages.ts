/**
 * What flows into and out of the protocol: observations of the world, answers to writes, and effects for the caller to perform.
 * All are plain data, so that the agent, the simulation and a trace speak the same words.
 */
import type {
  ComputeNode,
  DecidingEntry,
  InstanceClaim,
  Migration,
  MigrationPhase,
} from '../api/generated/v1alpha1.ts';
import type { Lease } from '../api/lease.ts';
import type { HostReport, ReportedInstance } from '../drivers/driver.ts';
import type { HostReading } from './host-metrics.ts';
import type { ClaimSource, MigrationSource } from './sources.ts';

/** Names one object for good: a re-created object of the same name is another one. */
export interface ObjectRef {
  readonly kind: DecidingEntry['kind'];
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** How the API server answered a read or a write. */
export type Answer<T> =
  | { readonly kind: 'ok'; readonly object: T }
  /** The resourceVersion or UID is not the present one. */
  | { readonly kind: 'conflict' }
  | { readonly kind: 'missing' }
  /** No word came back: the request may have been carried out, or may still be. */
  | { readonly kind: 'unanswered'; readonly message: string }
  /** Surely not carried out. Too large: nor will it ever be, nor anything larger. */
  | { readonly kind: 'refused'; readonly message: string; readonly isTooLarge?: boolean };

/** Something that the caller saw. It changes what the tracker knows, never by itself what it holds. */
export type Observation =
  /**
   * This process may act for the node (it has the Lease, or is alone); `token` is fresh and random. `restored`: it has seen that the
   * history of the API server went back, so that what former owners were deciding is not known.
   */
  | { readonly kind: 'lead'; readonly token: string; readonly restored?: boolean }
  /** This process may not act any longer: the Lease was lost, or it stops. */
  | { readonly kind: 'yield' }
  | { readonly kind: 'nodeRead' | 'nodeCreated' | 'nodeWritten'; readonly answer: Answer<ComputeNode> }
  /** Consistent lists of all that concerns the node; what they lack has to be read before it is given back. */
  | {
      readonly kind: 'claimsListed';
      readonly claims: readonly InstanceClaim[];
      readonly migrations?: readonly Migration[];
    }
  /** One of the watches began anew, with a list of its own, and as of when that is. */
  | {
      readonly kind: 'claimsRelisted';
      readonly source: ClaimSource;
      readonly claims: readonly InstanceClaim[];
      readonly resourceVersion?: string;
    }
  | { readonly kind: 'claimSeen'; readonly claim: InstanceClaim }
  /** A watch said DELETED: gone, or only no longer matching. */
  | { readonly kind: 'claimUnmatched'; readonly claim: InstanceClaim }
  | { readonly kind: 'claimRead' | 'claimWritten'; readonly ref: ObjectRef; readonly answer: Answer<InstanceClaim> }
  /** The claim of this name, whichever it is. */
  | { readonly kind: 'claimLookedUp'; readonly name: NamespacedName; readonly answer: Answer<InstanceClaim> }
  | {
      readonly kind: 'migrationsRelisted';
      readonly source: MigrationSource;
      readonly migrations: readonly Migration[];
    }
  | { readonly kind: 'migrationSeen'; readonly migration: Migration }
  /** What the watches of migrations select by never changes: DELETED is the end of one. */
  | { readonly kind: 'migrationGone'; readonly migration: Migration }
  | { readonly kind: 'migrationRead' | 'migrationWritten'; readonly ref: ObjectRef; readonly answer: Answer<Migration> }
  /** The Lease of another node's agent. */
  | { readonly kind: 'peerRead'; readonly nodeName: string; readonly answer: Answer<Lease> }
  | { readonly kind: 'nodeSeen'; readonly node: ComputeNode }
  | { readonly kind: 'nodeDeleted'; readonly uid: string }
  /** The Kubernetes Node of the same name. */
  | { readonly kind: 'hostNodeSeen'; readonly unschedulable: boolean; readonly internalIP?: string }
  | { readonly kind: 'hostReported'; readonly report: HostReport }
  | { readonly kind: 'hostReportFailed'; readonly message: string }
  /** The hypervisor cannot tell what the host has: claims are granted without being counted, until it is reported after all. */
  | { readonly kind: 'hostUntracked'; readonly reason: string }
  | { readonly kind: 'hostMeasured'; readonly reading: HostReading }
  | { readonly kind: 'driverConnected' }
  | { readonly kind: 'driverDisconnected'; readonly message: string }
  | { readonly kind: 'instanceSeen'; readonly instance: ReportedInstance }
  | { readonly kind: 'instanceGone'; readonly uuid: string };

export interface NamespacedName {
  readonly namespace: string;
  readonly name: string;
}

/** How a claim was decided; told once, when the API server has accepted it. */
export interface Outcome {
  readonly ref: ObjectRef;
  readonly phase: 'Claimed' | 'Rejected' | 'Expired' | 'Attempted';
  /** Empty for a grant. */
  readonly reasons: readonly string[];
  readonly message: string;
  /** From the moment that this process first saw the claim. */
  readonly latencyMs: number;
}

/** Something that happened to a claimed instance; told once for each change. */
export interface Notice {
  readonly ref: ObjectRef;
  readonly reason:
    | 'InstanceAppeared'
    | 'InstanceMoved'
    | 'InstanceMissing'
    | 'InstanceExceedsClaim'
    | 'InstanceMatchesClaim'
    | 'DevicesMissing'
    | 'DevicesChanged'
    | 'DevicesPresent';
  readonly message: string;
}

/** A phase that this node's agent has given a migration; told once, when the API server has accepted it. */
export interface MigrationOutcome {
  readonly ref: ObjectRef;
  readonly phase: MigrationPhase;
  /** Empty unless it was refused or failed. */
  readonly reasons: readonly string[];
  readonly message: string;
}

/**
 * Work for the caller. Each read and write is answered by the observation of the matching name; `unanswered` and `refused`
 * come after a back-off of the caller's, as the tracker tries again at once.
 */
export type Effect =
  | { readonly kind: 'readNode' }
  | { readonly kind: 'createNode'; readonly node: ComputeNode }
  /** Compare-and-swap of the status by resourceVersion and UID. */
  | { readonly kind: 'writeNode'; readonly node: ComputeNode }
  | { readonly kind: 'readClaim'; readonly ref: ObjectRef }
  /** Compare-and-swap of the status by resourceVersion and UID. */
  | { readonly kind: 'writeClaim'; readonly ref: ObjectRef; readonly claim: InstanceClaim }
  /** List claims and migrations consistently (not from a cache), then watch from there: all sources anew. */
  | { readonly kind: 'listClaims' }
  | { readonly kind: 'lookUpClaim'; readonly name: NamespacedName }
  | { readonly kind: 'readMigration'; readonly ref: ObjectRef }
  /** Compare-and-swap of the status by resourceVersion and UID. */
  | { readonly kind: 'writeMigration'; readonly ref: ObjectRef; readonly migration: Migration }
  /** Compare-and-swap of the owner references alone; answered by `migrationWritten`. */
  | { readonly kind: 'ownMigration'; readonly ref: ObjectRef; readonly migration: Migration }
  | { readonly kind: 'readPeer'; readonly nodeName: string }
  | { readonly kind: 'decided'; readonly outcome: Outcome }
  | { readonly kind: 'migrated'; readonly outcome: MigrationOutcome }
  | { readonly kind: 'noticed'; readonly notice: Notice }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: Record<string, unknown>;
    }
  /** Everything that was known is dropped; compete again. `restored`: for the next `lead` of this process. */
  | { readonly kind: 'steppedDown'; readonly reason: string; readonly restored: boolean }
  /** This process must not act for the node as it is configured. */
  | { readonly kind: 'fatal'; readonly message: string };
