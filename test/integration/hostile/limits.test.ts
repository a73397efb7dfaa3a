import { expect, inject, test } from 'vitest';
import { parseBytes } from '../../../src/quantity/quantity.ts';
import { eventually } from '../agent/eventually.ts';
import { GI, Scene } from '../agent/scene.ts';
import { addNamespace, createClaim, functions, inParallel, metric } from './many.ts';

const CLAIMS = 1_000;
const DEVICES = 512;
const GIVEN = 500;
const WIDTH = 50;
const MAX_STATUS_BYTES = 64 * 1024;
const FUNCTION = [{ name: 'nic', count: 1, selectors: [{ vendorID: '10de' }] }];

const open = (host: Parameters<typeof Scene.open>[1]) => Scene.open(inject('kubeconfigPath'), host);

test('1,000 granted claims and 512 PCI devices add up to the byte, before and after a restart.', async () => {
  const scene = await open({ totals: { vcpus: 5_000, memory: '4Ti', disk: '10Ti' }, devices: functions(DEVICES) });
  const agent = await scene.startReady();
  await inParallel(CLAIMS, WIDTH, (index) =>
    scene.claim(`c-${index}`, {
      flavor: { vcpus: 1 + (index % 3), memory: `${1_000_000_007 + index}`, rootDisk: `${4_000_000_007 + index}` },
      ...(index < GIVEN && { pciRequests: FUNCTION }),
    }),
  );
  await eventually(() => isRight(scene), 40_000);
  await agent.kill();
  await scene.startReady();
  await eventually(() => isRight(scene));
}, 90_000);

/** A recount that shares nothing with the ledger. */
async function isRight(scene: Scene): Promise<void> {
  const { items } = await scene.claims.list({ namespace: scene.namespace });
  const granted = items.filter(({ status }) => status?.phase === 'Claimed');
  expect(granted).toHaveLength(CLAIMS);
  const devices = granted.flatMap(({ status }) => status?.pciDevices?.map(({ address }) => address) ?? []);
  expect(new Set(devices).size).toBe(GIVEN);
  const sum = (of: (index: number) => number): bigint =>
    Array.from({ length: CLAIMS }, (_, index) => BigInt(of(index))).reduce((left, right) => left + right, 0n);
  const { status } = await scene.readNode();
  expect(status?.used?.vcpus).toBe(Number(sum((index) => 1 + (index % 3))));
  expect(parseBytes(status?.used?.memory ?? 0)).toBe(sum((index) => 1_000_000_007 + index));
  expect(parseBytes(status?.used?.disk ?? 0)).toBe(sum((index) => 4_000_000_007 + index));
  expect(status?.pciPools?.map(({ total, free }) => [total, free])).toEqual([
    [DEVICES / 2, expect.any(Number)],
    [DEVICES / 2, expect.any(Number)],
  ]);
  expect(status?.columns?.pciFree).toBe(DEVICES - GIVEN);
  const listed = status?.pciDevices ?? [];
  expect(listed.length + (status?.omitted?.pciDevices ?? 0)).toBe(DEVICES);
  expect(listed.filter(({ state }) => state === 'Available')).toHaveLength(DEVICES - GIVEN);
  for (const { address, claimUID } of listed) if (claimUID !== undefined) expect(devices).toContain(address);
  expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThanOrEqual(MAX_STATUS_BYTES);
}

test('A claim whose names, labels and annotations are at their limits is granted and keeps them.', async () => {
  const scene = await open({});
  await scene.startReady();
  const namespace = await addNamespace(scene, `n${'s'.repeat(54)}${scene.namespace.slice(-8)}`);
  const metadata = {
    name: `a${'b'.repeat(251)}c`,
    namespace,
    annotations: { note: 'x'.repeat(256 * 1024 - 100) },
    labels: Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`l${index}`, 'v'.repeat(63)])),
  };
  expect([metadata.name.length, namespace.length]).toEqual([253, 63]);
  await createClaim(scene, metadata, { pciRequests: [], instance: { name: '实例🚀', osType: 'ø'.repeat(63) } });
  await eventually(async () => {
    const claim = await scene.claims.get(metadata.name, namespace);
    expect(claim?.status?.phase).toBe('Claimed');
    expect(claim?.metadata.annotations).toEqual(metadata.annotations);
    expect(claim?.metadata.labels).toEqual(metadata.labels);
  });
  const { status } = await scene.readNode();
  expect(status?.stats?.byProject).toEqual({ [namespace]: 1 });
  expect(status?.used?.memory).toBe('1Gi');
});

test('Amounts that add up to more than 2^63 are published exactly, and the node goes on.', async () => {
  const scene = await open({ totals: { vcpus: 16, memory: '64Gi', disk: '1Ti' } });
  const agent = await scene.startReady({ flags: ['--limit-policy=ClaimOnly'] });
  const most = 2n ** 63n - 1n;
  for (const name of ['a', 'b', 'c'])
    await scene.claim(name, { flavor: { vcpus: 1_000_000, memory: `${most}`, rootDisk: `${most}` } });
  expect(await scene.allDecided()).toEqual({ Claimed: 3 });
  await eventually(async () => {
    const { status } = await scene.readNode();
    expect(status?.used).toEqual({ vcpus: 3_000_000, memory: `${3n * most}`, disk: `${3n * most}` });
    expect(status?.free).toEqual({
      vcpus: 16 - 3_000_000,
      memory: `${64n * GI - 3n * most}`,
      disk: `${1024n * GI - 3n * most}`,
    });
    expect(status?.available).toEqual(status?.free);
  });
  // A successor reads it, and room comes back.
  await agent.kill();
  await scene.startReady({ flags: ['--limit-policy=ClaimOnly'] });
  for (const name of ['a', 'b', 'c']) await scene.delete(name);
  await eventually(async () =>
    expect((await scene.readNode()).status?.used).toEqual({ vcpus: 0, memory: '0', disk: '0' }),
  );
});

test('Tenants who invent hundreds of types of guest do not end the decisions of the node.', async () => {
  const scene = await open({ totals: { vcpus: 5_000, memory: '4Ti', disk: '10Ti' } });
  await scene.startReady();
  await inParallel(300, WIDTH, (index) => scene.claim(`c-${index}`, { instance: { osType: `type-${index}` } }));
  expect(await scene.allDecided()).toEqual({ Claimed: 300 });
  const { byOSType = {}, instances } = (await scene.readNode()).status?.stats ?? {};
  expect(Object.values(byOSType).reduce((sum, count) => sum + count, 0)).toBe(instances);
});

test('An instance whose name is no ASCII, or as long as a page, is shown, and the status settles.', async () => {
  const uuid = (index: number): string => `5d1c0f3a-6b1e-4f5c-9d55-3f1f0a7b9c0${index}`;
  const names = ['实例-🚀', 'e\u0301\u202e', 'n'.repeat(4_000), '"\\\n\t'];
  const instances = names.map((name, index) => ({ uuid: uuid(index), name, vcpus: 1, memory: '1Gi' }));
  const scene = await open({ instances });
  const agent = await scene.startReady({ flags: ['--audit-seconds=1'] });
  await eventually(async () => {
    const { orphans = [] } = (await scene.readNode()).status ?? {};
    expect(orphans.map(({ name }) => name)).toEqual([names[0], names[1], `${'n'.repeat(254)}…`, names[3]]);
  });
  const { resourceVersion } = (await scene.readNode()).metadata;
  const audits = () => metric(agent, 'resource_tracker_audit_duration_seconds_count');
  const before = await audits();
  await eventually(async () => expect(await audits()).toBeGreaterThan(before + 2));
  expect((await scene.readNode()).metadata.resourceVersion).toBe(resourceVersion);
});
