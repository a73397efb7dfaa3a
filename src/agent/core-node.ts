/** What the agent wants to know of the Kubernetes Node of its host. */
import type { ObjectMeta } from '../api/object-meta.ts';
import type { Observation } from '../protocol/messages.ts';

/** The parts of core/v1 Node that are read. */
export interface CoreNode {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly unschedulable?: boolean };
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

/** A Node that is not there is neither cordoned nor has it an address. */
export function observationOfNode(node: CoreNode | undefined): Observation & { kind: 'hostNodeSeen' } {
  const internalIP = node?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  return {
    kind: 'hostNodeSeen',
    unschedulable: node?.spec?.unschedulable === true,
    ...(internalIP !== undefined && { internalIP }),
  };
}
