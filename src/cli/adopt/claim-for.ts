/** The claim that takes an orphan's place: a flavor of what runs, so that what it counts for stays as it is. Pure. */
import type { ComputeNode, InstanceClaim, Orphan } from '../../api/generated/v1alpha1.ts';
import { bytesOf } from '../../protocol/readable.ts';
import { formatBytes } from '../../quantity/quantity.ts';
import { describeDevices } from './pci-requests.ts';
import { type RootDisk, rootDiskOf } from './root-disk.ts';

export type ClaimFor =
  | {
      readonly kind: 'made';
      readonly claim: InstanceClaim;
      /** What people should know of it. */
      readonly remarks: readonly string[];
    }
  | { readonly kind: 'impossible'; readonly reason: string };

/** What somebody has decided about it. */
export interface ClaimParts {
  readonly namespace: string;
  readonly name: string;
  readonly rootDisks: readonly RootDisk[];
  readonly labels: Readonly<Record<string, string>>;
}

/** By this label people find what was adopted. */
const ADOPTED_LABEL = 'resourcetracker.dev/adopted';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** As a claim's schema has it. */
const MAX_VCPUS = 1_000_000;

/** The claim for an orphan of a node, without the overhead, which the agent adds by itself. */
export function claimFor(orphan: Orphan, node: ComputeNode, parts: ClaimParts): ClaimFor {
  const { uuid, vcpus = 0 } = orphan;
  const memoryBytes = memoryOf(orphan);
  if (!UUID.test(uuid)) return { kind: 'impossible', reason: 'its UUID is none that a claim can name' };
  if (memoryBytes <= 0n || vcpus < 1 || vcpus > MAX_VCPUS) {
    const size = `${vcpus} vCPUs, ${formatBytes(memoryBytes)} of memory`;
    return { kind: 'impossible', reason: `no claim can be for what the hypervisor says it has: ${size}` };
  }
  const diskBytes = rootDiskOf(orphan.name ?? '', parts.rootDisks);
  const rootDisk = diskBytes > 0n ? { rootDisk: formatBytes(diskBytes) } : {};
  return made(orphan, node, parts, { vcpus, memory: formatBytes(memoryBytes), ...rootDisk });
}

function memoryOf({ memory, overhead }: Orphan): bigint {
  const [all, extra] = [bytesOf(memory), bytesOf(overhead?.memory ?? 0)];
  return all === undefined || extra === undefined ? 0n : all - extra;
}

function made(
  orphan: Orphan,
  node: ComputeNode,
  { namespace, name, labels }: ClaimParts,
  flavor: NonNullable<InstanceClaim['spec']['flavor']>,
): ClaimFor {
  const { uuid, name: instanceName = '', pciDevices = [] } = orphan;
  const { requests, undescribed } = describeDevices(pciDevices, node.status?.pciDevices ?? []);
  const claim: InstanceClaim = {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'InstanceClaim',
    metadata: { namespace, name, labels: { [ADOPTED_LABEL]: 'true', ...labels } },
    spec: {
      nodeName: node.metadata.name,
      adopt: true,
      instance: { uuid, ...(instanceName !== '' && { name: instanceName }) },
      flavor,
      ...(requests.length > 0 && { pciRequests: requests }),
    },
  };
  return { kind: 'made', claim, remarks: undescribed.length === 0 ? [] : [keeps(orphan, undescribed)] };
}

function keeps(orphan: Orphan, undescribed: readonly string[]): string {
  const devices = undescribed.join(', ');
  return `${labelOf(orphan)} keeps ${devices}, but its claim does not ask for them: the node's status does not describe them`;
}

/** An orphan's name, or its UUID where it has none. */
export function labelOf({ uuid, name }: Orphan): string {
  return name === undefined || name === '' ? uuid : name;
}
