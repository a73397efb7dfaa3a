import { expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Migration } from '../../../src/api/generated/v1alpha1.ts';
import { explain } from '../../../src/cli/explain/explanation.ts';
import { formatExplanation } from '../../../src/cli/explain/format.ts';
import { gpu, instance, MEBIBYTE } from '../../simulation/world/objects.ts';
import { settledView, stored } from './explained.ts';

const FLAVOR = { vcpus: 4, memory: '4Gi', rootDisk: '40Gi' };
const LOCK = {
  uid: 'm',
  name: 'move-1',
  sourceNodeName: 'node-b',
  targetNodeName: 'node-a',
  newFlavor: FLAVOR,
  overhead: { memory: '64Mi' },
};
const MIGRATION: Migration = {
  apiVersion: 'resourcetracker.dev/v1alpha1',
  kind: 'Migration',
  metadata: { name: 'move-1', namespace: 'default', uid: 'm' },
  spec: { claimName: 'arrives', type: 'ColdMigration', targetNodeName: 'node-a' },
  status: { phase: 'PreMigrating', claimUID: 'uid-arrives', sourceNodeName: 'node-b' },
};
const VIEW = settledView(
  {
    settings: { overheadMemoryBytes: () => 64n * MEBIBYTE },
    claims: [
      stored({ name: 'web', vcpus: 2, memoryMi: 2048, diskGi: 20, instance: { uuid: 'u-1' } }),
      stored({ name: 'gpu', pciRequests: [{ name: 'gpu', count: 2, alias: 'gpu' }] }),
      stored(
        { name: 'arrives' },
        {
          status: {
            phase: 'Claimed',
            nodeName: 'node-b',
            flavor: FLAVOR,
            overhead: { memory: '64Mi' },
            migration: LOCK,
          },
        },
      ),
    ],
    report: {
      devices: [gpu(1), gpu(2)],
      instances: [
        instance({ uuid: 'u-1', vcpus: 2n, memoryBytes: 3072n * MEBIBYTE }),
        instance({ uuid: 'u-2', name: 'stray', memoryBytes: 1536n * MEBIBYTE + 1n }),
      ],
    },
  },
  [MIGRATION],
);
const EXPLANATION = explain(VIEW);

const LINES = `\
Node node-a: what is used, line by line (Capped)

WHAT                                                         FLAVOR     VCPUS     MEMORY             OVERHEAD   DISK        PCI DEVICES
reserved                                                                0         0Mi                           0Gi
claim default/arrives (migration move-1, node-b -> node-a)   new        4         4096Mi             64Mi       40Gi
claim default/gpu                                            in force   1         1024Mi             64Mi       0Gi         0000:01:00.0 0000:02:00.0
claim default/web                                            in force   2         3072Mi             64Mi       20Gi
orphan stray u-2                                                        1         1610612737         64Mi       0Gi
used                                                                    8         10468982785                   60Gi
free                                                                    999992    1125889437859839              1048516Gi
limit                                                                   1000000   1073741824Mi                  1048576Gi
available                                                               999992    1125889437859839              1048516Gi

claim default/web: its instance has more than its claim: memory: claimed 2Gi, has 3Gi; the larger counts
`;

it('For people it is a table whose lines add up, in the units of refusals.', () => {
  expect(formatExplanation(EXPLANATION, 'table')).toBe(`${LINES}\nComputeNode.status says the same.\n`);
});

it('A difference is told with both figures and the likely reason.', () => {
  const [first, ...devices] = VIEW.node.status?.pciDevices ?? [];
  if (first === undefined) throw new Error('the host has devices');
  const used = { vcpus: 9, memory: '10468982785', disk: '59Gi' };
  const status = { ...VIEW.node.status, used, limit: {}, pciDevices: [{ ...first, claimUID: 'uid-x' }, ...devices] };
  const text = formatExplanation(explain({ ...VIEW, node: { ...VIEW.node, status } }), 'table');
  expect(text).toBe(`${LINES}
ComputeNode.status says otherwise:
  disk: used 60Gi, in the status 59Gi: 1Gi less
  vCPUs: used 8, in the status 9: 1 more
  memory: limit 1073741824Mi, of which the status says nothing
  disk: limit 1048576Gi, of which the status says nothing
  vCPUs: limit 1000000, of which the status says nothing
  PCI device 0000:01:00.0: held by the claim with UID uid-gpu, in the status given to the claim with UID uid-x
Likely because:
  something was decided or given back since; where it stays so, the agent knows of an instance what it has not told yet, or has a fault: see its log
`);
});

it.each([
  ['json', (text: string) => JSON.parse(text)],
  ['yaml', (text: string) => parse(text)],
] as const)('For programs it is %s with the names and quantities of the API.', (format, read) => {
  const document = read(formatExplanation(EXPLANATION, format));
  expect(document).toMatchObject({
    node: 'node-a',
    policy: { limitPolicy: 'Capped', allocationRatios: { vcpus: '1', memory: '1', disk: '1' } },
    sums: { used: { vcpus: 8, memory: '10468982785', disk: '60Gi' } },
    status: { used: { vcpus: 8, memory: '10468982785', disk: '60Gi' } },
    isEqual: true,
    differences: [],
    deviceDifferences: [],
    reasons: [],
  });
  expect(document.lines).toEqual([
    { kind: 'reserved', vcpus: 0, memory: '0', disk: '0' },
    {
      kind: 'claim',
      namespace: 'default',
      name: 'arrives',
      uid: 'uid-arrives',
      flavor: 'New',
      migration: { name: 'move-1', sourceNodeName: 'node-b', targetNodeName: 'node-a' },
      vcpus: 4,
      memory: '4Gi',
      disk: '40Gi',
      overhead: { memory: '64Mi' },
      pciDevices: [],
      notes: [],
    },
    expect.objectContaining({ name: 'gpu', flavor: 'InForce', pciDevices: ['0000:01:00.0', '0000:02:00.0'] }),
    expect.objectContaining({ name: 'web', notes: [expect.stringContaining('has 3Gi')] }),
    {
      kind: 'orphan',
      name: 'stray',
      uid: 'u-2',
      vcpus: 1,
      memory: '1610612737',
      disk: '0',
      overhead: { memory: '64Mi' },
      pciDevices: [],
      notes: [],
    },
  ]);
});
