/** Builders of the objects and settings that tests work with. */
import type { ComputeNode, InstanceClaim, InstanceClaimSpec } from '../../../src/api/generated/v1alpha1.ts';
import type { ReportedInstance } from '../../../src/drivers/driver.ts';
import type { PciDevice } from '../../../src/ledger/types.ts';
import type { TrackerSettings } from '../../../src/protocol/settings.ts';

export const MEBIBYTE = 1n << 20n;
export const GIBIBYTE = 1n << 30n;
const ONE = { numerator: 1n, denominator: 1n };

/** Settings that reserve nothing, oversubscribe nothing and know no overhead, but for what is given. */
export function settings(given: Partial<TrackerSettings> = {}): TrackerSettings {
  return {
    nodeName: 'node-a',
    identity: 'agent-1',
    leaseNamespace: 'resource-tracker',
    version: '0.1.0',
    defaults: {
      reserved: { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n },
      allocationRatios: { vcpus: ONE, memory: ONE, disk: ONE },
      limitPolicy: 'Capped',
    },
    pciDevices: [{ vendorID: '10de' }],
    pciAliases: new Map([['gpu', [{ vendorID: '10de' }]]]),
    overheadMemoryBytes: () => 0n,
    maxBatch: 16,
    ...given,
  };
}

export interface ClaimParts extends Omit<InstanceClaimSpec, 'flavor'> {
  readonly name: string;
  readonly namespace?: string;
  /** Memory of the flavor in MiB. */
  readonly memoryMi?: number;
  readonly vcpus?: number;
  readonly diskGi?: number;
}

/** A claim for node-a as a tenant would create it: 1 vCPU and 1024 MiB, but for what is given. */
export function claim(parts: ClaimParts): InstanceClaim {
  const { name, namespace = 'default', memoryMi = 1024, vcpus = 1, diskGi, ...spec } = parts;
  const flavor = { vcpus, memory: `${memoryMi}Mi`, ...(diskGi !== undefined && { rootDisk: `${diskGi}Gi` }) };
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'InstanceClaim',
    metadata: { name, namespace },
    spec: { nodeName: 'node-a', ...(spec.flavorRef === undefined && { flavor }), ...spec },
  };
}

export function computeNode(name: string, spec: ComputeNode['spec'] = {}): ComputeNode {
  return { apiVersion: 'resourcetracker.dev/v1alpha1', kind: 'ComputeNode', metadata: { name }, spec };
}

/** An active instance of 1 vCPU and 1 GiB without devices, but for what is given. */
export function instance(given: Partial<ReportedInstance> & { readonly uuid: string }): ReportedInstance {
  return { name: given.uuid, vmState: 'Active', vcpus: 1n, memoryBytes: GIBIBYTE, devices: [], ...given };
}

/** A GPU without virtual functions. */
export function gpu(slot: number): PciDevice {
  const address = `0000:${slot.toString(16).padStart(2, '0')}:00.0`;
  return { address, vendorID: '10de', productID: '2204', deviceType: 'PCI' };
}
