/** An InstanceClaim as the ledger needs it: quantities parsed once, defaults filled in. */
import type { PciRequest as ApiPciRequest, Flavor, InstanceClaim } from '../api/generated/v1alpha1.ts';
import type { ObjectMeta } from '../api/object-meta.ts';
import type { Amounts } from '../ledger/amounts.ts';
import type { ClaimLimits, PciRequest } from '../ledger/types.ts';
import { parseBytes, QuantityError } from '../quantity/quantity.ts';
import type { ObjectRef } from './messages.ts';
import type { TrackerSettings } from './settings.ts';

export const CLAIM_KIND = 'InstanceClaim';

/** Whether a claim is to be decided here, or may make this node hold something. */
export function concerns({ spec, status }: InstanceClaim, nodeName: string): boolean {
  const { sourceNodeName, targetNodeName } = status?.migration ?? {};
  return [spec.nodeName, status?.nodeName, sourceNodeName, targetNodeName].includes(nodeName);
}

/**
 * What is remembered of a claim: nothing that only others read. Labels and annotations can have hundreds of kilobytes, which
 * thousands of claims must not cost this process; a write of the status leaves them as they are.
 */
export function kept({ apiVersion, kind, metadata, spec, status }: InstanceClaim): InstanceClaim {
  return { apiVersion, kind, metadata: keptMetadata(metadata), spec, ...(status !== undefined && { status }) };
}

/** What of an object's metadata anything depends on here. */
export function keptMetadata(metadata: ObjectMeta): ObjectMeta {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp } = metadata;
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(generation !== undefined && { generation }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
    ...(deletionTimestamp !== undefined && { deletionTimestamp }),
  };
}

/** Whether this node is to decide a Pending claim. */
export function isForUs({ spec, status, metadata }: InstanceClaim, nodeName: string): boolean {
  if (spec.nodeName !== nodeName || metadata.deletionTimestamp !== undefined) return false;
  // An attempt here that is the last one waits for its scheduler.
  return status?.attempts?.at(-1)?.nodeName !== nodeName;
}

/** When a claim has waited for as long as it wants to; undefined: never. */
export function waitDeadlineMs({ spec }: InstanceClaim, createdAtMs: number): number | undefined {
  return spec.waitSeconds === undefined ? undefined : endOfMs(createdAtMs, spec.waitSeconds);
}

/** Times in the API are rounded down to whole seconds: what was promised to last so long never ends earlier. */
export function endOfMs(sinceMs: number, seconds: number): number {
  return sinceMs + (seconds + 1) * 1000;
}

/** Milliseconds since the epoch of a time in the API; undefined for what is none. */
export function timeOf(text: string | undefined): number | undefined {
  const atMs = Date.parse(text ?? '');
  return Number.isNaN(atMs) ? undefined : atMs;
}

/** What a claim asks for, or why that cannot be told (an alias that this node does not know). */
export type Asked =
  | {
      readonly kind: 'readable';
      readonly amounts: Amounts;
      readonly overheadMemoryBytes: bigint;
      readonly limits: ClaimLimits;
      readonly pciRequests: readonly PciRequest[];
    }
  | { readonly kind: 'unreadable'; readonly reason: string; readonly message: string };

/** The name of an object for good. */
export function refOf(claim: InstanceClaim): ObjectRef {
  const { namespace = '', name = '', uid = '' } = claim.metadata;
  return { kind: CLAIM_KIND, namespace, name, uid };
}

/** How the hypervisor knows the claimed instance: the given uuid, else the claim's own UID. */
export function instanceIdOf(claim: InstanceClaim): string {
  return claim.spec.instance?.uuid ?? claim.metadata.uid ?? '';
}

/** vCPUs, memory, and root plus ephemeral disk of a flavor. Throws QuantityError and RangeError for what the schema refuses. */
function amountsOf(flavor: Flavor): Amounts {
  const disk = parseBytes(flavor.rootDisk ?? 0) + parseBytes(flavor.ephemeralDisk ?? 0);
  return { vcpus: BigInt(flavor.vcpus), memoryBytes: parseBytes(flavor.memory), diskBytes: disk };
}

/** A claim's status has room for so many devices. */
export const MAX_CLAIMED_DEVICES = 256;

/** What a claim or a migration wants to be held. */
export type Wish = Pick<InstanceClaim['spec'], 'flavor' | 'limits' | 'pciRequests'>;

/** Reads what is asked for. A fault in it is a value, so that it costs nobody else anything. */
export function asked({ flavor, limits, pciRequests = [] }: Wish, settings: TrackerSettings): Asked {
  if (flavor === undefined)
    return unreadable('UnknownFlavor', 'flavorRef needs the KubeVirt driver; write spec.flavor instead');
  const devices = pciRequests.reduce((sum, { count }) => sum + count, 0);
  if (devices > MAX_CLAIMED_DEVICES)
    return unreadable(
      'TooManyPCIDevices',
      `asks for ${devices} PCI devices; a claim has ${MAX_CLAIMED_DEVICES} at most`,
    );
  try {
    const amounts = notNegative(amountsOf(flavor), 'flavor');
    return {
      kind: 'readable',
      amounts,
      overheadMemoryBytes: settings.overheadMemoryBytes(amounts),
      limits: notNegative(limitsOf(limits), 'limits'),
      pciRequests: pciRequests.map((request) => resolveRequest(request, settings)),
    };
  } catch (error) {
    if (error instanceof UnknownAlias) return unreadable('UnknownPCIAlias', error.message);
    // BigInt throws a RangeError for vCPUs that are not whole.
    if (error instanceof QuantityError || error instanceof RangeError)
      return unreadable('InvalidQuantity', error.message);
    throw error;
  }
}

function unreadable(reason: string, message: string): Asked {
  return { kind: 'unreadable', reason, message };
}

/** The schema refuses what is below zero, but one claim that slipped through must not stop the others. */
function notNegative<T extends Partial<Amounts>>(amounts: T, what: string): T {
  for (const amount of [amounts.vcpus, amounts.memoryBytes, amounts.diskBytes])
    if (amount !== undefined && amount < 0n) throw new RangeError(`an amount in ${what} is below zero`);
  return amounts;
}

function limitsOf(limits: InstanceClaim['spec']['limits']): ClaimLimits {
  return {
    ...(limits?.vcpus !== undefined && { vcpus: BigInt(limits.vcpus) }),
    ...(limits?.memory !== undefined && { memoryBytes: parseBytes(limits.memory) }),
    ...(limits?.disk !== undefined && { diskBytes: parseBytes(limits.disk) }),
  };
}

class UnknownAlias extends Error {}

function resolveRequest(request: ApiPciRequest, settings: TrackerSettings): PciRequest {
  const { name, count } = request;
  if (request.alias === undefined) return { name, count, selectors: request.selectors ?? [] };
  const selectors = settings.pciAliases.get(request.alias);
  if (selectors === undefined) throw new UnknownAlias(unknownAlias(request.alias, settings));
  return { name, count, selectors };
}

function unknownAlias(alias: string, settings: TrackerSettings): string {
  const known = [...settings.pciAliases.keys()].sort().join(', ') || 'none';
  return `no PCI alias "${alias}" is configured on node ${settings.nodeName} (known: ${known})`;
}
