/** What a node holds, line by line: the agent's own function of a claim (`heldFor`), fed with what the API server tells. Pure. */

import { findCondition } from '../../api/conditions.ts';
import type { InstanceClaim, Orphan } from '../../api/generated/v1alpha1.ts';
import { qualifiedName } from '../../api/object-meta.ts';
import type { ReportedInstance } from '../../drivers/driver.ts';
import type { HeldFlavor } from '../../ledger/migration.ts';
import { orphanHolding } from '../../ledger/orphan.ts';
import type { Holding, NodePolicy } from '../../ledger/types.ts';
import { instanceIdOf } from '../../protocol/claim-facts.ts';
import { readExcess } from '../../protocol/excess.ts';
import { claimKey, heldFor, isUnreadable, orphanKey } from '../../protocol/held.ts';
import { bytesOf, countOf } from '../../protocol/readable.ts';
import type { TrackerSettings } from '../../protocol/settings.ts';
import type { NodeView } from './node-view.ts';

/** One holding, and whose it is. */
export interface Line {
  readonly kind: 'claim' | 'orphan';
  /** Of a claim. */
  readonly namespace?: string;
  readonly name: string;
  /** The claim's UID, or the orphan's UUID. */
  readonly uid: string;
  readonly flavor?: HeldFlavor;
  /** The migration that locks the claim, and where it goes. */
  readonly migration?: { readonly name: string; readonly sourceNodeName: string; readonly targetNodeName: string };
  readonly holding: Holding;
  /** What makes the line other than the claim alone would. */
  readonly notes: readonly string[];
  /** What the API server does not tell, so that the line may be wrong. */
  readonly doubts: readonly string[];
}

/** What is held under the line, or attached to its instance without being held. */
export function devicesOf({ holding }: Line): readonly string[] {
  return [...new Set([...holding.devices, ...(holding.devicesInUse ?? [])])];
}

/** All lines: claims by namespace and name, then orphans as listed. */
export function linesOf(view: NodeView, policy: NodePolicy): readonly Line[] {
  const claims = view.claims.toSorted((one, other) =>
    qualifiedName(one.metadata) < qualifiedName(other.metadata) ? -1 : 1,
  );
  return [
    ...claims.flatMap((claim) => claimLines(claim, view, policy)),
    ...(view.node.status?.orphans ?? []).flatMap((orphan) => orphanLines(orphan, policy)),
  ];
}

function claimLines(claim: InstanceClaim, view: NodeView, policy: NodePolicy): readonly Line[] {
  const settings = settingsOf(view, policy, () => overheadOf(claim) ?? 0n);
  const { namespace = '', name = '', uid = '' } = claim.metadata;
  return heldFor(claim, settings, largerInstance(claim, settings.nodeName)).map((holding) => ({
    kind: 'claim',
    namespace,
    name,
    uid,
    flavor: flavorOf(holding, claim, settings.nodeName),
    ...migrationOf(claim),
    holding,
    ...remarks(claim, holding),
  }));
}

/** What the flavor in force needs besides; the agent's own function of a size nothing tells. */
function overheadOf({ status }: InstanceClaim): bigint | undefined {
  return bytesOf(status?.overhead?.memory);
}

/** As the agent's own settings, as far as they decide what is held. */
function settingsOf(
  { node }: NodeView,
  defaults: NodePolicy,
  overheadMemoryBytes: TrackerSettings['overheadMemoryBytes'],
): TrackerSettings {
  const { identity = '', leaseNamespace = '', version = '' } = node.status?.agent ?? {};
  const nodeName = node.metadata.name ?? '';
  const pci = { pciDevices: [], pciAliases: new Map() };
  return { nodeName, identity, leaseNamespace, version, defaults, ...pci, overheadMemoryBytes, maxBatch: 0 };
}

/** An instance that has more than its claim, with as much of it as the claim's condition says; undefined where none is known. */
function largerInstance(claim: InstanceClaim, nodeName: string): ReportedInstance | undefined {
  const message = excessOf(claim);
  // It is told where the instance is; the other side of a migration has its own eyes, and no place to tell.
  if (message === undefined || claim.status?.nodeName !== nodeName) return undefined;
  const { vcpus = 0n, memoryBytes = 0n } = readExcess(message);
  return { uuid: instanceIdOf(claim), name: '', vmState: 'Active', vcpus, memoryBytes, devices: [] };
}

/** One that is gone from the hypervisor has nothing any more, whatever was said of it. */
function excessOf({ status }: InstanceClaim): string | undefined {
  const matches = findCondition(status?.conditions, 'InstanceMatchesClaim');
  const isMissing = findCondition(status?.conditions, 'InstanceRunning')?.reason === 'InstanceMissing';
  return matches?.status === 'False' && !isMissing ? matches.message : undefined;
}

function flavorOf({ key }: Holding, { metadata, status }: InstanceClaim, nodeName: string): HeldFlavor {
  if (key === claimKey(metadata.uid ?? '')) return 'InForce';
  const lock = status?.migration;
  if (status?.nodeName !== nodeName) return lock?.targetNodeName === nodeName ? 'New' : 'Old';
  return lock?.arrived === true ? 'Old' : 'New';
}

function migrationOf({ status }: InstanceClaim): Pick<Line, 'migration'> {
  if (status?.migration === undefined) return {};
  const { name = '', uid, sourceNodeName, targetNodeName } = status.migration;
  return { migration: { name: name || uid, sourceNodeName, targetNodeName } };
}

function remarks(claim: InstanceClaim, { key }: Holding): Pick<Line, 'notes' | 'doubts'> {
  const notes: string[] = [];
  const doubts: string[] = [];
  const excess = key === claimKey(claim.metadata.uid ?? '') ? excessOf(claim) : undefined;
  if (excess !== undefined) notes.push(`its instance has more than its claim: ${excess}`);
  if (excess !== undefined && Object.keys(readExcess(excess)).length === 0)
    doubts.push('its instance has more than its claim, and the condition InstanceMatchesClaim does not say how much');
  if (isUnreadable(claim)) notes.push('its status cannot be read: what its spec asks for counts');
  const isOther = key !== claimKey(claim.metadata.uid ?? '');
  const told = isOther ? bytesOf(claim.status?.migration?.overhead?.memory) : overheadOf(claim);
  if (told === undefined)
    doubts.push('its status does not tell the overhead: that of the flavor in force, or none, is taken');
  return { notes, doubts };
}

function orphanLines({ uuid, name = '', vcpus, memory, overhead, pciDevices }: Orphan, policy: NodePolicy): Line[] {
  const [all, overheadMemoryBytes, count] = [bytesOf(memory), bytesOf(overhead?.memory ?? 0), countOf(vcpus)];
  if (all === undefined || overheadMemoryBytes === undefined || count === undefined) return [];
  const instance = { vcpus: count, memoryBytes: all - overheadMemoryBytes, overheadMemoryBytes };
  const holding = orphanHolding(orphanKey(uuid), { ...instance, devices: pciDevices ?? [] }, policy.limitPolicy);
  return [{ kind: 'orphan', name, uid: uuid, holding, notes: [], doubts: [] }];
}
