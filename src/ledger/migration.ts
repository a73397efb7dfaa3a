/**
 * Where a claimed instance is, as one node has to account for it. Everything here is told by one object, so that no order of events can
 * make two nodes see different truths.
 */
export interface ClaimPlace {
  /** Whether the claim was granted, and neither refused nor expired since. */
  readonly isClaimed: boolean;
  /** Where the instance is now. */
  readonly nodeName?: string;
  readonly migration?: {
    readonly sourceNodeName: string;
    readonly targetNodeName: string;
    /** Whether the flavor in force is already the new one. */
    readonly hasNewFlavor: boolean;
  };
}

/** Which flavor of a claim is held: the one in force as the instance's own, the old or the new one for its migration. */
export type HeldFlavor = 'InForce' | 'Old' | 'New';

/**
 * What a node holds for a claim: with the instance here, the flavor in force, and in a resize in place also the one that the instance is not in
 * (room for the move, or for the way back); without it, the new flavor on the target and the old one on the source.
 * (Nova: _update_usage_from_migration)
 */
export function heldFlavors({ isClaimed, nodeName, migration }: ClaimPlace, node: string): readonly HeldFlavor[] {
  if (!isClaimed) return [];
  if (nodeName !== node) return awayFlavors(migration, node);
  if (migration?.sourceNodeName !== node || migration.targetNodeName !== node) return ['InForce'];
  return ['InForce', migration.hasNewFlavor ? 'Old' : 'New'];
}

function awayFlavors(migration: ClaimPlace['migration'], node: string): readonly HeldFlavor[] {
  if (migration?.targetNodeName === node) return ['New'];
  return migration?.sourceNodeName === node ? ['Old'] : [];
}
