import type { ComputeNodeStatus, Flavor, MigrationStatus } from './generated/v1alpha1.ts';

/**
 * ComputeNode.status.columns for the rest of the status. kubectl's columns can show one field each: what is joined or added up
 * for people must stand in the status as text.
 */
export function nodeColumns(status: ComputeNodeStatus): NonNullable<ComputeNodeStatus['columns']> {
  const { used, limit, pciPools = [], orphans = [] } = status;
  const counts = { pciFree: pciPools.reduce((sum, pool) => sum + pool.free, 0), orphans: orphans.length };
  if (used?.vcpus === undefined) return counts;
  return { vcpus: limit?.vcpus === undefined ? `${used.vcpus}` : `${used.vcpus}/${limit.vcpus}`, ...counts };
}

/** Migration.status.columns for the rest of the status: `m1.small -> m1.large`. */
export function migrationColumns(status: MigrationStatus): NonNullable<MigrationStatus['columns']> {
  const { oldFlavor, newFlavor } = status;
  if (oldFlavor === undefined || newFlavor === undefined) return {};
  return { flavor: `${nameFlavor(oldFlavor)} -> ${nameFlavor(newFlavor)}` };
}

function nameFlavor({ name, vcpus, memory }: Flavor): string {
  return name ?? `${vcpus} vCPUs, ${memory}`;
}
