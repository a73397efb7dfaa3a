/** Disk is what no hypervisor tells of an instance: whoever adopts it says how much it has. Pure. */
import { bytes } from '../../agent/amount-options.ts';
import { matchesGlob } from '../../ledger/glob.ts';
import { text } from '../../process/option.ts';

/** So much for the instances whose name the glob matches. */
export interface RootDisk {
  readonly glob: string;
  readonly bytes: bigint;
}

/** `20Gi`, or `db-*=200Gi`. Throws an Error that says what to write. */
export function rootDisk(value: unknown): RootDisk {
  const given = text(value);
  const at = given.lastIndexOf('=');
  const [glob, quantity] = at < 0 ? ['*', given] : [given.slice(0, at), given.slice(at + 1)];
  if (glob === '') throw new Error('must be QUANTITY or GLOB=QUANTITY, for example 20Gi or db-*=200Gi');
  return { glob, bytes: bytes(quantity) };
}

/** That of the last one that matches; none without one. */
export function rootDiskOf(instanceName: string, disks: readonly RootDisk[]): bigint {
  return disks.findLast(({ glob }) => matchesGlob(glob, instanceName))?.bytes ?? 0n;
}
