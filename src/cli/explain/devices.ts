/** Whether ComputeNode.status gives each PCI device to whom the claims say has it. Pure. */
import type { ComputeNode } from '../../api/generated/v1alpha1.ts';
import { claimOfKey } from '../../protocol/held.ts';
import type { Line } from './lines.ts';

/** A device that the node's status gives to somebody else than its claim does. */
export interface DeviceDifference {
  readonly address: string;
  /** UIDs of the claims that hold it. */
  readonly claimed: readonly string[];
  /** `claimUID` in the node's status; undefined where it says that no claim has it. */
  readonly published: string | undefined;
}

/**
 * One that the status does not list is no difference: it may be left out there (`omitted`), or be gone from the host, which its claim's
 * condition DevicesPresent tells. Neither is one that an instance has beyond what it was granted: only the hypervisor knows of those.
 */
export function deviceDifferences({ status }: ComputeNode, lines: readonly Line[]): DeviceDifference[] {
  const holders = holdersOf(lines);
  const uids = new Set(lines.map(({ uid }) => uid));
  return (status?.pciDevices ?? []).flatMap(({ address, claimUID, state }) => {
    const claimed = holders.get(address) ?? [];
    const isExtra = state === 'Allocated' && claimUID !== undefined && uids.has(claimUID) && claimed.length === 0;
    const agrees = claimUID === undefined ? claimed.length === 0 : claimed.includes(claimUID);
    return agrees || isExtra ? [] : [{ address, claimed, published: claimUID }];
  });
}

function holdersOf(lines: readonly Line[]): Map<string, string[]> {
  const holders = new Map<string, string[]>();
  for (const { holding } of lines) {
    const uid = claimOfKey(holding.key);
    if (uid === undefined) continue;
    for (const address of holding.devices) holders.set(address, [...(holders.get(address) ?? []), uid]);
  }
  return holders;
}
