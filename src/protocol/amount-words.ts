/** How amounts are written for people, in refusals and by commands alike. */
import { formatBytes } from '../quantity/quantity.ts';

/** Memory, always in Mi. */
export function memoryWords(bytes: bigint): string {
  return inUnit(bytes, 1n << 20n, 'Mi');
}

/** Disk, always in Gi. */
export function diskWords(bytes: bigint): string {
  return inUnit(bytes, 1n << 30n, 'Gi');
}

/** Always in the same unit, so that figures can be compared at a glance; exact where that unit would round. */
function inUnit(bytes: bigint, unit: bigint, suffix: string): string {
  return bytes % unit === 0n ? `${bytes / unit}${suffix}` : formatBytes(bytes);
}
