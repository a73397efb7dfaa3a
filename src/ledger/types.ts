import type { Amounts, Ratio } from './amounts.ts';

/** What the host has in all. `vcpus` is absent where the driver cannot tell: then vCPUs are not tested. */
export interface HostTotals {
  readonly vcpus?: bigint;
  readonly memoryBytes: bigint;
  readonly diskBytes: bigint;
}

/** PCI: a plain function; PF: an SR-IOV physical function; VF: a virtual function of the PF at `parentAddress`. */
export type PciDeviceType = 'PCI' | 'PF' | 'VF';

/** One PCI function of the host as the driver reports it, with what the whitelist adds (network, tags). */
export interface PciDevice {
  /** `domain:bus:slot.function`, lower-case hex, for example `0000:3b:00.0`. */
  readonly address: string;
  /** Four lower-case hex digits. */
  readonly vendorID: string;
  readonly productID: string;
  readonly deviceType: PciDeviceType;
  readonly parentAddress?: string;
  /** Host NUMA cell; absent where the platform does not say. */
  readonly numaNode?: number;
  readonly iommuGroup?: number;
  readonly physicalNetwork?: string;
  readonly tags?: readonly string[];
}

/** One alternative of a PCI request: every property that is given must match. `address` is a glob (`*`, `?`). */
export interface PciSelector {
  readonly vendorID?: string;
  readonly productID?: string;
  readonly deviceType?: PciDeviceType;
  readonly address?: string;
  readonly numaNode?: number;
  readonly physicalNetwork?: string;
  /** All of these must be among the device's tags. */
  readonly tags?: readonly string[];
}

/** `count` devices, each matching any one of the selectors. */
export interface PciRequest {
  readonly name: string;
  readonly count: number;
  readonly selectors: readonly PciSelector[];
}

export interface AssignedDevice {
  /** Name of the request that it meets. */
  readonly request: string;
  readonly address: string;
}

/**
 * Capped: the node's limit is always tested, a claim's own limit can only tighten it.
 * ClaimOnly: Nova's rule, the claim's limits alone decide and an absent one means unlimited.
 */
export type LimitPolicy = 'Capped' | 'ClaimOnly';

export interface AllocationRatios {
  readonly vcpus: Ratio;
  readonly memory: Ratio;
  readonly disk: Ratio;
}

/** The rules in force on a node. */
export interface NodePolicy {
  readonly reserved: Amounts;
  readonly allocationRatios: AllocationRatios;
  readonly limitPolicy: LimitPolicy;
}

/** What the ledger needs to know of a host. `devices` are the assignable ones only (whitelist applied). */
export interface Host {
  readonly totals: HostTotals;
  readonly policy: NodePolicy;
  readonly devices: readonly PciDevice[];
  /** Those that the whitelist leaves out. Never handed out; but one in use is shown, and it excludes its PF or its VFs. */
  readonly unassignable?: readonly PciDevice[];
}

/** A claim's own limits, in the node's terms (they include what is reserved). Absent: none. Zero is a real limit. */
export type ClaimLimits = Partial<Amounts>;

/** What a claim asks for. `amounts.memoryBytes` is the flavor's, the overhead comes on top of it. */
export interface ClaimRequest {
  readonly amounts: Amounts;
  readonly overheadMemoryBytes: bigint;
  readonly limits: ClaimLimits;
  readonly pciRequests: readonly PciRequest[];
  /** Key of a holding that this one takes the place of (an orphan, an earlier grant): its usage is not counted in the test. */
  readonly replaces?: string;
  /** Key of a holding that stays beside this one, and whose devices may serve both: a resize in place keeps its devices. */
  readonly sharesDevicesOf?: string;
  /** Devices that the instance has already: taken before all others for the requests that they match, as far as they are free. */
  readonly presentDevices?: readonly string[];
}

/** Why a claim does not fit, with exact figures. The order in a list is always memory, disk, vCPUs, PCI. */
export type Refusal =
  | {
      readonly reason: 'InsufficientMemory' | 'InsufficientDisk' | 'InsufficientVCPUs';
      readonly requested: bigint;
      /** limit - used; may be negative. */
      readonly available: bigint;
      readonly limit: bigint;
      readonly used: bigint;
    }
  | {
      readonly reason: 'InsufficientPCIDevices';
      /**
       * The requests that cannot be met, each with how many free devices match it taken alone: those that are short by themselves,
       * else all of them, as they cannot be met together.
       */
      readonly requests: readonly { readonly name: string; readonly count: number; readonly free: number }[];
    };

export type RefusalReason = Refusal['reason'];

export type ClaimDecision =
  | { readonly kind: 'granted'; readonly devices: readonly AssignedDevice[] }
  | { readonly kind: 'rejected'; readonly refusals: readonly Refusal[] };

/** What statistics count of an instance. Null is counted under `None`, as Nova does. */
export interface InstanceFacts {
  readonly vmState: string | null;
  readonly taskState: string | null;
  readonly osType: string | null;
  readonly project: string | null;
}

/**
 * What is held under one key. The ledger remembers it and gives back exactly that.
 * `facts` makes it count as an instance; a migration's or an orphan's holding has none.
 */
export interface Holding {
  readonly key: string;
  readonly amounts: Amounts;
  readonly overheadMemoryBytes: bigint;
  /** PCI addresses; one that the host does not have any more stays held and is among the view's missing devices. */
  readonly devices: readonly string[];
  /** Addresses that the hypervisor has really attached. One of them that is not held is nobody's to give, either: Unavailable. */
  readonly devicesInUse?: readonly string[];
  readonly facts?: InstanceFacts;
}
