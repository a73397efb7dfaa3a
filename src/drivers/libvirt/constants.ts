/**
 * Numbers of libvirt's C interface that this driver uses, from libvirt-domain.h, libvirt-host.h, libvirt-nodedev.h and virterror.h.
 * They are part of libvirt's stable ABI.
 */

/** virDomainState. */
export const DomainState = {
  NoState: 0,
  Running: 1,
  Blocked: 2,
  Paused: 3,
  Shutdown: 4,
  Shutoff: 5,
  Crashed: 6,
  PmSuspended: 7,
} as const;

/** virDomainRunningReason, as far as it matters here. */
export const RunningReason = { PostCopy: 10 } as const;

/** virDomainPausedReason, as far as it matters here. */
export const PausedReason = {
  Migration: 2,
  Save: 3,
  Dump: 4,
  IoError: 5,
  ShuttingDown: 8,
  Snapshot: 9,
  Crashed: 10,
  StartingUp: 11,
  PostCopy: 12,
  PostCopyFailed: 13,
} as const;

/** virDomainShutoffReason, as far as it matters here. */
export const ShutoffReason = { Unknown: 0, Crashed: 3, Saved: 5, Failed: 6 } as const;

/** virDomainStatsTypes. */
export const DomainStats = { State: 1 << 0 } as const;

/** virConnectListAllDomainsFlags. */
export const ListDomains = { ManagedSave: 1 << 8 } as const;

/** virConnectListAllNodeDeviceFlags. */
export const ListNodeDevices = { CapPciDevice: 1 << 1 } as const;

/** virDomainEventID of the events that can change what an instance holds or what state it is in. */
export const DomainEventId = {
  Lifecycle: 0,
  BalloonChange: 13,
  PmSuspendDisk: 14,
  DeviceRemoved: 15,
  DeviceAdded: 19,
  MetadataChange: 23,
  MemoryDeviceSizeChange: 26,
} as const;

/** virNodeDeviceEventID. */
export const NodeDeviceEventId = { Lifecycle: 0, Update: 1 } as const;

/** virTypedParameterType, the integers of 32 bits. */
export const ParameterType = { Int: 1, UInt: 2 } as const;

/** virErrorNumber, as far as it matters here. */
export const ErrorNumber = { NoSupport: 3, NoDomain: 42, ArgumentUnsupported: 74 } as const;

/** virConnectCloseReason, in words. */
export const CLOSE_REASONS: readonly string[] = [
  'the connection broke',
  'the hypervisor closed the connection',
  'the hypervisor stopped answering (keepalive)',
  'the connection was closed here',
];

/** VIR_NODE_CPU_STATS_ALL_CPUS. */
export const ALL_CPUS = -1;

/** VIR_NODE_MEMORY_STATS_ALL_CELLS. */
export const ALL_CELLS = -1;

/** VIR_UUID_STRING_BUFLEN: 36 characters and the terminating zero. */
export const UUID_STRING_BYTES = 37;
