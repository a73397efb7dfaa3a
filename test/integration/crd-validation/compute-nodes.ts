import { creations, type Row, statusWrites } from './row.ts';

// What the CRD says.
const NOT_AN_AMOUNT = 'must be an amount of bytes that is not negative, for example 4Gi, 512Mi or 1073741824';
const NOT_AN_ADDRESS =
  'must be a PCI address, domain:bus:slot.function in lower-case hexadecimal, where * stands for any digits and ? for one, for example 0000:3b:*.*';
const NOT_A_RATIO = 'must be a decimal number above zero, for example "1.5" or 16';
const RATIO_RANGE = 'must be above 0 and at most 1000, for example "1.5"; "1" means no oversubscription';

const filter = (entry: unknown) => ({ pciDevices: [entry] });
const ratio = (memory: unknown) => ({ allocationRatios: { memory } });

/** What a ComputeNode may and may not be. */
export const COMPUTE_NODE_ROWS: readonly Row[] = [
  ...creations([
    ['an empty spec', {}],
    ['a spec that is missing', undefined, 'spec: Required value'],
    [
      'every field',
      {
        reserved: { vcpus: 1, memory: '1Gi', disk: 0 },
        allocationRatios: { vcpus: 16, memory: '1.5', disk: 1 },
        limitPolicy: 'ClaimOnly',
        pciDevices: [
          {
            vendorID: '10de',
            productID: '1eb8',
            address: '0000:3b:*.?',
            physicalNetwork: 'physnet1',
            tags: ['gpu', 'fast'],
          },
        ],
        unschedulable: true,
      },
    ],
    [
      'reserved memory below zero',
      { reserved: { memory: '-1' } },
      `spec.reserved.memory: Invalid value: "-1": ${NOT_AN_AMOUNT}`,
    ],
    [
      'reserved vCPUs below zero',
      { reserved: { vcpus: -1 } },
      'spec.reserved.vcpus: Invalid value: -1: spec.reserved.vcpus in body should be greater than or equal to 0',
    ],
    [
      'a fraction of a vCPU',
      { reserved: { vcpus: 0.5 } },
      'spec.reserved.vcpus: Invalid value: "float64": spec.reserved.vcpus in body must be of type int32: "float64"',
      '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.reserved.vcpus',
    ],
    ['an integer ratio', ratio(2)],
    ['a ratio below one', ratio('0.9')],
    ['a ratio in thousandths', ratio('1500m')],
    [
      'a ratio that JSON cannot hold',
      ratio(1.5),
      'spec.allocationRatios.memory: Invalid value: "number": spec.allocationRatios.memory in body must be of type integer,string: "number"',
    ],
    ['a ratio of zero', ratio('0'), `spec.allocationRatios.memory: Invalid value: "0": ${RATIO_RANGE}`],
    ['a negative ratio', ratio('-1.5'), `spec.allocationRatios.memory: Invalid value: "-1.5": ${NOT_A_RATIO}`],
    ['the greatest ratio', ratio('1000')],
    [
      'a ratio beyond the greatest',
      ratio('1000.001'),
      `spec.allocationRatios.memory: Invalid value: "1000.001": ${RATIO_RANGE}`,
    ],
    [
      'a ratio that is a word',
      ratio('double'),
      `spec.allocationRatios.memory: Invalid value: "double": ${NOT_A_RATIO}`,
    ],
    [
      'a ratio with an exponent that would fill the memory',
      ratio('1e99999999'),
      `spec.allocationRatios.memory: Invalid value: "1e99999999": ${NOT_A_RATIO}`,
    ],
    [
      'an unknown limit policy',
      { limitPolicy: 'Strict' },
      'spec.limitPolicy: Unsupported value: "Strict": supported values: "Capped", "ClaimOnly"',
    ],
    [
      'a filter that names nothing',
      filter({ tags: ['gpu'] }),
      'spec.pciDevices[0]: Invalid value: must have at least one of vendorID, productID and address; to hand out every device write address *:*:*.*',
    ],
    ['a filter by address alone', filter({ address: '*:*:*.*' })],
    [
      'an upper-case vendor',
      filter({ vendorID: '10DE' }),
      'spec.pciDevices[0].vendorID: Invalid value: "10DE": must be four lower-case hexadecimal digits, for example 8086',
    ],
    [
      'a vendor with a prefix',
      filter({ vendorID: '0x10' }),
      'spec.pciDevices[0].vendorID: Invalid value: "0x10": must be four lower-case hexadecimal digits, for example 8086',
    ],
    [
      'a product of three digits',
      filter({ productID: '1eb' }),
      'spec.pciDevices[0].productID: Invalid value: "1eb": must be four lower-case hexadecimal digits, for example 1572',
    ],
    [
      'an address without its domain',
      filter({ address: '3b:00.0' }),
      `spec.pciDevices[0].address: Invalid value: "3b:00.0": ${NOT_AN_ADDRESS}`,
    ],
    [
      'the same tag twice',
      filter({ vendorID: '10de', tags: ['gpu', 'gpu'] }),
      'spec.pciDevices[0].tags[1]: Duplicate value: "gpu"',
    ],
    [
      'an empty tag',
      filter({ vendorID: '10de', tags: [''] }),
      'spec.pciDevices[0].tags[0]: Invalid value: "": spec.pciDevices[0].tags[0] in body should be at least 1 chars long',
    ],
  ]),
  ...statusWrites({}, [
    ['a part of a status', undefined, { used: { memory: '512Mi' } }],
    ['a negative free amount', undefined, { free: { vcpus: -3, memory: '-4Gi', disk: '0' } }],
    [
      'what is being decided',
      undefined,
      {
        agent: {
          identity: 'a',
          token: 't',
          leaseNamespace: 'rt',
          version: '1',
          deciding: [{ kind: 'InstanceClaim', namespace: 'n', name: 'c', uid: 'u' }],
        },
      },
    ],
    [
      'the same object decided twice',
      undefined,
      { agent: { deciding: [1, 2].map((n) => ({ kind: 'InstanceClaim', namespace: 'n', name: `c${n}`, uid: 'u' })) } },
      'status.agent.deciding[1]: Duplicate value: {"uid":"u"}',
    ],
    [
      'the same device twice',
      undefined,
      { pciDevices: [{ address: '0000:3b:00.0' }, { address: '0000:3b:00.0' }] },
      'status.pciDevices[1]: Duplicate value: {"address":"0000:3b:00.0"}',
    ],
    [
      'what monitors measured, with counters of plug-ins',
      undefined,
      {
        metrics: [
          { name: 'cpu.frequency', value: 2600, source: 'cpu', timestamp: '2026-01-01T00:00:00Z' },
          { name: 'cpu.percent', value: '0.25', source: 'cpu', timestamp: '2026-01-01T00:00:00Z' },
        ],
        stats: { custom: { 'sizes.large': 3 } },
        omitted: { metrics: 1, customStats: 2 },
      },
    ],
    [
      'the same metric twice',
      undefined,
      { metrics: [{ name: 'cpu.percent' }, { name: 'cpu.percent' }] },
      'status.metrics[1]: Duplicate value: {"name":"cpu.percent"}',
    ],
    [
      'a counter of a plug-in below zero',
      undefined,
      { stats: { custom: { 'sizes.large': -1 } } },
      'status.stats.custom.sizes.large: Invalid value: -1: stats.custom.sizes.large in body should be greater than or equal to 0',
    ],
    [
      'more counters of plug-ins than there is room for',
      undefined,
      { stats: { custom: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`c${index}`, 1])) } },
      'status.stats.custom: Too many: 65: must have at most 64 items',
    ],
    [
      'an orphan with all that a claim for it needs',
      undefined,
      {
        orphans: [
          {
            uuid: '3f0c1d7e-9a52-4c5b-8f57-0d3b6a1e2c44',
            name: 'left-behind',
            memory: '4160Mi',
            vcpus: 2,
            overhead: { memory: '64Mi' },
            pciDevices: ['0000:3b:00.0'],
            claim: { namespace: 'team-a', name: 'left-behind' },
          },
        ],
      },
    ],
    [
      'an orphan with a device that has no address',
      undefined,
      { orphans: [{ uuid: 'u', pciDevices: ['3b:00.0'] }] },
      'status.orphans[0].pciDevices[0]: Invalid value: "3b:00.0": orphans[0].pciDevices[0] in body should match \'^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}[.][0-7]$\'',
    ],
    [
      'an orphan that names half a claim',
      undefined,
      { orphans: [{ uuid: 'u', claim: { name: 'left-behind' } }] },
      'status.orphans[0].claim.namespace: Required value',
    ],
    [
      'a condition without a reason',
      undefined,
      { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', message: '' }] },
      'status.conditions[0].reason: Required value',
    ],
    [
      'a condition that is maybe true',
      undefined,
      {
        conditions: [
          { type: 'Ready', status: 'Maybe', reason: 'R', lastTransitionTime: '2026-01-01T00:00:00Z', message: '' },
        ],
      },
      'status.conditions[0].status: Unsupported value: "Maybe": supported values: "True", "False", "Unknown"',
    ],
  ]),
];
