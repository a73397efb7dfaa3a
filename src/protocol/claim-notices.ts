/**
 * What is news for people in the life of a claimed instance: told by the conditions that its claim had and has, so once for each change,
 * whichever of our writes brought it about. What a claim says when it is seen for the first time was told by whoever wrote it. Pure.
 */
import { findCondition } from '../api/conditions.ts';
import type { Condition, InstanceClaim } from '../api/generated/v1alpha1.ts';
import { refOf } from './claim-facts.ts';
import type { Notice } from './messages.ts';

/** What is news in `after`, which took the place of `before`, on the node where its instance is. */
export function noticesOf(before: InstanceClaim | undefined, after: InstanceClaim, nodeName: string): Notice[] {
  const { phase, nodeName: at, conditions } = after.status ?? {};
  if (before === undefined || phase !== 'Claimed' || at !== nodeName) return [];
  const told = READERS.flatMap(([type, read]): Notice[] => {
    const now = findCondition(conditions, type);
    const reason = now && read(findCondition(before.status?.conditions, type), now);
    return reason === undefined ? [] : [{ ref: refOf(after), reason, message: now?.message ?? '' }];
  });
  return [...moves(before, after), ...told];
}

/** Told by the node that it has come to. */
function moves({ status: before }: InstanceClaim, after: InstanceClaim): Notice[] {
  const [from, to] = [before?.nodeName, after.status?.nodeName];
  if (before?.phase !== 'Claimed' || from === undefined || from === to) return [];
  return [
    { ref: refOf(after), reason: 'InstanceMoved', message: `the claim has moved from node ${from} to node ${to}` },
  ];
}

type Reader = (before: Condition | undefined, now: Condition) => Notice['reason'] | undefined;

const READERS: readonly (readonly [type: string, Reader])[] = [
  ['InstanceRunning', presence],
  ['InstanceMatchesClaim', match],
  ['DevicesPresent', devices],
];

const MISSING = 'InstanceMissing';

function presence(before: Condition | undefined, { reason }: Condition): Notice['reason'] | undefined {
  if (reason === MISSING) return before?.reason === MISSING ? undefined : MISSING;
  return before === undefined || before.reason === MISSING ? 'InstanceAppeared' : undefined;
}

function match(before: Condition | undefined, now: Condition): Notice['reason'] | undefined {
  if (now.status === 'False') return isTold(before, now) ? undefined : 'InstanceExceedsClaim';
  return before?.status === 'False' ? 'InstanceMatchesClaim' : undefined;
}

function devices(before: Condition | undefined, now: Condition): Notice['reason'] | undefined {
  if (now.status !== 'False') return before?.status === 'False' ? 'DevicesPresent' : undefined;
  if (isTold(before, now)) return undefined;
  return now.reason === 'DevicesChanged' ? 'DevicesChanged' : 'DevicesMissing';
}

/** Other figures, and another device that is gone, are news, too. */
function isTold(before: Condition | undefined, now: Condition): boolean {
  return before?.status === now.status && before.message === now.message;
}
