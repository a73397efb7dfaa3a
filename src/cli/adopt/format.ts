/** A plan for people and for `kubectl apply`, and what became of it. */

import { stringify } from 'yaml';
import type { InstanceClaim } from '../../api/generated/v1alpha1.ts';
import { qualifiedName } from '../../api/object-meta.ts';
import { formatTable } from '../inspect-table.ts';
import type { Result } from './perform.ts';
import type { AdoptionPlan } from './plan.ts';

/** The claims as YAML; empty without any. */
export function formatClaims(claims: readonly InstanceClaim[]): string {
  return claims.map((claim) => `---\n${stringify(claim, { lineWidth: 0 })}`).join('');
}

/** What people should know of a plan, a line each. */
export function remarksOn({ skipped, remarks, unlisted }: AdoptionPlan): readonly string[] {
  return [
    ...remarks,
    ...skipped.map(({ instance, reason }) => `left alone: ${instance}: ${reason}`),
    ...(unlisted > 0
      ? [`${unlisted} more that the node's status has no room to list; they come when these are adopted`]
      : []),
  ];
}

/** What became of each claim. */
export function formatResults(results: readonly Result[]): string {
  const rows = results.map(({ claim, outcome, reason }) => [
    qualifiedName(claim.metadata),
    claim.spec.instance?.name ?? claim.spec.instance?.uuid ?? '',
    outcome,
    reason.replaceAll('\n', ' '),
  ]);
  return rows.length === 0 ? '' : `${formatTable(['CLAIM', 'INSTANCE', 'OUTCOME', 'REASON'], rows)}\n`;
}
