/** Why a node's status may say something else than its claims do. Pure. */

import { findCondition } from '../../api/conditions.ts';
import type { ComputeNode } from '../../api/generated/v1alpha1.ts';
import { qualifiedName } from '../../api/object-meta.ts';
import type { Line } from './lines.ts';

const MAX_NAMED = 5;

/** The likeliest first. */
export function likelyReasons(node: ComputeNode, lines: readonly Line[]): readonly string[] {
  const known = [...omitted(node), ...doubtsOf(lines), ...outdated(node)];
  return known.length > 0 ? known : [deciding(node) ?? UNKNOWN];
}

const UNKNOWN =
  'something was decided or given back since; where it stays so, the agent knows of an instance what it has not told yet, or has a fault: see its log';

function omitted({ status }: ComputeNode): string[] {
  const count = status?.omitted?.orphans ?? 0;
  return count === 0 ? [] : [`${count} orphans count that the status has no room to list (status.omitted.orphans)`];
}

function doubtsOf(lines: readonly Line[]): string[] {
  return lines.flatMap(({ namespace, name, doubts }) => doubts.map((doubt) => `claim ${namespace}/${name}: ${doubt}`));
}

/** Conditions that say that the status is not of now. */
const TELLING = {
  AgentAlive: 'its agent is silent: what became of claims since is not in the status',
  HypervisorConnected: 'the hypervisor is not connected: what instances have is not of now',
  TrackingEnabled: 'its hypervisor cannot report any more: claims are granted without accounting',
  HardwareReportCurrent: 'the last audit failed: what instances have is not of now',
} as const;

function outdated({ metadata, status }: ComputeNode): string[] {
  const said = Object.entries(TELLING).flatMap(([type, words]) =>
    findCondition(status?.conditions, type)?.status === 'False' ? [words] : [],
  );
  const isChanged = (status?.observedGeneration ?? 0) < (metadata.generation ?? 0);
  return [...said, ...(isChanged ? ['its spec was changed, and its agent has not taken that over yet'] : [])];
}

/** Names stay there until the next audit: a guess, where there is no better one. */
function deciding({ status }: ComputeNode): string | undefined {
  const refs = status?.agent?.deciding ?? [];
  if (refs.length === 0) return undefined;
  const named = refs.slice(0, MAX_NAMED).map(qualifiedName);
  const more = refs.length > named.length ? ` and ${refs.length - named.length} more` : '';
  return `decided last, and perhaps still being written: ${named.join(', ')}${more}`;
}
