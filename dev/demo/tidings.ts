/** Words for what the watches show: one line for each change that people care about. Undefined: not worth a line. */
import type { kind } from 'kubernetes-fluent-client';
import type { Condition } from '../../src/api/generated/v1alpha1.ts';
import { keyOf } from './follower.ts';
import type { ComputeNode, InstanceClaim, Migration } from './kinds.ts';

export type Tiding = { readonly subject: string; readonly text: string; readonly mood: 'good' | 'bad' | 'plain' };

/** A claim's way from Pending to its end. */
export function claimTiding(before: InstanceClaim | undefined, after: InstanceClaim | undefined): Tiding | undefined {
  const claim = after ?? before;
  if (claim === undefined) return undefined;
  const subject = `claim ${keyOf(claim)}`;
  if (after === undefined) return { subject, text: 'deleted: what it held is free', mood: 'plain' };
  const text = claimState(after);
  if (text === undefined || (before !== undefined && text === claimState(before))) return undefined;
  return { subject, text, mood: moodOf(after) };
}

function claimState({ status }: InstanceClaim): string | undefined {
  const claimed = conditionOf(status?.conditions, 'Claimed');
  if (claimed === undefined) return undefined;
  if (status?.phase === 'Claimed') return `Claimed on ${status.nodeName}${devicesOf(status.pciDevices)}`;
  const attempts = status?.attempts?.length ?? 0;
  const tried = attempts === 0 ? '' : ` (attempt ${attempts})`;
  const phase = status?.phase ?? 'Pending';
  const reasons = claimed.reason === phase ? '' : `: ${claimed.reason.replaceAll(',', ', ')}`;
  return `${phase}${tried}${reasons}${figures(claimed)}`;
}

/** Behind the reason where there is one, below it where there are several. */
function figures({ reason, message }: Condition): string {
  if (!(reason.includes(',') && message.includes('; '))) return `: ${message}`;
  const sentences = message.split('; ');
  return sentences.map((sentence) => `\n           ${sentence}`).join('');
}

type Devices = NonNullable<InstanceClaim['status']>['pciDevices'];

function devicesOf(devices: Devices = []): string {
  if (devices.length === 0) return '';
  return ` with ${devices.map(({ request, address }) => `${request} ${address}`).join(', ')}`;
}

function moodOf({ status }: InstanceClaim): Tiding['mood'] {
  if (status?.phase === 'Claimed') return 'good';
  return status?.phase === 'Pending' || status?.phase === undefined ? 'plain' : 'bad';
}

/** A migration's way from one phase to the next. */
export function migrationTiding(before: Migration | undefined, after: Migration | undefined): Tiding | undefined {
  const text = after && migrationState(after);
  if (after === undefined || text === undefined || (before !== undefined && text === migrationState(before)))
    return undefined;
  const { phase } = after.status ?? {};
  const mood = phase === 'Confirmed' ? 'good' : phase === 'Rejected' || phase === 'Failed' ? 'bad' : 'plain';
  return { subject: `migration ${keyOf(after)}`, text, mood };
}

function migrationState({ spec, status }: Migration): string | undefined {
  const { phase = 'Pending', sourceNodeName, conditions } = status ?? {};
  if (phase === 'Pending') return undefined;
  const refusal = phase === 'Rejected' ? conditionOf(conditions, 'Claimed') : undefined;
  if (refusal !== undefined) return `${phase}: ${refusal.reason.replaceAll(',', ', ')}${figures(refusal)}`;
  return `${phase} (${sourceNodeName === spec.targetNodeName ? 'in place on' : `${sourceNodeName} ->`} ${spec.targetNodeName})`;
}

/** What is left on a node, whenever that changes. */
export function nodeTiding(before: ComputeNode | undefined, after: ComputeNode | undefined): Tiding | undefined {
  const text = after && roomOf(after);
  if (after === undefined || text === undefined || (before !== undefined && text === roomOf(before))) return undefined;
  return { subject: `node ${keyOf(after)}`, text, mood: 'plain' };
}

function roomOf({ status }: ComputeNode): string | undefined {
  const { available, columns } = status ?? {};
  if (available === undefined) return undefined;
  const { vcpus, memory, disk } = available;
  return `available: memory ${memory}, disk ${disk}, vCPUs ${vcpus}, PCI devices ${columns?.pciFree ?? 0}`;
}

/** An Event on a node. Those on claims repeat what the claim itself says; `kubectl describe` shows them. */
export function eventTiding(event: kind.Event | undefined): Tiding | undefined {
  if (event?.regarding?.kind !== 'ComputeNode') return undefined;
  const mood = event.type === 'Warning' ? 'bad' : 'plain';
  return { subject: `event ${event.regarding.name}`, text: `${event.reason}: ${event.note}`, mood };
}

/** A condition by its type. */
export function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
