/** What is wrong with claimed instances at present, as their claims tell it. Pure. */
import type { InstanceClaim } from '../api/generated/v1alpha1.ts';

const TROUBLES = ['InstanceMissing', 'InstanceExceedsClaim', 'DevicesMissing', 'DevicesChanged'] as const;

/** How many claims tell each kind of trouble; kinds without any are there with 0. */
export type Troubles = Readonly<Record<(typeof TROUBLES)[number], number>>;

/** Counts the troubles of the claims whose instance is on the node. */
export function troublesOf(claims: Iterable<InstanceClaim>, nodeName: string): Troubles {
  const counts = Object.fromEntries(TROUBLES.map((trouble) => [trouble, 0])) as Record<
    (typeof TROUBLES)[number],
    number
  >;
  for (const { status } of claims) {
    if (status?.phase !== 'Claimed' || status.nodeName !== nodeName) continue;
    for (const { reason } of status.conditions ?? []) if (isTrouble(reason)) counts[reason] += 1;
  }
  return counts;
}

function isTrouble(reason: string): reason is (typeof TROUBLES)[number] {
  return TROUBLES.some((trouble) => trouble === reason);
}
