import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { ensureTools } from '../../../dev/tools.ts';
import type { InstanceClaim } from '../../../src/api/generated/v1alpha1.ts';
import { parseBytes } from '../../../src/quantity/quantity.ts';
import { eventually } from '../agent/eventually.ts';
import type { FakeInstance } from '../agent/host-file.ts';
import { GI, Scene } from '../agent/scene.ts';
import { type Ended, runCommand, startCommand } from './command.ts';

const kubeconfig = inject('kubeconfigPath');
const run = promisify(execFile);
const GPU_HOST = resolve(import.meta.dirname, '../../../examples/hosts/gpu.xml');
const uuid = (index: number): string => `eeeeeeee-0000-4000-8000-${index.toString().padStart(12, '0')}`;

/** Instances of 1 vCPU and 1Gi, called one, two and so on. */
function instances(count: number, name = (index: number) => `VM_${index}`): FakeInstance[] {
  return Array.from({ length: count }, (_, index) => ({
    uuid: uuid(index),
    name: name(index),
    vcpus: 1,
    memory: '1Gi',
  }));
}

function adopt(scene: Scene, ...words: readonly string[]): Promise<Ended> {
  return runCommand(kubeconfig, 'adopt', scene.nodeName, '-n', scene.namespace, ...words);
}

async function claimsOf(scene: Scene): Promise<readonly InstanceClaim[]> {
  return (await scene.claims.list({ namespace: scene.namespace })).items;
}

const namesOf = (claims: readonly InstanceClaim[]): readonly string[] =>
  claims.map(({ metadata }) => metadata.name).sort();

/** An agent on libvirt's test driver, on a host with four instances: three name a claim of the scene's namespace, one has no name for one. */
async function libvirtScene(): Promise<Scene> {
  const scene = await Scene.open(kubeconfig);
  const text = (await readFile(GPU_HOST, 'utf8'))
    .replaceAll(/namespace="team-[ab]"/g, `namespace="${scene.namespace}"`)
    .replace('<name>left-behind</name>', '<name>Left_Behind</name>');
  const host = await scene.addFile('host.xml', text);
  const agent = scene.startWith([
    '--driver=libvirt',
    `--libvirt-uri=test://${host}`,
    '--storage-pool=instances',
    '--overhead={fixed: 128Mi, perVcpu: 8Mi}',
    '--pci-devices=[{vendorID: "10de", productID: "20b5"}, {vendorID: "8086", productID: "1889"}]',
  ]);
  await agent.untilReady();
  await eventually(async () => expect((await scene.readNode()).status?.orphans).toHaveLength(4));
  return scene;
}

test('What runs on a host of libvirt is claimed, and what the node counts stays as it is but for the disks.', async () => {
  const scene = await libvirtScene();
  const before = (await scene.readNode()).status;
  expect(before?.orphans?.map(({ name }) => name)).toEqual(['training-1', 'web-1', 'build-win', 'Left_Behind']);

  const dry = await adopt(scene, '--root-disk=20Gi', '--root-disk=training-*=40Gi');
  expect(dry).toMatchObject({ code: 0, stderr: expect.stringContaining('4 claims to be created in namespace') });
  expect(await claimsOf(scene)).toEqual([]);

  const done = await adopt(scene, '--root-disk=20Gi', '--root-disk=training-*=40Gi', '--yes');
  expect(done.code, done.stderr + done.stdout).toBe(0);
  expect(done.stdout.match(/ Claimed$/gm)).toHaveLength(4);
  const claims = await claimsOf(scene);
  expect(namesOf(claims)).toEqual(['build-win', 'left-behind', 'training-1', 'web-1']);
  expect(claims.map(({ status }) => status?.phase)).toEqual(['Claimed', 'Claimed', 'Claimed', 'Claimed']);

  const after = (await scene.readNode()).status;
  expect(after?.orphans).toEqual([]);
  expect(after?.used?.vcpus).toBe(before?.used?.vcpus);
  expect(parseBytes(after?.used?.memory ?? 0)).toBe(parseBytes(before?.used?.memory ?? -1));
  expect(parseBytes(after?.used?.disk ?? 0) - parseBytes(before?.used?.disk ?? 0)).toBe(100n * GI);
  const devices = Object.fromEntries(
    claims.map(({ metadata, status }) => [
      metadata.name,
      status?.pciDevices?.map(({ request, address }) => `${request} ${address}`),
    ]),
  );
  expect(devices).toEqual({
    'training-1': ['10de-20b5 0000:3b:00.0', '8086-1889-vf 0000:5e:02.0'],
    'web-1': ['8086-1889-vf 0000:5e:02.1'],
    'build-win': [],
    'left-behind': [],
  });
  expect(await runCommand(kubeconfig, 'explain', scene.nodeName)).toMatchObject({ code: 0 });

  const again = await adopt(scene, '--yes');
  expect(again).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('needs a claim') });
  expect(await claimsOf(scene)).toHaveLength(4);
});

test('What is printed without --yes is what kubectl apply takes, and makes the same claims.', async () => {
  const scene = await libvirtScene();
  const { stdout } = await adopt(scene);
  const printed = parseAllDocuments(stdout).map((document) => document.toJS());
  const file = await scene.addFile('claims.yaml', stdout);
  const kubectl = join(await ensureTools({ tools: ['kubectl'], env: process.env }), 'kubectl');
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const { stderr } = await run(kubectl, ['apply', '--validate=strict', '-f', file], { env });
  expect(stderr).toBe('');
  expect(await scene.allDecided()).toEqual({ Claimed: 4 });
  const specs = (claims: readonly InstanceClaim[]) =>
    claims.map(({ metadata, spec }) => [metadata.name, spec.instance, spec.flavor, spec.pciRequests]).sort();
  expect(specs(await claimsOf(scene))).toEqual(specs(printed));
});

test('Only instances whose names match are claimed, into the namespace of the kubeconfig where none is named.', async () => {
  const scene = await Scene.open(kubeconfig, { instances: instances(3) });
  await scene.startReady();
  await eventually(async () => expect((await scene.readNode()).status?.orphans).toHaveLength(3));
  const config = parse(await readFile(kubeconfig, 'utf8'));
  config.contexts[0].context.namespace = scene.namespace;
  const here = await scene.addFile('kubeconfig', stringify(config));
  const done = await runCommand(here, 'adopt', scene.nodeName, '--name=VM_1', '--label', 'origin=test', '-y');
  expect(done).toMatchObject({ code: 0, stdout: expect.stringMatching(/vm-1 +VM_1 +Claimed\n$/) });
  const claims = await claimsOf(scene);
  expect(namesOf(claims)).toEqual(['vm-1']);
  expect(claims[0]?.metadata.labels).toEqual({ 'resourcetracker.dev/adopted': 'true', origin: 'test' });
});

test('More instances than the status has room to list are all claimed, in rounds.', async () => {
  const count = 150;
  const scene = await Scene.open(kubeconfig, {
    totals: { vcpus: 1000, memory: '1Ti', disk: '1Ti' },
    instances: instances(count, () => 'the same name for all of them'),
  });
  await scene.startReady();
  const used = await eventually(async () => {
    const { status } = await scene.readNode();
    expect(status?.omitted?.orphans).toBeGreaterThan(0);
    return status?.used;
  });
  const done = await adopt(scene, '--yes');
  expect(done.code, done.stderr).toBe(0);
  expect(await scene.allDecided()).toEqual({ Claimed: count });
  expect((await scene.readNode()).status?.used).toEqual(used);
});

/** An agent has published what runs, and is gone. */
async function leftScene(): Promise<Scene> {
  const scene = await Scene.open(kubeconfig, { instances: instances(2) });
  const agent = await scene.startReady();
  await eventually(async () => expect((await scene.readNode()).status?.orphans).toHaveLength(2));
  await agent.terminate();
  return scene;
}

test('Without an agent that decides the command ends with 124, and the next one waits for the same claims.', async () => {
  const scene = await leftScene();
  const late = await adopt(scene, '--yes', '--timeout=1');
  expect(late).toMatchObject({ code: 124, stderr: expect.stringContaining('2 not decided within 1 s') });
  const created = await claimsOf(scene);
  const again = startCommand(kubeconfig, 'adopt', scene.nodeName, '-n', scene.namespace, '--yes');
  await again.untilSaid('2 claims wait');
  await scene.startReady();
  expect(await again.ended).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/vm-0 +VM_0 +Claimed\n.*vm-1 +VM_1 +Claimed\n$/),
  });
  expect((await claimsOf(scene)).map(({ metadata }) => metadata.uid)).toEqual(
    created.map(({ metadata }) => metadata.uid),
  );
});

test('What the agent refuses is told with its reason, now and the next time.', async () => {
  const scene = await leftScene();
  const pciRequests = [{ name: 'gpu', count: 1, alias: 'unheard-of' }];
  await scene.claim('vm-0', { adopt: true, instance: { uuid: uuid(0), name: 'VM_0' }, pciRequests });
  const first = startCommand(kubeconfig, 'adopt', scene.nodeName, '-n', scene.namespace, '--yes');
  await first.untilSaid('2 claims wait');
  await scene.startReady();
  const { code, stdout } = await first.ended;
  expect(code).toBe(1);
  expect(stdout).toMatch(/vm-0 +VM_0 +Rejected +UnknownPCIAlias: no PCI alias "unheard-of" is configured/);
  expect(stdout).toMatch(/vm-1 +VM_1 +Claimed$/m);
  const again = await adopt(scene, '--yes');
  const left = /left alone: VM_0: claim \S+vm-0 was refused: no PCI alias "unheard-of".*; delete it to try again/;
  expect(again).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(left) });
});

test('What the API server refuses is told with its reason.', async () => {
  const scene = await Scene.open(kubeconfig, { instances: instances(1) });
  await scene.startReady();
  await eventually(async () => expect((await scene.readNode()).status?.orphans).toHaveLength(1));
  const { code, stdout } = await adopt(scene, '--yes', '--label', 'origin=no label has a blank');
  expect(code).toBe(1);
  expect(stdout).toMatch(/vm-0 +VM_0 +Refused +.*metadata\.labels: Invalid value: "no label has a blank"/);
  expect(await claimsOf(scene)).toEqual([]);
});

test.each([
  [['--root-disk=much'], 'resource-tracker adopt: --root-disk: "much" is not a quantity'],
  [['--label=x'], 'must be KEY=VALUE'],
  [['--timeout=0'], 'must be a whole number from 1'],
])('Wrong usage %j ends with 2 and what to write.', async (words, message) => {
  const { code, stderr } = await runCommand(kubeconfig, 'adopt', 'a-node', ...words);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
});

test('A namespace that is not there is told before anything is created.', async () => {
  const scene = await Scene.open(kubeconfig, { instances: instances(1) });
  await scene.startReady();
  await eventually(async () => expect((await scene.readNode()).status?.orphans).toHaveLength(1));
  const { code, stderr } = await runCommand(kubeconfig, 'adopt', scene.nodeName, '-n', 'nowhere', '--yes');
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('namespaces "nowhere" not found') });
});
