import fc from 'fast-check';
import type {
  ComputeNodeSpec,
  Condition,
  Flavor,
  InstanceClaim,
  InstanceClaimStatus,
  Migration,
  MigrationLock,
  MigrationStatus,
} from '../../src/api/generated/v1alpha1.ts';
import type { HostReport, ReportedInstance } from '../../src/drivers/driver.ts';
import type { PciDevice } from '../../src/ledger/types.ts';

/** A record whose fields may all be missing. */
function partial<T extends object>(fields: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<Partial<T>> {
  return fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;
}

const ADDRESSES = ['0000:01:00.0', '0000:02:00.0', '0000:02:00.1', '0000:02:00.2', '0000:03:00.0'];
const UIDS = ['uid-1', 'uid-2', 'uid-3', 'uid-4', 'uid-5'];
const NODES = ['node-a', 'node-b', ''];

const address = fc.constantFrom(...ADDRESSES, 'ffff:ff:1f.7');
const name = fc.constantFrom('one', 'two', '__proto__', 'constructor', 'a'.repeat(253));
const namespace = fc.constantFrom('default', 'team-a', 'toString', 'n'.repeat(63));
const count = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 1, 1_000_000, 2 ** 53, -(2 ** 63), 1e21, 0.5));
const word = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 63 }),
  fc.constantFrom('', '__proto__', '\ud83d', 'Linux'),
);

/** Quantities, right ones and others. */
export const quantity: fc.Arbitrary<number | string> = fc.oneof(
  fc.constantFrom(
    '1Gi',
    '512Mi',
    '0',
    '',
    'Gi',
    '-1Gi',
    '1.5',
    '1m',
    '8Ei',
    '9223372036854775807',
    '1e99',
    '1e-99',
    'NaN',
  ),
  fc.integer(),
  fc.double(),
  fc.string({ maxLength: 32 }),
  fc.stringMatching(/^[+-]?\d{0,12}(\.\d{0,12})?([KMGTPE]i|[numkMGTPE]|e-?\d{1,2})?$/),
);

const timestamp = fc.oneof(
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.constantFrom('', 'yesterday', '2026-01-01T00:00:00Z', '0000-00-00T00:00:00Z', '2016-12-31T23:59:60Z'),
);

const flavor: fc.Arbitrary<Flavor> = fc.record(
  { name: word, vcpus: count, memory: quantity, rootDisk: quantity, ephemeralDisk: quantity },
  { requiredKeys: ['vcpus', 'memory'] },
);

/** As the schema lets any writer of a status write one. */
const condition: fc.Arbitrary<Condition> = fc.record({
  type: fc.oneof(
    fc.constantFrom('Claimed', 'InstanceRunning', 'Ready', 'AgentAlive', 'DevicesPresent', 'HypervisorConnected'),
    fc.stringMatching(/^[A-Z][a-z]{1,9}$/),
  ),
  status: fc.constantFrom('True', 'False', 'Unknown'),
  reason: fc.stringMatching(/^[A-Z][a-z]{1,9}$/),
  message: fc.string({ unit: 'grapheme', maxLength: 200 }),
  lastTransitionTime: fc.constantFrom('2026-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '0001-01-01T00:00:00Z'),
});

export const conditions = fc.uniqueArray(condition, { selector: ({ type }) => type, maxLength: 16 });

const claimedDevices = fc.uniqueArray(fc.record({ request: fc.constantFrom('nic', 'gpu'), address }), {
  selector: ({ address: of }) => of,
  maxLength: 4,
});

const writtenFlavor: fc.Arbitrary<Flavor> = fc.record({
  vcpus: fc.constantFrom(0, 1, 2 ** 40, Number.MAX_SAFE_INTEGER),
  memory: fc.oneof(fc.constantFrom('1Gi', '-5', 'much', '9223372036854775807'), fc.integer()),
});

const MIGRATION_UIDS = ['m-1', 'm-2', 'm-3'];
const migrationName = fc.constantFrom('move', '__proto__', 'constructor', 'm'.repeat(253));

const lock: fc.Arbitrary<MigrationLock> = fc.record(
  {
    uid: fc.constantFrom(...MIGRATION_UIDS),
    name: migrationName,
    sourceNodeName: fc.constantFrom(...NODES),
    targetNodeName: fc.constantFrom(...NODES),
    oldFlavor: writtenFlavor,
    newFlavor: writtenFlavor,
    pciDevices: claimedDevices,
    arrived: fc.boolean(),
  },
  { requiredKeys: ['uid', 'sourceNodeName', 'targetNodeName'] },
);

const status: fc.Arbitrary<InstanceClaimStatus> = partial<Required<InstanceClaimStatus>>({
  phase: fc.constantFrom('Pending', 'Claimed', 'Claimed', 'Rejected', 'Expired'),
  nodeName: fc.constantFrom(...NODES),
  hostname: fc.constant('host'),
  hostIP: fc.constant('10.0.0.1'),
  launchedOn: fc.constantFrom(...NODES),
  flavor: writtenFlavor,
  overhead: partial({ memory: fc.constantFrom('1Mi', '-1Mi', 'x', 5) }),
  pciDevices: claimedDevices,
  attempts: fc.uniqueArray(fc.record({ nodeName: fc.constantFrom(...NODES) }), {
    selector: ({ nodeName }) => nodeName,
  }),
  migration: lock,
  vmState: fc.constantFrom('Active', 'Building', 'Stopped'),
  taskState: fc.oneof(fc.constant('Migrating'), fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,20}$/)),
  observedTaskState: fc.constantFrom('Migrating', 'Spawning'),
  token: fc.constant('token'),
  observedGeneration: fc.nat(),
  conditions,
});

const metadata = fc.record(
  {
    name,
    namespace,
    uid: fc.constantFrom(...UIDS),
    resourceVersion: fc.oneof(fc.nat(1_000).map(String), fc.string()),
    generation: fc.nat(3),
    creationTimestamp: timestamp,
    deletionTimestamp: timestamp,
    annotations: fc.dictionary(fc.string(), fc.string()),
  },
  { requiredKeys: ['name'] },
);

const selector = partial({
  vendorID: fc.constantFrom('10de', '8086', 'zzzz'),
  address: fc.oneof(address, fc.constantFrom('*', '*:*:*.*', '?*?*?*?*?*?*?*?')),
  numaNode: count,
  tags: fc.array(word, { maxLength: 3 }),
});

const pciRequest = fc.record(
  { name: fc.constantFrom('nic', 'gpu'), count, alias: fc.constantFrom('gpu', 'none'), selectors: fc.array(selector) },
  { requiredKeys: ['name', 'count'] },
);

/** An InstanceClaim whose every field may be missing, wrong, or at its limit, as far as it has the type that it should have. */
export const anyClaim: fc.Arbitrary<InstanceClaim> = fc.record(
  {
    apiVersion: fc.constant('resourcetracker.dev/v1alpha1' as const),
    kind: fc.constant('InstanceClaim' as const),
    metadata,
    spec: fc.record(
      {
        nodeName: fc.constantFrom(...NODES, 'node-a', 'node-a'),
        schedulerName: fc.constantFrom('scheduler', ''),
        instance: partial({ uuid: fc.constantFrom(...UIDS, 'orphan-1', ''), name: word, osType: word }),
        adopt: fc.boolean(),
        flavor,
        pciRequests: fc.array(pciRequest, { maxLength: 3 }),
        limits: partial({ vcpus: count, memory: quantity, disk: quantity }),
        whenInsufficient: fc.constantFrom('Reject', 'Wait'),
        waitSeconds: count,
        expirationSeconds: count,
        ttlSecondsAfterFinished: count,
      },
      { requiredKeys: [] },
    ),
    status,
  },
  { requiredKeys: ['apiVersion', 'kind', 'metadata', 'spec'] },
) as fc.Arbitrary<InstanceClaim>;

const migrationStatus: fc.Arbitrary<MigrationStatus> = partial<Required<MigrationStatus>>({
  phase: fc.constantFrom(
    'Pending',
    'PreMigrating',
    'Migrating',
    'PostMigrating',
    'Finished',
    'Confirmed',
    'Reverted',
    'Rejected',
    'Failed',
  ),
  claimUID: fc.constantFrom(...UIDS),
  sourceNodeName: fc.constantFrom(...NODES),
  sourceHostname: fc.constant('host'),
  targetHostname: fc.constant('host'),
  targetHostIP: fc.constant('10.0.0.1'),
  oldFlavor: writtenFlavor,
  newFlavor: writtenFlavor,
  overhead: partial({ memory: fc.constantFrom('1Mi', '-1Mi', 'x', 5) }),
  pciDevices: claimedDevices,
  token: fc.constant('token'),
  columns: partial({ flavor: fc.string({ unit: 'grapheme', maxLength: 100 }) }),
  conditions,
});

const owner = fc.record({
  apiVersion: word,
  kind: fc.constantFrom('InstanceClaim', 'Pod', ''),
  name: word,
  uid: fc.constantFrom(...UIDS),
});

/** A Migration whose every field may be missing, wrong, or at its limit, as far as it has the type that it should have. */
export const anyMigration: fc.Arbitrary<Migration> = fc.record(
  {
    apiVersion: fc.constant('resourcetracker.dev/v1alpha1' as const),
    kind: fc.constant('Migration' as const),
    metadata: fc.record(
      {
        name: migrationName,
        namespace,
        uid: fc.constantFrom(...MIGRATION_UIDS),
        resourceVersion: fc.oneof(fc.nat(1_000).map(String), fc.string()),
        generation: fc.nat(3),
        creationTimestamp: timestamp,
        deletionTimestamp: timestamp,
        ownerReferences: fc.array(owner, { maxLength: 2 }),
      },
      { requiredKeys: ['name'] },
    ),
    spec: fc.record(
      {
        claimName: name,
        type: fc.constantFrom('Resize', 'ColdMigration', 'LiveMigration', 'Evacuation'),
        targetNodeName: fc.constantFrom(...NODES, 'node-a', 'node-a'),
        flavor,
        limits: partial({ vcpus: count, memory: quantity, disk: quantity }),
        pciRequests: fc.array(pciRequest, { maxLength: 3 }),
        decision: fc.constantFrom('Confirm', 'Revert', 'Abort'),
      },
      { requiredKeys: ['claimName', 'type', 'targetNodeName'] },
    ),
    status: migrationStatus,
  },
  { requiredKeys: ['apiVersion', 'kind', 'metadata', 'spec'] },
) as fc.Arbitrary<Migration>;

const filter = partial({ vendorID: word, productID: word, address: word, physicalNetwork: word, tags: fc.array(word) });

/** What an administrator might write if the schema did not look. */
export const anyNodeSpec: fc.Arbitrary<ComputeNodeSpec> = fc.record(
  {
    reserved: partial({ vcpus: count, memory: quantity, disk: quantity }),
    allocationRatios: partial({ vcpus: quantity, memory: quantity, disk: quantity }),
    limitPolicy: fc.constantFrom('Capped', 'ClaimOnly'),
    pciDevices: fc.array(filter, { maxLength: 4 }),
    unschedulable: fc.boolean(),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<ComputeNodeSpec>;

const bytes = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });

export const anyInstance: fc.Arbitrary<ReportedInstance> = fc.record(
  {
    uuid: fc.constantFrom(...UIDS, 'orphan-1', 'orphan-2'),
    name: fc.string({ unit: 'binary' }),
    vmState: fc.constantFrom('Active', 'Stopped', 'Error'),
    vcpus: fc.bigInt({ min: 0n, max: 2n ** 32n }),
    memoryBytes: bytes,
    devices: fc.subarray(ADDRESSES),
    osType: word,
    claim: fc.record({ namespace, name }),
  },
  { requiredKeys: ['uuid', 'name', 'vmState', 'vcpus', 'memoryBytes', 'devices'] },
);

const device: fc.Arbitrary<PciDevice> = fc.record(
  {
    address,
    vendorID: fc.constantFrom('10de', '8086'),
    productID: fc.constantFrom('1572', '154c'),
    deviceType: fc.constantFrom('PCI', 'PF', 'VF'),
    parentAddress: address,
    numaNode: fc.nat(),
  },
  { requiredKeys: ['address', 'vendorID', 'productID', 'deviceType'] },
);

export const anyReport: fc.Arbitrary<Partial<HostReport>> = partial<HostReport>({
  hostname: word,
  hypervisor: fc.record({ type: word, version: word }),
  cpuInfo: fc.record({ arch: word, model: word, features: fc.array(word) }),
  numaCells: fc.array(fc.record({ id: fc.nat(), memoryBytes: bytes, cpus: fc.array(fc.nat()) })),
  totals: fc.record(
    { vcpus: bytes, memoryBytes: bytes, diskBytes: bytes },
    { requiredKeys: ['memoryBytes', 'diskBytes'] },
  ),
  used: fc.record({ vcpus: bytes, memoryBytes: bytes, diskBytes: bytes }, { requiredKeys: [] }),
  instances: fc.uniqueArray(anyInstance, { selector: ({ uuid }) => uuid }),
  devices: fc.array(device),
  problems: fc.array(fc.record({ subject: word, message: fc.string({ unit: 'binary' }) })),
} as never);
