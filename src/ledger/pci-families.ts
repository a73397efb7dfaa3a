import type { Candidate } from './pci-matching.ts';
import type { PciDevice } from './types.ts';

/** A free device that at least one request asks for. */
export interface DeviceCandidate extends Candidate {
  readonly device: PciDevice;
  readonly isPresent: boolean;
  /** How much taking it spoils for others; see `rankOf`. */
  readonly rank: number;
}

/** A PF and VFs of it that are all candidates: either it serves, or they do. */
export interface Family {
  readonly physical: DeviceCandidate;
  readonly virtual: readonly DeviceCandidate[];
}

/**
 * Families whose PFs are worth the same and of which each has all the VFs, kind by kind, that the one before it has. If any of a chain
 * gives its PF away, it may as well be the first ones: swapping two of them loses nothing. So a chain of n has n + 1 choices, not 2^n.
 */
export type Chain = readonly Family[];

export function familiesOf(candidates: readonly DeviceCandidate[]): Family[] {
  const byParent = Map.groupBy(candidates.filter(isVirtual), ({ device }) => device.parentAddress);
  return candidates.flatMap((physical) => {
    const virtual = isVirtual(physical) ? undefined : byParent.get(physical.device.address);
    return virtual === undefined ? [] : [{ physical, virtual }];
  });
}

export function chainsOf(families: readonly Family[]): Chain[] {
  const chains: Family[][] = [];
  for (const family of families.toSorted((left, right) => left.virtual.length - right.virtual.length)) {
    const chain = chains.find((other) => continues(other.at(-1), family));
    if (chain === undefined) chains.push([family]);
    else chain.push(family);
  }
  return chains;
}

function isVirtual({ device }: DeviceCandidate): boolean {
  return device.deviceType === 'VF';
}

function continues(last: Family | undefined, next: Family): boolean {
  if (last === undefined || last.physical.group !== next.physical.group) return false;
  const available = kindsOf(next);
  return [...kindsOf(last)].every(([group, count]) => (available.get(group) ?? 0) >= count);
}

function kindsOf({ virtual }: Family): Map<string, number> {
  const kinds = new Map<string, number>();
  for (const { group } of virtual) kinds.set(group, (kinds.get(group) ?? 0) + 1);
  return kinds;
}
