import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { type InspectOptions, runInspect } from '../../src/cli/inspect.ts';
import { formatRanges, humanBytes } from '../../src/cli/inspect-format.ts';
import { createFakeDriver } from '../../src/drivers/fake/fake-driver.ts';
import { type FakeFaults, fakeHost } from '../../src/drivers/fake/fake-host.ts';

const HOST = fakeHost({
  hostname: 'host-1',
  cpuInfo: { arch: 'x86_64', model: 'EPYC', topology: { sockets: 1, cores: 8, threads: 2 }, features: ['aes'] },
  numaCells: [{ id: 0, memoryBytes: 64n << 30n, cpus: [0, 1, 2, 3, 8] }],
  instances: [
    {
      uuid: 'aaaaaaaa-0000-4000-8000-000000000001',
      name: 'web-1',
      vmState: 'Active',
      vcpus: 2n,
      memoryBytes: 1536n << 20n,
      devices: ['0000:3b:00.0'],
      claim: { namespace: 'team-a', name: 'web-1' },
    },
    {
      uuid: 'aaaaaaaa-0000-4000-8000-000000000002',
      name: 'left-behind',
      vmState: 'Stopped',
      taskState: 'PoweringOff',
      vcpus: 1n,
      memoryBytes: 1n << 30n,
      devices: [],
    },
  ],
  devices: [{ address: '0000:3b:00.0', vendorID: '10de', productID: '20b5', deviceType: 'PCI', numaNode: 0 }],
  problems: [{ subject: 'instance web-1', message: 'has no <memory>' }],
});

const TABLE = `host-1: fake 1.0.0
EPYC, x86_64, 1 x 8 cores x 2 threads, 1 features

         TOTAL   USED
vCPUs    16      2
memory   64Gi    1.5Gi
disk     1Ti     0

NUMA cells
CELL   MEMORY   CPUS
0      64Gi     0-3,8

Instances
NAME          STATE                   VCPUS   MEMORY   DEVICES   CLAIM          UUID
web-1         Active                  2       1.5Gi    1         team-a/web-1   aaaaaaaa-0000-4000-8000-000000000001
left-behind   Stopped (PoweringOff)   1       1Gi      0         -              aaaaaaaa-0000-4000-8000-000000000002

PCI devices
ADDRESS        ID          TYPE   CELL   IOMMU GROUP   GIVEN TO
0000:3b:00.0   10de:20b5   PCI    0      -             web-1

Problems
SUBJECT          MESSAGE
instance web-1   has no <memory>
`;

async function inspect(
  options: Partial<InspectOptions>,
  faults: Partial<FakeFaults> = {},
  io: { isTTY?: boolean; signal?: AbortSignal } = {},
) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runInspect(
    { driver: { name: 'fake', path: 'host.yaml' }, output: 'table', ...options },
    {
      stdout: { write: (text) => out.push(text) },
      stderr: { write: (text) => err.push(text), isTTY: io.isTTY },
      ...(io.signal !== undefined && { signal: io.signal }),
    },
    async () => createFakeDriver({ host: HOST, faults }),
  );
  return { code, out: out.join(''), err: err.join('') };
}

it('prints tables for people', async () => {
  expect(await inspect({})).toEqual({ code: 0, out: TABLE, err: '' });
});

it('prints exact quantities as JSON and as YAML, the same document', async () => {
  const json: unknown = JSON.parse((await inspect({ output: 'json' })).out);
  expect(json).toMatchObject({
    total: { vcpus: 16, memory: '64Gi', disk: '1Ti' },
    instances: [{ memory: '1536Mi', vcpus: 2 }, {}],
  });
  expect(parse((await inspect({ output: 'yaml' })).out)).toEqual(json);
});

it('a hypervisor that is away is a reason and exit code 1', async () => {
  expect(await inspect({}, { disconnected: true })).toMatchObject({
    code: 1,
    out: '',
    err: 'inspect: not connected to the fake hypervisor\n',
  });
});

it('an audit that fails is a reason and exit code 1', async () => {
  expect(await inspect({}, { failAudit: 'no' })).toMatchObject({ code: 1, err: 'inspect: no\n' });
});

it('a hypervisor that cannot tell what its host has is a reason and exit code 1', async () => {
  expect(await inspect({}, { cannotReport: 'it tells nothing' })).toMatchObject({
    code: 1,
    err: 'inspect: this hypervisor cannot tell what the host has: it tells nothing\n',
  });
});

it('a report that lacks something is a reason that names it, and exit code 1', async () => {
  expect(await inspect({}, { omit: ['totals'] })).toMatchObject({
    code: 1,
    err: "inspect: the driver's report lacks totals.memoryBytes, totals.diskBytes\n",
  });
});

it('a hypervisor that does not answer is given up, with progress on a terminal', async () => {
  const { code, err } = await inspect({ timeoutMs: 1_100 }, { auditDelayMs: 60_000 }, { isTTY: true });
  expect(code).toBe(1);
  expect(err).toBe('waiting for host.yaml ...\r\u001b[Kinspect: host.yaml did not answer in time\n');
});

it('an interruption ends it', async () => {
  const signal = AbortSignal.timeout(10);
  expect(await inspect({}, { auditDelayMs: 60_000 }, { signal })).toMatchObject({
    code: 1,
    err: 'inspect: interrupted\n',
  });
});

it.each([
  [0n, '0'],
  [1023n, '1023'],
  [1024n, '1Ki'],
  [1536n << 20n, '1.5Gi'],
  [(1n << 40n) - 1n, '1023.9Gi'],
  [-(3n << 30n), '-3Gi'],
  [1n << 70n, '1024Ei'],
])('%s bytes are %s to people', (bytes, text) => {
  expect(humanBytes(bytes)).toBe(text);
});

it.each([
  [[], ''],
  [[3], '3'],
  [[0, 1, 2, 4, 6, 7], '0-2,4,6-7'],
])('CPUs %j are %s', (cpus, text) => {
  expect(formatRanges(cpus)).toBe(text);
});
