import { microTime } from '../api/micro-time.ts';
import type { KubeObject } from './resource.ts';

/** Something that people should see in `kubectl describe`. */
export interface EventToRecord {
  /** What it happened to: apiVersion, kind and metadata's name, namespace and uid are used. */
  readonly regarding: KubeObject;
  readonly type: 'Normal' | 'Warning';
  /** What was being done, in CamelCase: `Claiming`. */
  readonly action: string;
  /** Why, in CamelCase, few and fixed: `InsufficientMemory`. */
  readonly reason: string;
  /** A sentence with the figures. Cut to 1024 bytes. */
  readonly note: string;
}

/** An object of events.k8s.io/v1. */
export interface EventObject extends KubeObject {
  readonly eventTime: string;
  readonly type: string;
  readonly action: string;
  readonly reason: string;
  readonly note: string;
  readonly regarding: ObjectReference;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

interface ObjectReference {
  readonly apiVersion: string | undefined;
  readonly kind: string | undefined;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  readonly uid: string | undefined;
}

/** Who says it. */
export interface EventReporter {
  /** `resourcetracker.dev/agent` */
  readonly reportingController: string;
  /** The node or pod, for instance. */
  readonly reportingInstance: string;
}

/** The API server's limits, in bytes. */
const MAX_NOTE_BYTES = 1024;
const MAX_NAME_LENGTH = 253;
const MAX_INSTANCE_LENGTH = 128;
/** Events on cluster-scoped objects must live here, or in kube-system. */
const CLUSTER_EVENTS_NAMESPACE = 'default';

/** The Event as it is created the first time; `suffix` makes its name unique. */
export function newEvent(event: EventToRecord, reporter: EventReporter, at: Date, suffix: string): EventObject {
  const { apiVersion, kind, metadata: { name, namespace, uid } = {} } = event.regarding;
  return {
    metadata: {
      name: `${(name ?? 'unnamed').slice(0, MAX_NAME_LENGTH - suffix.length - 1)}.${suffix}`,
      namespace: namespace ?? CLUSTER_EVENTS_NAMESPACE,
    },
    eventTime: microTime(at),
    type: event.type,
    action: event.action,
    reason: event.reason,
    note: cutToBytes(event.note, MAX_NOTE_BYTES),
    regarding: { apiVersion, kind, name, namespace, uid },
    reportingController: reporter.reportingController,
    reportingInstance: reporter.reportingInstance.slice(0, MAX_INSTANCE_LENGTH),
  };
}

/** Two events with the same key are one event that happened twice. The API server lets nobody change a note, so it is part of it. */
export function eventKey({ regarding, type, action, reason, note }: EventToRecord): string {
  return JSON.stringify([regarding.metadata?.uid, regarding.metadata?.name, type, action, reason, note]);
}

/** Cuts at a character's border, with an ellipsis. */
function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= maxBytes) return text;
  const ellipsis = '…';
  let end = maxBytes - Buffer.byteLength(ellipsis);
  // 0b10xxxxxx continues a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + ellipsis;
}
