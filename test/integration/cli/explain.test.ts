import { chmod, readFile, writeFile } from 'node:fs/promises';
import { expect, inject, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { ComputeNodeStatus } from '../../../src/api/generated/v1alpha1.ts';
import { eventually } from '../agent/eventually.ts';
import { gpus } from '../agent/host-file.ts';
import { conditionOf, Scene } from '../agent/scene.ts';
import { runCommand } from './command.ts';

const kubeconfig = inject('kubeconfigPath');
const UUID = 'dddddddd-0000-4000-8000-00000000000';

/** The node of a real agent with a claim that has a device, one whose instance is too large, one that is Rejected, and an orphan. */
async function busyNode(): Promise<Scene> {
  const scene = await Scene.open(kubeconfig, {
    devices: gpus(2),
    instances: [
      { uuid: `${UUID}1`, name: 'grown', vcpus: 3, memory: '4Gi' },
      { uuid: `${UUID}2`, name: 'stray', vcpus: 2, memory: '2Gi' },
    ],
  });
  await scene.startReady({
    flags: ['--overhead={fixed: 100Mi, perVcpu: 8Mi}', '--reserved-vcpus=1'],
  });
  await scene.claim('with-gpu', { pciRequests: [{ name: 'gpu', count: 1, selectors: [{ vendorID: '10de' }] }] });
  await scene.claim('grown', { instance: { uuid: `${UUID}1` }, flavor: { vcpus: 1, memory: '1Gi', rootDisk: '20Gi' } });
  await scene.claim('too-big', { flavor: { vcpus: 1, memory: '1Ti' } });
  expect(await scene.allDecided()).toEqual({ Claimed: 2, Rejected: 1 });
  await eventually(async () => {
    const matches = conditionOf((await scene.read('grown')).status?.conditions, 'InstanceMatchesClaim');
    expect(matches?.status).toBe('False');
  });
  return scene;
}

test('What a real agent publishes is explained to the byte, from the API server alone.', async () => {
  const scene = await busyNode();
  const { code, stdout, stderr } = await runCommand(kubeconfig, 'explain', scene.nodeName, '-o', 'json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { lines, sums, isEqual } = JSON.parse(stdout);
  expect(
    lines.map(({ kind, name, vcpus, memory, overhead, disk }: Record<string, unknown>) => [
      kind,
      name,
      vcpus,
      memory,
      overhead,
      disk,
    ]),
  ).toEqual([
    ['reserved', undefined, 1, '0', undefined, '0'],
    ['claim', 'grown', 3, '4Gi', { memory: '108Mi' }, '20Gi'],
    ['claim', 'with-gpu', 1, '1Gi', { memory: '108Mi' }, '0'],
    ['orphan', 'stray', 2, '2Gi', { memory: '116Mi' }, '0'],
  ]);
  const { used } = (await scene.readNode()).status ?? {};
  expect([isEqual, sums.used, used]).toEqual([true, used, { vcpus: 7, memory: '7500Mi', disk: '20Gi' }]);
  const [device] = (await scene.read('with-gpu')).status?.pciDevices ?? [];
  expect(lines[2].pciDevices).toEqual([device?.address]);
});

test('The table adds up, and says so.', async () => {
  const scene = await busyNode();
  const { code, stdout } = await runCommand(kubeconfig, 'explain', scene.nodeName);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^used +7 +7500Mi +20Gi$/m) });
  expect(stdout).toMatch(new RegExp(`^claim ${scene.namespace}/grown +in force +3 +4096Mi +108Mi +20Gi$`, 'm'));
  expect(stdout).toMatch(/has 4Gi; vCPUs: claimed 1, has 3; the larger counts\n\nComputeNode.status says the same.\n$/);
});

test('A status that says otherwise ends with 3, both figures and the reason.', async () => {
  const scene = await Scene.open(kubeconfig);
  const [apiVersion, kind] = ['resourcetracker.dev/v1alpha1', 'ComputeNode'] as const;
  const node = await scene.nodes.create({ apiVersion, kind, metadata: { name: scene.nodeName }, spec: {} });
  const total = { vcpus: 8, memory: '64Gi', disk: '1Ti' };
  const effective = { reserved: { memory: '1Gi' }, limitPolicy: 'Capped' } as const;
  const status = { total, used: { vcpus: 0, memory: '3Gi', disk: '0' }, effective, omitted: { orphans: 2 } };
  await scene.nodes.replaceStatus({ ...node, status });
  const { code, stdout } = await runCommand(kubeconfig, 'explain', scene.nodeName);
  expect(code).toBe(3);
  expect(stdout).toContain('memory: used 1024Mi, in the status 3072Mi: 2048Mi more');
  expect(stdout).toContain('2 orphans count that the status has no room to list');
});

const TRACKING = {
  type: 'TrackingEnabled',
  status: 'False',
  reason: 'TrackingDisabled',
  message: 'claims are granted without accounting: it tells nothing',
  lastTransitionTime: '2026-01-01T00:00:00Z',
} as const;

test.each<[string, ComputeNodeStatus | undefined, RegExp]>([
  ['is not there', undefined, /^resource-tracker explain: there is no ComputeNode "node-.*kubectl get computenodes/],
  ['nobody has audited', {}, /^resource-tracker explain: node node-\S+ has no figures: does its agent run\?/],
  [
    'counts nothing',
    { conditions: [TRACKING] },
    /has no figures: claims are granted without accounting: it tells nothing$/m,
  ],
])('A node that %s ends with 1 and one line.', async (_what, status, message) => {
  const scene = await Scene.open(kubeconfig);
  const [apiVersion, kind] = ['resourcetracker.dev/v1alpha1', 'ComputeNode'] as const;
  if (status !== undefined) {
    const node = await scene.nodes.create({ apiVersion, kind, metadata: { name: scene.nodeName }, spec: {} });
    await scene.nodes.replaceStatus({ ...node, status });
  }
  const { code, stdout, stderr } = await runCommand(kubeconfig, 'explain', scene.nodeName);
  expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(message) });
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('An API server that does not answer ends with 4.', async () => {
  const scene = await Scene.open(kubeconfig);
  const config = parse(await readFile(kubeconfig, 'utf8'));
  // A port that nobody listens at.
  config.clusters[0].cluster.server = 'https://127.0.0.1:1';
  const elsewhere = await scene.addFile('elsewhere', stringify(config));
  const { code, stderr } = await runCommand(elsewhere, 'explain', 'a-node');
  expect({ code, stderr }).toEqual({
    code: 4,
    stderr: expect.stringMatching(/^resource-tracker explain: .*ECONNREFUSED/),
  });
});

test('Credentials may come from an exec plug-in.', async () => {
  const scene = await busyNode();
  const config = parse(await readFile(kubeconfig, 'utf8'));
  const { user } = config.users[0];
  const pem = (data: string) => Buffer.from(data, 'base64').toString('utf8');
  const credential = {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: {
      clientCertificateData: pem(user['client-certificate-data']),
      clientKeyData: pem(user['client-key-data']),
    },
  };
  const answer = await scene.addFile('answer.json', JSON.stringify(credential));
  const plugin = await scene.addFile('plugin', `#!/bin/sh\ncat '${answer}'\n`);
  await chmod(plugin, 0o755);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' };
  const path = await scene.addFile('exec-kubeconfig', '');
  await writeFile(path, stringify({ ...config, users: [{ name: config.users[0].name, user: { exec } }] }));
  expect(await runCommand(path, 'explain', scene.nodeName)).toMatchObject({ code: 0, stderr: '' });
});
