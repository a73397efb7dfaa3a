import { creations, type Row, specWrites, statusWrites } from './row.ts';

// What the CRD says.
const NOT_AN_AMOUNT = 'must be an amount of bytes that is not negative, for example 4Gi, 512Mi or 1073741824';
const NOT_WHOLE =
  'must be whole bytes and less than 8Ei; write a fraction as a whole number of a smaller unit, for example 1536Mi, and never less than a byte such as 100m or 0.5';
const NOT_A_NODE =
  "must be the name of a Node: lower-case letters, digits, '-' and '.', for example worker-1.example.com";
const NOT_A_UUID = 'must be a UUID in lower case, for example 3f0c1d7e-9a52-4c5b-8f57-0d3b6a1e2c44';
const NOT_AN_ADDRESS =
  'must be a PCI address, domain:bus:slot.function in lower-case hexadecimal, where * stands for any digits and ? for one, for example 0000:3b:*.*';
const EMPTY_SELECTOR =
  'must name at least one property, for example vendorID and productID; an empty selector would take any device';
const IMMUTABLE_CLAIM =
  'only nodeName, whenInsufficient and waitSeconds can be changed; delete the claim and create another, or create a Migration to resize or move the instance';
const NOT_REFUSED_YET =
  'nodeName can be changed only once the present node has refused the claim (it is in status.attempts then)';
const NOT_PENDING = 'nodeName can be changed only while the claim is Pending; create a Migration to move the instance';
const CLAIMED_IS_FINAL = 'Claimed can become Expired only; delete the claim to give its resources back';
const MOVES_UNDER_LOCK =
  'a Claimed claim can move only to the source or target of the migration that holds it (status.migration)';

const FLAVOR = { vcpus: 2, memory: '4Gi' };
const UUID = '3f0c1d7e-9a52-4c5b-8f57-0d3b6a1e2c44';
const PENDING = { flavor: FLAVOR, nodeName: 'node-1' };
const REFUSED_BY_NODE_1 = { phase: 'Pending', attempts: [{ nodeName: 'node-1', reasons: ['InsufficientMemory'] }] };
const LOCK = { uid: 'm-1', name: 'm', sourceNodeName: 'node-1', targetNodeName: 'node-2' };
const CLAIMED = { phase: 'Claimed', nodeName: 'node-1', flavor: FLAVOR };
const LOCKED = { ...CLAIMED, migration: LOCK };

const withFlavor = (flavor: unknown) => ({ flavor });
const memory = (amount: unknown) => withFlavor({ vcpus: 1, memory: amount });
const request = (part: object) => ({ flavor: FLAVOR, pciRequests: [{ name: 'gpu', count: 1, ...part }] });
const selector = (part: object) => request({ selectors: [part] });

/** What an InstanceClaim may and may not be, and how it may change. */
export const INSTANCE_CLAIM_ROWS: readonly Row[] = [
  ...creations([
    ['the least', withFlavor(FLAVOR)],
    [
      'every field',
      {
        nodeName: 'worker-1.example.com',
        schedulerName: 'resource-tracker-scheduler',
        instance: { uuid: UUID, name: 'Build 42', osType: 'linux' },
        adopt: false,
        flavor: { name: 'm1.small', vcpus: 2, memory: 4294967296, rootDisk: '20Gi', ephemeralDisk: 0 },
        pciRequests: [
          {
            name: 'gpu',
            count: 2,
            selectors: [
              { vendorID: '10de', numaNode: 0 },
              { deviceType: 'VF', physicalNetwork: 'physnet1', tags: ['fast'] },
            ],
          },
          { name: 'nic', count: 1, alias: 'fast-nic' },
        ],
        limits: { vcpus: 0, memory: '0', disk: '100Gi' },
        whenInsufficient: 'Wait',
        waitSeconds: 60,
        expirationSeconds: 600,
        ttlSecondsAfterFinished: 0,
      },
    ],
    [
      'a flavor reference with disks',
      { flavorRef: { kind: 'VirtualMachineInstancetype', name: 'u1.small', rootDisk: '20Gi' } },
    ],
    ['an empty nodeName', { flavor: FLAVOR, nodeName: '' }],
    ['a spec that is missing', undefined, 'spec: Required value'],
    ['neither flavor nor flavorRef', {}, 'spec: Invalid value: must have exactly one of flavor and flavorRef'],
    [
      'both flavor and flavorRef',
      { flavor: FLAVOR, flavorRef: { kind: 'VirtualMachineInstancetype', name: 'u1' } },
      'spec: Invalid value: must have exactly one of flavor and flavorRef',
    ],
    [
      'a flavorRef of an unknown kind',
      { flavorRef: { kind: 'Flavor', name: 'u1' } },
      'spec.flavorRef.kind: Unsupported value: "Flavor": supported values: "VirtualMachineInstancetype", "VirtualMachineClusterInstancetype"',
    ],
    [
      'a flavorRef without a name that can be',
      { flavorRef: { kind: 'VirtualMachineInstancetype', name: 'U1 Small' } },
      `spec.flavorRef.name: Invalid value: "U1 Small": must be the name of an instancetype: lower-case letters, digits, '-' and '.', at most 253, for example build-42`,
    ],
    [
      'a nodeName in upper case',
      { flavor: FLAVOR, nodeName: 'Node-1' },
      `spec.nodeName: Invalid value: "Node-1": ${NOT_A_NODE}`,
    ],
    [
      'a nodeName with a space',
      { flavor: FLAVOR, nodeName: 'node 1' },
      `spec.nodeName: Invalid value: "node 1": ${NOT_A_NODE}`,
    ],
    [
      'a schedulerName with an underscore',
      { flavor: FLAVOR, schedulerName: 'my_scheduler' },
      `spec.schedulerName: Invalid value: "my_scheduler": must be the name of a scheduler: lower-case letters, digits, '-' and '.', for example resource-tracker-scheduler`,
    ],
    [
      'an upper-case UUID',
      { flavor: FLAVOR, instance: { uuid: UUID.toUpperCase() } },
      `spec.instance.uuid: Invalid value: "3F0C1D7E-9A52-4C5B-8F57-0D3B6A1E2C44": ${NOT_A_UUID}`,
    ],
    [
      'a UUID without dashes',
      { flavor: FLAVOR, instance: { uuid: UUID.replaceAll('-', '') } },
      `spec.instance.uuid: Invalid value: "3f0c1d7e9a524c5b8f570d3b6a1e2c44": ${NOT_A_UUID}`,
    ],
    ['a flavor without memory', withFlavor({ vcpus: 1 }), 'spec.flavor.memory: Required value'],
    [
      'no vCPU',
      withFlavor({ vcpus: 0, memory: '1Gi' }),
      'spec.flavor.vcpus: Invalid value: 0: spec.flavor.vcpus in body should be greater than or equal to 1',
    ],
    [
      'negative vCPUs',
      withFlavor({ vcpus: -1, memory: '1Gi' }),
      'spec.flavor.vcpus: Invalid value: -1: spec.flavor.vcpus in body should be greater than or equal to 1',
    ],
    [
      'half a vCPU',
      withFlavor({ vcpus: 0.5, memory: '1Gi' }),
      'spec.flavor.vcpus: Invalid value: "float64": spec.flavor.vcpus in body must be of type int32: "float64"',
      '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.flavor.vcpus',
      'spec.flavor.vcpus: Invalid value: 0.5: spec.flavor.vcpus in body should be greater than or equal to 1',
    ],
    [
      'vCPUs as a string',
      withFlavor({ vcpus: '2', memory: '1Gi' }),
      'spec.flavor.vcpus: Invalid value: "string": spec.flavor.vcpus in body must be of type integer: "string"',
    ],
    [
      'vCPUs beyond any machine',
      withFlavor({ vcpus: 1_000_001, memory: '1Gi' }),
      'spec.flavor.vcpus: Invalid value: 1000001: spec.flavor.vcpus in body should be less than or equal to 1000000',
    ],
    ['a disk of zero', withFlavor({ ...FLAVOR, rootDisk: 0 })],
    [
      'a negative disk',
      withFlavor({ ...FLAVOR, rootDisk: '-20Gi' }),
      `spec.flavor.rootDisk: Invalid value: "-20Gi": ${NOT_AN_AMOUNT}`,
    ],
    [
      'an ephemeral disk with a fraction of a byte',
      withFlavor({ ...FLAVOR, ephemeralDisk: '0.5' }),
      `spec.flavor.ephemeralDisk: Invalid value: "0.5": ${NOT_WHOLE}`,
    ],
    ['memory with a fraction that is whole bytes', memory('1.5Gi')],
    ['memory with a decimal fraction that is whole bytes', memory('1.5k')],
    ['memory with an exponent', memory('1e9')],
    ['memory in thousandths that is whole bytes', memory('4000m')],
    ['memory of many binary units', memory('102400Gi')],
    ['memory with a plus', memory('+4Gi')],
    ['the greatest JSON number that is exact', memory(9_007_199_254_740_991)],
    [
      'a JSON number beyond what is exact',
      memory(9_007_199_254_740_992),
      'spec.flavor.memory: Invalid value: 9007199254740992: numbers above 9007199254740991 are not exact in JSON; write the amount as a string, for example "16Pi"',
    ],
    ['2^53 + 1 bytes as a string', memory('9007199254740993')],
    ['7Ei', memory('7Ei')],
    ['7.5Ei', memory('7.5Ei'), `spec.flavor.memory: Invalid value: "7.5Ei": ${NOT_WHOLE}`],
    ['2^63 - 1 bytes', memory('9223372036854775807')],
    [
      '2^63 bytes',
      memory('9223372036854775808'),
      `spec.flavor.memory: Invalid value: "9223372036854775808": ${NOT_WHOLE}`,
    ],
    ['8Ei', memory('8Ei'), `spec.flavor.memory: Invalid value: "8Ei": ${NOT_WHOLE}`],
    ['10E', memory('10E'), `spec.flavor.memory: Invalid value: "10E": ${NOT_WHOLE}`],
    ['1e30', memory('1e30'), `spec.flavor.memory: Invalid value: "1e30": ${NOT_WHOLE}`],
    [
      'an exponent that would fill the memory',
      memory('1e99999999'),
      `spec.flavor.memory: Invalid value: "1e99999999": ${NOT_AN_AMOUNT}`,
    ],
    ['no memory', memory(0), 'spec.flavor.memory: Invalid value: 0: must be more than zero, for example 512Mi'],
    [
      'no memory, with a suffix',
      memory('0.0Gi'),
      'spec.flavor.memory: Invalid value: "0.0Gi": must be more than zero, for example 512Mi',
    ],
    ['negative memory', memory('-4Gi'), `spec.flavor.memory: Invalid value: "-4Gi": ${NOT_AN_AMOUNT}`],
    ['a negative number of bytes', memory(-1), `spec.flavor.memory: Invalid value: -1: ${NOT_AN_AMOUNT}`],
    ['half a byte', memory('0.5'), `spec.flavor.memory: Invalid value: "0.5": ${NOT_WHOLE}`],
    ['a tenth of a byte', memory('100m'), `spec.flavor.memory: Invalid value: "100m": ${NOT_WHOLE}`],
    [
      'a fraction of a GiB that is no whole byte',
      memory('0.1Gi'),
      `spec.flavor.memory: Invalid value: "0.1Gi": ${NOT_WHOLE}`,
    ],
    [
      'a hair more than a byte',
      memory('1.0000000001'),
      `spec.flavor.memory: Invalid value: "1.0000000001": ${NOT_WHOLE}`,
    ],
    [
      '1.5 as a JSON number',
      memory(1.5),
      'spec.flavor.memory: Invalid value: "number": spec.flavor.memory in body must be of type integer,string: "number"',
    ],
    ['memory in GB', memory('4GB'), `spec.flavor.memory: Invalid value: "4GB": ${NOT_AN_AMOUNT}`],
    ['memory with a space', memory('4 Gi'), `spec.flavor.memory: Invalid value: "4 Gi": ${NOT_AN_AMOUNT}`],
    ['memory that is empty', memory(''), `spec.flavor.memory: Invalid value: "": ${NOT_AN_AMOUNT}`],
    ['memory that is a word', memory('plenty'), `spec.flavor.memory: Invalid value: "plenty": ${NOT_AN_AMOUNT}`],
    [
      'memory that is too long to be read',
      memory('1'.repeat(33)),
      'spec.flavor.memory: Too long: may not be more than 32 bytes',
    ],
    ['a limit of zero', { flavor: FLAVOR, limits: { vcpus: 0, memory: 0, disk: '0' } }],
    [
      'a negative limit',
      { flavor: FLAVOR, limits: { memory: '-1Gi' } },
      `spec.limits.memory: Invalid value: "-1Gi": ${NOT_AN_AMOUNT}`,
    ],
    [
      'negative limit of vCPUs',
      { flavor: FLAVOR, limits: { vcpus: -1 } },
      'spec.limits.vcpus: Invalid value: -1: spec.limits.vcpus in body should be greater than or equal to 0',
    ],
    [
      'waitSeconds without Wait',
      { flavor: FLAVOR, waitSeconds: 60 },
      'spec: Invalid value: waitSeconds needs whenInsufficient: Wait',
    ],
    [
      'waitSeconds of zero',
      { flavor: FLAVOR, whenInsufficient: 'Wait', waitSeconds: 0 },
      'spec.waitSeconds: Invalid value: 0: spec.waitSeconds in body should be greater than or equal to 1',
    ],
    [
      'an unknown whenInsufficient',
      { flavor: FLAVOR, whenInsufficient: 'Retry' },
      'spec.whenInsufficient: Unsupported value: "Retry": supported values: "Reject", "Wait"',
    ],
    [
      'expirationSeconds of zero',
      { flavor: FLAVOR, expirationSeconds: 0 },
      'spec.expirationSeconds: Invalid value: 0: spec.expirationSeconds in body should be greater than or equal to 1',
    ],
    [
      'a negative ttlSecondsAfterFinished',
      { flavor: FLAVOR, ttlSecondsAfterFinished: -1 },
      'spec.ttlSecondsAfterFinished: Invalid value: -1: spec.ttlSecondsAfterFinished in body should be greater than or equal to 0',
    ],
    [
      'a request with both alias and selectors',
      request({ alias: 'gpu', selectors: [{ vendorID: '10de' }] }),
      'spec.pciRequests[0]: Invalid value: must have exactly one of alias and selectors',
    ],
    [
      'a request with neither alias nor selectors',
      request({}),
      'spec.pciRequests[0]: Invalid value: must have exactly one of alias and selectors',
    ],
    [
      'a request with no selector in its list',
      request({ selectors: [] }),
      'spec.pciRequests[0].selectors: Invalid value: 0: spec.pciRequests[0].selectors in body should have at least 1 items',
    ],
    [
      'a selector that names nothing',
      selector({}),
      `spec.pciRequests[0].selectors[0]: Invalid value: ${EMPTY_SELECTOR}`,
    ],
    [
      'a selector whose tags are empty',
      selector({ tags: [] }),
      `spec.pciRequests[0].selectors[0]: Invalid value: ${EMPTY_SELECTOR}`,
    ],
    [
      'a count of zero',
      request({ alias: 'gpu', count: 0 }),
      'spec.pciRequests[0].count: Invalid value: 0: spec.pciRequests[0].count in body should be greater than or equal to 1',
    ],
    [
      'a count below zero',
      request({ alias: 'gpu', count: -1 }),
      'spec.pciRequests[0].count: Invalid value: -1: spec.pciRequests[0].count in body should be greater than or equal to 1',
    ],
    [
      'a request without a count',
      { flavor: FLAVOR, pciRequests: [{ name: 'gpu', alias: 'gpu' }] },
      'spec.pciRequests[0].count: Required value',
    ],
    [
      'two requests of one name',
      { flavor: FLAVOR, pciRequests: [1, 2].map((count) => ({ name: 'gpu', count, alias: 'gpu' })) },
      'spec.pciRequests[1]: Duplicate value: {"name":"gpu"}',
    ],
    [
      'a request name that is no label',
      request({ name: 'GPU 0', alias: 'gpu' }),
      `spec.pciRequests[0].name: Invalid value: "GPU 0": must be a DNS label: lower-case letters, digits and '-', for example gpu-0`,
    ],
    [
      'a vendor in upper case',
      selector({ vendorID: '10DE' }),
      'spec.pciRequests[0].selectors[0].vendorID: Invalid value: "10DE": must be four lower-case hexadecimal digits, for example 8086',
    ],
    [
      'a product with a prefix',
      selector({ productID: '0x1eb8' }),
      'spec.pciRequests[0].selectors[0].productID: Invalid value: "0x1eb8": must be four lower-case hexadecimal digits, for example 1572',
    ],
    [
      'an unknown device type',
      selector({ deviceType: 'GPU' }),
      'spec.pciRequests[0].selectors[0].deviceType: Unsupported value: "GPU": supported values: "PCI", "PF", "VF"',
    ],
    [
      'an address without a function',
      selector({ address: '0000:3b:00' }),
      `spec.pciRequests[0].selectors[0].address: Invalid value: "0000:3b:00": ${NOT_AN_ADDRESS}`,
    ],
    ['an address of a whole bus', selector({ address: '0000:3b:*.*' })],
    [
      'a negative NUMA node',
      selector({ numaNode: -1 }),
      'spec.pciRequests[0].selectors[0].numaNode: Invalid value: -1: spec.pciRequests[0].selectors[0].numaNode in body should be greater than or equal to 0',
    ],
  ]),
  ...specWrites([
    ['binding an unplaced claim', { flavor: FLAVOR }, undefined, PENDING],
    ['binding a claim whose nodeName is empty', { flavor: FLAVOR, nodeName: '' }, { phase: 'Pending' }, PENDING],
    ['moving on after a refusal', PENDING, REFUSED_BY_NODE_1, { ...PENDING, nodeName: 'node-2' }],
    ['unbinding after a refusal', PENDING, REFUSED_BY_NODE_1, { flavor: FLAVOR }],
    [
      'moving on before the node has answered',
      PENDING,
      undefined,
      { ...PENDING, nodeName: 'node-2' },
      `spec.nodeName: Invalid value: ${NOT_REFUSED_YET}`,
    ],
    [
      'unbinding before the node has answered',
      PENDING,
      undefined,
      { flavor: FLAVOR },
      `spec.nodeName: Invalid value: ${NOT_REFUSED_YET}`,
    ],
    [
      'moving on when another node has refused',
      PENDING,
      { phase: 'Pending', attempts: [{ nodeName: 'node-3' }] },
      { ...PENDING, nodeName: 'node-2' },
      `spec.nodeName: Invalid value: ${NOT_REFUSED_YET}`,
    ],
    [
      'moving a claim that is claimed',
      PENDING,
      CLAIMED,
      { ...PENDING, nodeName: 'node-2' },
      `spec.nodeName: Invalid value: ${NOT_PENDING}`,
    ],
    [
      'moving a claim that was rejected',
      PENDING,
      { ...REFUSED_BY_NODE_1, phase: 'Rejected' },
      { ...PENDING, nodeName: 'node-2' },
      `spec.nodeName: Invalid value: ${NOT_PENDING}`,
    ],
    [
      'unbinding a claim that is claimed',
      PENDING,
      CLAIMED,
      { flavor: FLAVOR },
      `spec.nodeName: Invalid value: ${NOT_PENDING}`,
    ],
    ['deciding to wait', PENDING, undefined, { ...PENDING, whenInsufficient: 'Wait', waitSeconds: 5 }],
    ['deciding to wait no longer', { ...PENDING, whenInsufficient: 'Wait', waitSeconds: 5 }, undefined, PENDING],
    [
      'another flavor',
      PENDING,
      undefined,
      { ...PENDING, flavor: { vcpus: 4, memory: '4Gi' } },
      `spec: Invalid value: ${IMMUTABLE_CLAIM}`,
    ],
    [
      'the same flavor in other words',
      PENDING,
      undefined,
      { ...PENDING, flavor: { vcpus: 2, memory: '4096Mi' } },
      `spec: Invalid value: ${IMMUTABLE_CLAIM}`,
    ],
    [
      'a flavorRef in place of the flavor',
      PENDING,
      undefined,
      { nodeName: 'node-1', flavorRef: { kind: 'VirtualMachineInstancetype', name: 'u1' } },
      `spec: Invalid value: ${IMMUTABLE_CLAIM}`,
    ],
    [
      'limits that were not there',
      PENDING,
      undefined,
      { ...PENDING, limits: { memory: '8Gi' } },
      `spec: Invalid value: ${IMMUTABLE_CLAIM}`,
    ],
    [
      'limits taken away',
      { ...PENDING, limits: { memory: '8Gi' } },
      undefined,
      PENDING,
      `spec: Invalid value: ${IMMUTABLE_CLAIM}`,
    ],
    ['adopting later', PENDING, undefined, { ...PENDING, adopt: true }, `spec: Invalid value: ${IMMUTABLE_CLAIM}`],
    [
      'another instance',
      { ...PENDING, instance: { uuid: UUID } },
      undefined,
      { ...PENDING, instance: { uuid: UUID.replace('3f', '4f') } },
      `spec: Invalid value: ${IMMUTABLE_CLAIM}`,
    ],
    [
      'another scheduler',
      PENDING,
      undefined,
      { ...PENDING, schedulerName: 'mine' },
      `spec: Invalid value: ${IMMUTABLE_CLAIM}`,
    ],
    [
      'another PCI request',
      { ...PENDING, ...request({ alias: 'gpu' }) },
      undefined,
      { ...PENDING, ...request({ alias: 'gpu', count: 2 }) },
      `spec: Invalid value: ${IMMUTABLE_CLAIM}`,
    ],
    [
      'a later expiry',
      { ...PENDING, expirationSeconds: 60 },
      CLAIMED,
      { ...PENDING, expirationSeconds: 120 },
      `spec: Invalid value: ${IMMUTABLE_CLAIM}`,
    ],
    [
      'another time to live',
      PENDING,
      undefined,
      { ...PENDING, ttlSecondsAfterFinished: 60 },
      `spec: Invalid value: ${IMMUTABLE_CLAIM}`,
    ],
  ]),
  ...statusWrites(PENDING, [
    ['a part of a status', undefined, { token: 't' }],
    ['Pending to Claimed', { phase: 'Pending' }, CLAIMED],
    ['no phase to Claimed', { token: 't' }, CLAIMED],
    ['Pending to Rejected', { phase: 'Pending' }, { phase: 'Rejected' }],
    ['Pending to Expired', { phase: 'Pending' }, { phase: 'Expired' }],
    ['Claimed to Expired', CLAIMED, { ...CLAIMED, phase: 'Expired' }],
    ['Claimed to Claimed', CLAIMED, { ...CLAIMED, vmState: 'Active', taskState: 'resize_prep' }],
    ['a task that was seen', CLAIMED, { ...CLAIMED, taskState: 'Migrating', observedTaskState: 'Migrating' }],
    [
      'a task that is a sentence',
      CLAIMED,
      { ...CLAIMED, observedTaskState: 'on its way' },
      `status.observedTaskState: Invalid value: "on its way": observedTaskState in body should match '^[A-Za-z][A-Za-z0-9_-]*$'`,
    ],
    [
      'Claimed to Rejected',
      CLAIMED,
      { ...CLAIMED, phase: 'Rejected' },
      `status.phase: Invalid value: ${CLAIMED_IS_FINAL}`,
    ],
    [
      'Claimed to Pending',
      CLAIMED,
      { phase: 'Pending', nodeName: 'node-1' },
      `status.phase: Invalid value: ${CLAIMED_IS_FINAL}`,
    ],
    ['Claimed to no phase', CLAIMED, { nodeName: 'node-1' }, `status.phase: Invalid value: ${CLAIMED_IS_FINAL}`],
    [
      'Claimed to no status',
      CLAIMED,
      undefined,
      `status.phase: Invalid value: ${CLAIMED_IS_FINAL}`,
      `status.nodeName: Invalid value: ${MOVES_UNDER_LOCK}`,
    ],
    [
      'Rejected to Claimed',
      { phase: 'Rejected' },
      CLAIMED,
      'status.phase: Invalid value: Rejected is final; create another claim',
    ],
    [
      'Rejected to Pending',
      { phase: 'Rejected' },
      { phase: 'Pending' },
      'status.phase: Invalid value: Rejected is final; create another claim',
    ],
    [
      'Expired to Claimed',
      { phase: 'Expired' },
      CLAIMED,
      'status.phase: Invalid value: Expired is final; create another claim',
    ],
    [
      'an unknown phase',
      undefined,
      { phase: 'Bound' },
      'status.phase: Unsupported value: "Bound": supported values: "Pending", "Claimed", "Rejected", "Expired"',
    ],
    [
      'an unknown vmState',
      undefined,
      { vmState: 'Sleeping' },
      'status.vmState: Unsupported value: "Sleeping": supported values: "Building", "Active", "Paused", "Suspended", "Stopped", "Rescued", "Resized", "Error"',
    ],
    ['taking the lock', CLAIMED, LOCKED],
    ['moving under the lock', LOCKED, { ...LOCKED, nodeName: 'node-2' }],
    ['moving and confirming in one write', LOCKED, { ...CLAIMED, nodeName: 'node-2' }],
    [
      'moving elsewhere under the lock',
      LOCKED,
      { ...LOCKED, nodeName: 'node-3' },
      `status.nodeName: Invalid value: ${MOVES_UNDER_LOCK}`,
    ],
    [
      'moving without a lock',
      CLAIMED,
      { ...CLAIMED, nodeName: 'node-2' },
      `status.nodeName: Invalid value: ${MOVES_UNDER_LOCK}`,
    ],
    [
      'moving with a lock that is taken in the same write',
      CLAIMED,
      { ...LOCKED, nodeName: 'node-2' },
      `status.nodeName: Invalid value: ${MOVES_UNDER_LOCK}`,
    ],
    ['forgetting the node', CLAIMED, { phase: 'Claimed' }, `status.nodeName: Invalid value: ${MOVES_UNDER_LOCK}`],
    ['clearing the lock', LOCKED, CLAIMED],
    [
      'taking a lock that another migration has',
      LOCKED,
      { ...LOCKED, migration: { ...LOCK, uid: 'm-2' } },
      'status.migration: Invalid value: held by the Migration with the UID m-1; it must end before another can begin',
    ],
    [
      'a lock without its target',
      CLAIMED,
      { ...CLAIMED, migration: { uid: 'm-1', sourceNodeName: 'node-1' } },
      'status.migration.targetNodeName: Required value',
    ],
    [
      'one node refusing twice',
      undefined,
      { attempts: [{ nodeName: 'node-1' }, { nodeName: 'node-1' }] },
      'status.attempts[1]: Duplicate value: {"nodeName":"node-1"}',
    ],
    [
      'a device with an address glob',
      undefined,
      { pciDevices: [{ address: '0000:3b:*.0' }] },
      `status.pciDevices[0].address: Invalid value: "0000:3b:*.0": pciDevices[0].address in body should match '^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}[.][0-7]$'`,
    ],
  ]),
];
