import type { Refusal } from '../../src/ledger/types.ts';
import { fromUnits, GB, MB, twoDigits, VCPU } from './units.ts';

const WORDS = {
  InsufficientMemory: ['memory', 'MB', MB],
  InsufficientDisk: ['disk', 'GB', GB],
  InsufficientVCPUs: ['CPUs', 'VCPUs', VCPU],
} as const;

/** Nova's ComputeResourcesUnavailable for our refusals. */
export function refusalText(refusals: readonly Refusal[]): string {
  return `Insufficient compute resources: ${refusals.map(reasonText).join('; ')}.`;
}

function reasonText(refusal: Refusal): string {
  if (refusal.reason === 'InsufficientPCIDevices') return 'Claim pci failed.';
  const [word, unitName, unit] = WORDS[refusal.reason];
  const free = twoDigits(refusal.available, unit);
  return `Free ${word} ${free} ${unitName} < requested ${fromUnits(refusal.requested, unit)} ${unitName}`;
}
