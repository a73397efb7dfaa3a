// Generated from crds/ by `npm run generate`. Do not edit.
import type { ObjectMeta } from '../object-meta.ts';

/** A Kubernetes quantity, such as "4Gi" or 1073741824; read it with src/quantity. */
export type Quantity = number | string;

/** At ComputeNode.spec.reserved, ComputeNode.status.effective.reserved, ComputeNode.status.total, ComputeNode.status.used, ComputeNode.status.free, ComputeNode.status.limit, ComputeNode.status.available, InstanceClaim.spec.limits, Migration.spec.limits. */
export interface Amounts {
  /** vCPUs, a count. */
  readonly vcpus?: number;
  /** Memory, in bytes as a quantity such as 4Gi. */
  readonly memory?: Quantity;
  /** Disk, in bytes as a quantity such as 100Gi. */
  readonly disk?: Quantity;
}

/** Oversubscription: by what (total - reserved) is multiplied. Absent: the agent's configuration (by default 16, 1.5 and 1). Written by administrators. */
export interface AllocationRatios {
  /** vCPUs per host CPU, a decimal number such as 16. */
  readonly vcpus?: Quantity;
  /** Memory, a decimal number such as "1.5". */
  readonly memory?: Quantity;
  /** Disk, a decimal number such as "1". */
  readonly disk?: Quantity;
}

/** At ComputeNode.spec.limitPolicy, ComputeNode.status.effective.limitPolicy. */
export type LimitPolicy = 'Capped' | 'ClaimOnly';

/** Devices that have all of these properties. */
export interface PciDeviceFilter {
  /** PCI vendor, four lower-case hexadecimal digits. */
  readonly vendorID?: string;
  /** PCI product, four lower-case hexadecimal digits. */
  readonly productID?: string;
  /** PCI address, domain:bus:slot.function, where * stands for any digits and ? for one. */
  readonly address?: string;
  /** The physical network that these devices are wired to; requests can ask for it. */
  readonly physicalNetwork?: string;
  /** Given to these devices; requests can ask for them. */
  readonly tags?: readonly string[];
}

/** What an administrator decides about the node. What is absent comes from the agent's configuration. */
export interface ComputeNodeSpec {
  /** Kept for the host itself. Absent: the agent's configuration (by default 0 vCPUs, 512Mi, 0). Written by administrators. */
  readonly reserved?: Amounts;
  /** Oversubscription: by what (total - reserved) is multiplied. Absent: the agent's configuration (by default 16, 1.5 and 1). Written by administrators. */
  readonly allocationRatios?: AllocationRatios;
  /** Capped: the node's limit is always tested, a claim's own limits can only tighten it. ClaimOnly: the claim's limits alone decide, an absent one means unlimited (Nova's rule). Absent: the agent's configuration (by default Capped). Written by administrators. */
  readonly limitPolicy?: LimitPolicy;
  /** Which of the host's PCI devices may be handed out: those that any entry describes. Absent: the agent's configuration. Written by administrators. */
  readonly pciDevices?: readonly PciDeviceFilter[];
  /** Refuse new claims; what is there stays. A cordoned Node counts as this, too. Written by administrators. */
  readonly unschedulable?: boolean;
}

/** By what (total - reserved) is multiplied. */
export interface EffectiveAllocationRatios {
  /** Canonical decimal number. */
  readonly vcpus?: string;
  /** Canonical decimal number. */
  readonly memory?: string;
  /** Canonical decimal number. */
  readonly disk?: string;
}

/** What is in force, after spec and configuration are put together. */
export interface EffectivePolicy {
  /** Kept for the host itself. */
  readonly reserved?: Amounts;
  /** By what (total - reserved) is multiplied. */
  readonly allocationRatios?: EffectiveAllocationRatios;
  /** Capped or ClaimOnly; see spec.limitPolicy. */
  readonly limitPolicy?: LimitPolicy;
}

/** The hypervisor. */
export interface Hypervisor {
  /** For example QEMU. */
  readonly type?: string;
  /** Its version. */
  readonly version?: string;
}

/** How the CPUs are arranged; counts. */
export interface CpuTopology {
  /** Sockets. */
  readonly sockets?: number;
  /** Cores per socket. */
  readonly cores?: number;
  /** Threads per core. */
  readonly threads?: number;
}

/** The host's processors. */
export interface CpuInfo {
  /** Architecture, for example x86_64. */
  readonly arch?: string;
  /** CPU model. */
  readonly model?: string;
  /** CPU vendor. */
  readonly vendor?: string;
  /** How the CPUs are arranged; counts. */
  readonly topology?: CpuTopology;
  /** CPU features, sorted. */
  readonly features?: readonly string[];
}

/** One cell. */
export interface NumaCell {
  /** The cell's number. */
  readonly id: number;
  /** Its memory, in bytes as a quantity. */
  readonly memory?: Quantity;
  /** Its host CPUs as a list of ranges, for example 0-15,32-47. */
  readonly cpus?: string;
}

/** What the hypervisor measured, beside the accounting; for people only. */
export interface HypervisorView {
  /** Memory in use, in bytes as a quantity. */
  readonly memoryUsed?: Quantity;
  /** Disk in use, in bytes as a quantity. */
  readonly diskUsed?: Quantity;
  /** vCPUs of running instances. */
  readonly vcpusUsed?: number;
}

/** At ComputeNode.status.pciPools[].deviceType, ComputeNode.status.pciDevices[].deviceType, InstanceClaim.spec.pciRequests[].selectors[].deviceType, Migration.spec.pciRequests[].selectors[].deviceType. */
export type PciDeviceType = 'PCI' | 'PF' | 'VF';

/** Devices that have the same properties. */
export interface PciPool {
  /** PCI vendor, four lower-case hexadecimal digits. */
  readonly vendorID: string;
  /** PCI product, four lower-case hexadecimal digits. */
  readonly productID: string;
  /** PCI (a plain device), PF (a physical function with virtual ones) or VF (a virtual function). */
  readonly deviceType?: PciDeviceType;
  /** The host's NUMA cell that they hang on. Absent: unknown. */
  readonly numaNode?: number;
  /** The physical network that they are wired to. */
  readonly physicalNetwork?: string;
  /** Tags, as the administrator set them, sorted. */
  readonly tags?: readonly string[];
  /** How many there are, a count. */
  readonly total: number;
  /** How many can be handed out, a count. */
  readonly free: number;
}

/** Available; Claimed (held for a claim); Allocated (its instance has it); Unavailable (a related function is taken, an instance has it that does not hold it, or it was given to a claim and is gone from the host). */
export type PciDeviceState = 'Available' | 'Claimed' | 'Allocated' | 'Unavailable';

/** One device. */
export interface PciDevice {
  /** PCI address, domain:bus:slot.function. */
  readonly address: string;
  /** PCI vendor, four lower-case hexadecimal digits. */
  readonly vendorID?: string;
  /** PCI product, four lower-case hexadecimal digits. */
  readonly productID?: string;
  /** PCI (a plain device), PF (a physical function with virtual ones) or VF (a virtual function). */
  readonly deviceType?: PciDeviceType;
  /** The physical function of a virtual one. */
  readonly parentAddress?: string;
  /** The host's NUMA cell that it hangs on. Absent: unknown. */
  readonly numaNode?: number;
  /** Available; Claimed (held for a claim); Allocated (its instance has it); Unavailable (a related function is taken, an instance has it that does not hold it, or it was given to a claim and is gone from the host). */
  readonly state?: PciDeviceState;
  /** metadata.uid of the InstanceClaim that holds it. */
  readonly claimUID?: string;
}

/** Counts of what is on the node. */
export interface NodeStats {
  /** Instances that are claimed here. */
  readonly instances?: number;
  /** vCPUs that are held, migrations included. */
  readonly vcpusUsed?: number;
  /** Instances by status.vmState; None while it is unknown. */
  readonly byVMState?: Readonly<Record<string, number>>;
  /** Instances by status.taskState; None for those without one. */
  readonly byTaskState?: Readonly<Record<string, number>>;
  /** Instances by spec.instance.osType; None for those without one. */
  readonly byOSType?: Readonly<Record<string, number>>;
  /** Instances by namespace. Where there are very many, those with few are counted as Others. */
  readonly byProject?: Readonly<Record<string, number>>;
  /** Instances that build, resize, rebuild, snapshot or back up: they load the disks. */
  readonly ioWorkload?: number;
  /** Counters of the agent's plug-ins over all instances, by statistic.counter. One at zero is absent. */
  readonly custom?: Readonly<Record<string, number>>;
}

/** At ComputeNode.status.orphans[].overhead, InstanceClaim.status.overhead, InstanceClaim.status.migration.overhead, Migration.status.overhead. */
export interface Overhead {
  /** Memory, in bytes as a quantity. */
  readonly memory?: Quantity;
}

/** The InstanceClaim that it names on the hypervisor, and that holds nothing for it here. Absent: it names none. */
export interface OrphanClaim {
  /** Its namespace. */
  readonly namespace: string;
  /** Its name. */
  readonly name: string;
}

/** One instance. */
export interface Orphan {
  /** Its UUID on the hypervisor. */
  readonly uuid: string;
  /** Its name on the hypervisor. */
  readonly name?: string;
  /** Its memory with overhead, in bytes as a quantity. */
  readonly memory?: Quantity;
  /** Its vCPUs. */
  readonly vcpus?: number;
  /** What the hypervisor needs for it, a part of its memory above. Absent: none. */
  readonly overhead?: Overhead;
  /** PCI addresses of the host that it has, sorted. Absent: none. */
  readonly pciDevices?: readonly string[];
  /** The InstanceClaim that it names on the hypervisor, and that holds nothing for it here. Absent: it names none. */
  readonly claim?: OrphanClaim;
}

/** How many entries the lists leave out, to keep this object small. What is left out counts in all sums. Absent: none. */
export interface OmittedEntries {
  /** The smallest pools. */
  readonly pciPools?: number;
  /** Devices of claims first, as the claims name them, too. */
  readonly pciDevices?: number;
  /** The last ones by uuid. */
  readonly orphans?: number;
  /** The last ones by name. */
  readonly metrics?: number;
  /** The last ones of stats.custom by name. */
  readonly customStats?: number;
}

/** One measurement. */
export interface HostMetric {
  /** For example cpu.percent. */
  readonly name: string;
  /** The value, a decimal quantity: a fraction such as "0.25" for shares, else in the metric's own unit. */
  readonly value?: Quantity;
  /** The monitor that measured it. */
  readonly source?: string;
  /** When it was measured. */
  readonly timestamp?: string;
}

/** One object. */
export interface DecidingEntry {
  /** Its kind. */
  readonly kind: 'InstanceClaim' | 'Migration';
  /** Its namespace. */
  readonly namespace: string;
  /** Its name. */
  readonly name: string;
  /** Its metadata.uid. */
  readonly uid: string;
}

/** Who owns this node's accounting. */
export interface NodeAgent {
  /** The agent process, as in its Lease. */
  readonly identity?: string;
  /** Random, fresh at each taking over; only its owner may grant. */
  readonly token?: string;
  /** The namespace of the Lease that is named like this node. */
  readonly leaseNamespace?: string;
  /** The agent's version. */
  readonly version?: string;
  /** Objects that a write of this agent is under way to; a successor fences these before it decides anything. */
  readonly deciding?: readonly DecidingEntry[];
}

/** Texts for kubectl's columns, which can neither join nor add up fields; programs read the fields above. */
export interface ComputeNodeStatusColumns {
  /** vCPUs, used/limit. */
  readonly vcpus?: string;
  /** Free PCI devices of all pools. */
  readonly pciFree?: number;
  /** Instances that nothing claims, listed or not. */
  readonly orphans?: number;
}

/** At ComputeNode.status.conditions[], InstanceClaim.status.conditions[], Migration.status.conditions[]. */
export interface Condition {
  /** The aspect, in CamelCase. */
  readonly type: string;
  /** Whether it holds. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** The metadata.generation that it was judged by. */
  readonly observedGeneration?: number;
  /** When status last changed. */
  readonly lastTransitionTime: string;
  /** Why, as one CamelCase word for programs. */
  readonly reason: string;
  /** Why, as a sentence for people, with figures. May be empty. */
  readonly message: string;
}

/** What the node has, what is used and what is left. Written by the node's agent; the conditions AgentAlive and NodeExists by the controller. */
export interface ComputeNodeStatus {
  /** The metadata.generation that this status accounts for. */
  readonly observedGeneration?: number;
  /** What is in force, after spec and configuration are put together. */
  readonly effective?: EffectivePolicy;
  /** The host's name as the hypervisor knows it. */
  readonly hostname?: string;
  /** The host's address for migrations and consoles. */
  readonly hostIP?: string;
  /** The hypervisor. */
  readonly hypervisor?: Hypervisor;
  /** The host's processors. */
  readonly cpuInfo?: CpuInfo;
  /** The host's NUMA cells, sorted by id. */
  readonly numaCells?: readonly NumaCell[];
  /** What the hypervisor reports. An amount that it does not know is absent. */
  readonly total?: Amounts;
  /** Reserved, plus what claims, migrations and orphans hold, overhead included. */
  readonly used?: Amounts;
  /** total - used. Negative on an oversubscribed node. */
  readonly free?: Amounts;
  /** reserved + (total - reserved) x allocation ratio, rounded down. Absent where the total is unknown: untested then. */
  readonly limit?: Amounts;
  /** limit - used: what a scheduler asks for. Negative when the node holds more than its limit. */
  readonly available?: Amounts;
  /** What the hypervisor measured, beside the accounting; for people only. */
  readonly hypervisorView?: HypervisorView;
  /** PCI devices counted by kind, a view of pciDevices, sorted. */
  readonly pciPools?: readonly PciPool[];
  /** The PCI devices that may be handed out, sorted by address. Where there are hundreds, those of claims have no more than address, state and claimUID, and status.omitted counts those that are left out. */
  readonly pciDevices?: readonly PciDevice[];
  /** Counts of what is on the node. */
  readonly stats?: NodeStats;
  /** Instances that are claimed here (Nova's running_vms). */
  readonly runningInstances?: number;
  /** Instances with a task under way. */
  readonly currentWorkload?: number;
  /** Instances on the hypervisor that no claim explains, sorted by uuid. They count as used, those that status.omitted counts, too. */
  readonly orphans?: readonly Orphan[];
  /** How many entries the lists leave out, to keep this object small. What is left out counts in all sums. Absent: none. */
  readonly omitted?: OmittedEntries;
  /** What the agent's monitors measured of the host, sorted by name; without counters that only grow, which its /metrics has. Written anew only when a figure has changed by more than the agent's threshold, and then all together. */
  readonly metrics?: readonly HostMetric[];
  /** Who owns this node's accounting. */
  readonly agent?: NodeAgent;
  /** Texts for kubectl's columns, which can neither join nor add up fields; programs read the fields above. */
  readonly columns?: ComputeNodeStatusColumns;
  /** Ready (sums the others up), HypervisorConnected, TrackingEnabled, HardwareReportCurrent, OrphansDetected and PluginsHealthy (absent as long as no monitor or statistic has failed) by the agent; AgentAlive and NodeExists by the controller. */
  readonly conditions?: readonly Condition[];
}

/** ComputeNode says what a hypervisor host has, what is held for instances and what is left. There is one for each Kubernetes Node that runs an agent, of the same name; the agent creates it. */
export interface ComputeNode {
  readonly apiVersion: 'resourcetracker.dev/v1alpha1';
  readonly kind: 'ComputeNode';
  readonly metadata: ObjectMeta;
  readonly spec: ComputeNodeSpec;
  readonly status?: ComputeNodeStatus;
}

/** The instance that the resources are for. Written by the tenant at creation. */
export interface ClaimedInstance {
  /** Its UUID on the hypervisor, lower case. Absent: the claim's own metadata.uid. */
  readonly uuid?: string;
  /** Its name, for people. */
  readonly name?: string;
  /** Its operating system's type, counted in ComputeNode.status.stats; for example linux. */
  readonly osType?: string;
}

/** At InstanceClaim.spec.flavor, InstanceClaim.status.flavor, InstanceClaim.status.migration.oldFlavor, InstanceClaim.status.migration.newFlavor, Migration.spec.flavor, Migration.status.oldFlavor, Migration.status.newFlavor. */
export interface Flavor {
  /** The flavor's name, for people only; the amounts below decide. */
  readonly name?: string;
  /** vCPUs, a count, at least 1. */
  readonly vcpus: number;
  /** Memory, in bytes as a quantity such as 4Gi, more than zero; the hypervisor's overhead comes on top. */
  readonly memory: Quantity;
  /** Root disk, in bytes as a quantity such as 20Gi. Absent: none. */
  readonly rootDisk?: Quantity;
  /** Ephemeral disk, in bytes as a quantity such as 20Gi. Absent: none. */
  readonly ephemeralDisk?: Quantity;
}

/** A KubeVirt instancetype that says vCPUs and memory, plus the disks. Written by the tenant at creation. */
export interface FlavorRef {
  /** Namespaced or cluster-wide. */
  readonly kind: 'VirtualMachineInstancetype' | 'VirtualMachineClusterInstancetype';
  /** Its name; a VirtualMachineInstancetype is looked up in the claim's namespace. */
  readonly name: string;
  /** Root disk, in bytes as a quantity such as 20Gi. Absent: none. */
  readonly rootDisk?: Quantity;
  /** Ephemeral disk, in bytes as a quantity such as 20Gi. Absent: none. */
  readonly ephemeralDisk?: Quantity;
}

/** At InstanceClaim.spec.pciRequests[].selectors[], Migration.spec.pciRequests[].selectors[]. */
export interface PciSelector {
  /** PCI vendor, four lower-case hexadecimal digits. */
  readonly vendorID?: string;
  /** PCI product, four lower-case hexadecimal digits. */
  readonly productID?: string;
  /** PCI (a plain device), PF (a physical function with virtual ones) or VF (a virtual function). */
  readonly deviceType?: PciDeviceType;
  /** PCI address, domain:bus:slot.function, where * stands for any digits and ? for one. */
  readonly address?: string;
  /** The host's NUMA cell that the device hangs on. */
  readonly numaNode?: number;
  /** The physical network that the device is wired to. */
  readonly physicalNetwork?: string;
  /** Tags, as the administrator set them in ComputeNode.spec.pciDevices; the device must have all of these. */
  readonly tags?: readonly string[];
}

/** At InstanceClaim.spec.pciRequests[], Migration.spec.pciRequests[]. */
export interface PciRequest {
  /** Names the request in status.pciDevices; unique in this list. */
  readonly name: string;
  /** How many devices, at least 1. They may come from several pools. */
  readonly count: number;
  /** The name of a set of selectors in the agent's configuration. */
  readonly alias?: string;
  /** Devices that any one of these describes will do. */
  readonly selectors?: readonly PciSelector[];
}

/** What is wanted. It cannot be changed, but for nodeName while Pending and for whenInsufficient and waitSeconds; delete the claim to give its resources back. */
export interface InstanceClaimSpec {
  /** The node that is to hold the resources. Empty until a scheduler sets it. It can change only while Pending, and only once the present node is in status.attempts. Written by whom may bind. */
  readonly nodeName?: string;
  /** Who places the claim. With it, a refusal is an attempt, and the claim stays Pending until the scheduler names another node; without it a refusal is final. Written by the tenant at creation. */
  readonly schedulerName?: string;
  /** The instance that the resources are for. Written by the tenant at creation. */
  readonly instance?: ClaimedInstance;
  /** The instance runs on the node already and nothing claims it: grant even over the limit. Needs the verb adopt. Written at creation. */
  readonly adopt?: boolean;
  /** The amounts. Exactly one of flavor and flavorRef. Written by the tenant at creation. */
  readonly flavor?: Flavor;
  /** A KubeVirt instancetype that says vCPUs and memory, plus the disks. Written by the tenant at creation. */
  readonly flavorRef?: FlavorRef;
  /** PCI devices; all requests are met or none. Written by the tenant at creation. */
  readonly pciRequests?: readonly PciRequest[];
  /** How full the node may be after this claim, in the node's terms: they include what is reserved. Zero is a limit, absent is none. Under Capped the smaller of this and the node's own limit wins. Written by the scheduler or tenant at creation. */
  readonly limits?: Amounts;
  /** Reject: decided at once. Wait: stays Pending, first come, first served among those that wait, until room appears; what could never fit the node is refused at once. Written by the tenant, can be changed. */
  readonly whenInsufficient?: 'Reject' | 'Wait';
  /** How long to wait at most, in seconds from the creation. Absent: without end. Only with whenInsufficient Wait. Written by the tenant, can be changed. */
  readonly waitSeconds?: number;
  /** How long to hold for an instance that does not appear on the hypervisor, in seconds from being Claimed; then Expired. Absent: without end. Written by the tenant at creation. */
  readonly expirationSeconds?: number;
  /** How long to keep a Rejected or Expired claim, in seconds; then the controller deletes it. Absent: without end. Written by the tenant at creation. */
  readonly ttlSecondsAfterFinished?: number;
}

/** Pending (absent means this, too), Claimed, Rejected or Expired. Rejected and Expired are final. */
export type InstanceClaimPhase = 'Pending' | 'Claimed' | 'Rejected' | 'Expired';

/** At InstanceClaim.status.pciDevices[], InstanceClaim.status.migration.pciDevices[], Migration.status.pciDevices[]. */
export interface ClaimedPciDevice {
  /** The name of the request that it is for. */
  readonly request?: string;
  /** PCI address on the node, domain:bus:slot.function. */
  readonly address: string;
  /** PCI vendor, four lower-case hexadecimal digits. */
  readonly vendorID?: string;
  /** PCI product, four lower-case hexadecimal digits. */
  readonly productID?: string;
  /** The host's NUMA cell that it hangs on. Absent: unknown. */
  readonly numaNode?: number;
}

/** One node's refusal. */
export interface PlacementAttempt {
  /** The node. */
  readonly nodeName: string;
  /** Why, in the order memory, disk, vCPUs, PCI; for example InsufficientMemory. */
  readonly reasons?: readonly string[];
}

/** The one migration that is under way: the lock from which both nodes know what they hold. Set by the target's agent, absent when none is under way. */
export interface MigrationLock {
  /** metadata.uid of the Migration. */
  readonly uid: string;
  /** Name of the Migration. */
  readonly name?: string;
  /** The node that the instance comes from. */
  readonly sourceNodeName: string;
  /** The node that it goes to; the same one for a resize in place. */
  readonly targetNodeName: string;
  /** The instance is on the target, or has the new flavor in a resize in place; nodeName, flavor and pciDevices above say so. Absent: not yet. */
  readonly arrived?: boolean;
  /** Held on the source. */
  readonly oldFlavor?: Flavor;
  /** Held on the target. */
  readonly newFlavor?: Flavor;
  /** What the hypervisor needs on the side where the instance is not at present, on top of its flavor. */
  readonly overhead?: Overhead;
  /** Devices that are held on the side where the instance is not at present, sorted by address. */
  readonly pciDevices?: readonly ClaimedPciDevice[];
}

/** The instance's state, as the hypervisor shows it; Resized while a resize or cold migration waits for its decision. */
export type VmState = 'Building' | 'Active' | 'Paused' | 'Suspended' | 'Stopped' | 'Rescued' | 'Resized' | 'Error';

/** What became of the claim. Written by the agent of the node that it names, but for taskState (executors) and the conditions NodeGone and NodeNotServed (the controller). */
export interface InstanceClaimStatus {
  /** The metadata.generation that was decided on. */
  readonly observedGeneration?: number;
  /** Pending (absent means this, too), Claimed, Rejected or Expired. Rejected and Expired are final. */
  readonly phase?: InstanceClaimPhase;
  /** The node where the instance is now; a migration moves it. */
  readonly nodeName?: string;
  /** That host's name as its hypervisor knows it. */
  readonly hostname?: string;
  /** That host's address. */
  readonly hostIP?: string;
  /** The node that first claimed it. */
  readonly launchedOn?: string;
  /** The flavor in force, flavorRef resolved. */
  readonly flavor?: Flavor;
  /** What the hypervisor needs for the instance on top of the flavor. */
  readonly overhead?: Overhead;
  /** The devices that are held on nodeName, sorted by address. */
  readonly pciDevices?: readonly ClaimedPciDevice[];
  /** Nodes that refused it, for the scheduler. */
  readonly attempts?: readonly PlacementAttempt[];
  /** The one migration that is under way: the lock from which both nodes know what they hold. Set by the target's agent, absent when none is under way. */
  readonly migration?: MigrationLock;
  /** The instance's state, as the hypervisor shows it; Resized while a resize or cold migration waits for its decision. */
  readonly vmState?: VmState;
  /** The task under way, absent when none is. Written by executors; while they say nothing, by the agent, where the hypervisor itself shows a task. */
  readonly taskState?: string;
  /** What the agent wrote into taskState because the hypervisor shows it. A taskState that differs is an executor's, and the agent leaves it alone. */
  readonly observedTaskState?: string;
  /** Written by an agent that takes over, to fence off its predecessor. */
  readonly token?: string;
  /** Claimed (its reason says why not), InstanceRunning, InstanceMatchesClaim and DevicesPresent by the agent; NodeGone and NodeNotServed by the controller. */
  readonly conditions?: readonly Condition[];
}

/** InstanceClaim holds memory, disk, vCPUs and PCI devices for one instance on one node. Deleting it gives them back. */
export interface InstanceClaim {
  readonly apiVersion: 'resourcetracker.dev/v1alpha1';
  readonly kind: 'InstanceClaim';
  readonly metadata: ObjectMeta;
  readonly spec: InstanceClaimSpec;
  readonly status?: InstanceClaimStatus;
}

/** Resize (another flavor, here or elsewhere), ColdMigration, LiveMigration, or Evacuation (from a node that is dead). Written at creation. */
export type MigrationType = 'Resize' | 'ColdMigration' | 'LiveMigration' | 'Evacuation';

/** Confirm: keep the result once Finished. Revert: undo it. Abort: stop before it is Finished. Set once, at creation already or later. A LiveMigration or Evacuation confirms itself. Written by the tenant. */
export type MigrationDecision = 'Confirm' | 'Revert' | 'Abort';

/** What is to be done. It cannot be changed, but for decision, which is set once. */
export interface MigrationSpec {
  /** The InstanceClaim in this namespace whose instance is to be resized or moved. Written at creation. */
  readonly claimName: string;
  /** Resize (another flavor, here or elsewhere), ColdMigration, LiveMigration, or Evacuation (from a node that is dead). Written at creation. */
  readonly type: MigrationType;
  /** The node to go to; the name of the node where the instance is: a resize in place. Written at creation. */
  readonly targetNodeName: string;
  /** The amounts afterwards. Absent: as they are. Not for a LiveMigration or an Evacuation. Written at creation. */
  readonly flavor?: Flavor;
  /** How full the target may be afterwards, in the node's terms; as in InstanceClaim.spec.limits. Written at creation. */
  readonly limits?: Amounts;
  /** PCI devices afterwards. Absent: those of the claim. Written at creation. */
  readonly pciRequests?: readonly PciRequest[];
  /** Confirm: keep the result once Finished. Revert: undo it. Abort: stop before it is Finished. Set once, at creation already or later. A LiveMigration or Evacuation confirms itself. Written by the tenant. */
  readonly decision?: MigrationDecision;
}

/** Pending (absent means this, too), PreMigrating (held on the target), Migrating, PostMigrating, Finished (waits for the decision), then Confirmed or Reverted. Rejected when it never began, Failed when it ended before, also after the decision Abort. */
export type MigrationPhase = 'Pending' | 'PreMigrating' | 'Migrating' | 'PostMigrating' | 'Finished' | 'Confirmed' | 'Reverted' | 'Rejected' | 'Failed';

/** Texts for kubectl's columns, which cannot join fields; programs read the fields above. */
export interface MigrationStatusColumns {
  /** The old and the new flavor, old -> new. */
  readonly flavor?: string;
}

/** How it goes. Written by the agents of its two nodes; the phases Migrating, PostMigrating, Finished and Failed by executors, too. */
export interface MigrationStatus {
  /** Pending (absent means this, too), PreMigrating (held on the target), Migrating, PostMigrating, Finished (waits for the decision), then Confirmed or Reverted. Rejected when it never began, Failed when it ended before, also after the decision Abort. */
  readonly phase?: MigrationPhase;
  /** metadata.uid of the claim that claimName meant when this was taken up. */
  readonly claimUID?: string;
  /** The node that the instance comes from. */
  readonly sourceNodeName?: string;
  /** That host's name as its hypervisor knows it. */
  readonly sourceHostname?: string;
  /** The target host's name as its hypervisor knows it. */
  readonly targetHostname?: string;
  /** The target host's address. */
  readonly targetHostIP?: string;
  /** In force before. */
  readonly oldFlavor?: Flavor;
  /** In force afterwards. */
  readonly newFlavor?: Flavor;
  /** What the target's hypervisor needs for the instance on top of the flavor. */
  readonly overhead?: Overhead;
  /** Devices that are held on the target, sorted by address. */
  readonly pciDevices?: readonly ClaimedPciDevice[];
  /** Written by an agent that takes over, to fence off its predecessor. */
  readonly token?: string;
  /** Texts for kubectl's columns, which cannot join fields; programs read the fields above. */
  readonly columns?: MigrationStatusColumns;
  /** What is known, with figures where it was refused; Executed by its executor, in its own words. */
  readonly conditions?: readonly Condition[];
}

/** Migration is a resize, a cold or live migration or an evacuation of one claimed instance. Both nodes hold for it until it is decided. */
export interface Migration {
  readonly apiVersion: 'resourcetracker.dev/v1alpha1';
  readonly kind: 'Migration';
  readonly metadata: ObjectMeta;
  readonly spec: MigrationSpec;
  readonly status?: MigrationStatus;
}
