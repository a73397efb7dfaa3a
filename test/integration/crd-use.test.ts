import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, inject, test } from 'vitest';
import { ensureTools } from '../../dev/tools.ts';

const run = promisify(execFile);
const NAMESPACE = 'crd-use';
const KINDS = { cn: 'ComputeNode', iclaim: 'InstanceClaim', imig: 'Migration' } as const;
const FLAVOR = { vcpus: 2, memory: '4Gi' };
const UUID = '3f0c1d7e-9a52-4c5b-8f57-0d3b6a1e2c44';

type ShortName = keyof typeof KINDS;

let binDirectory: string;
beforeAll(async () => {
  binDirectory = await ensureTools({ tools: ['kubectl'] });
  await kubectl('create', 'namespace', NAMESPACE);
});

test.each<[ShortName, object, object, string]>([
  [
    'cn',
    {},
    {
      total: { vcpus: 4, memory: '32Gi', disk: '1Ti' },
      available: { vcpus: 61, memory: '-1Gi', disk: '1Ti' },
      columns: { vcpus: '3/64', pciFree: 2, orphans: 3 },
      runningInstances: 1,
      currentWorkload: 0,
      hostIP: '192.0.2.1',
      hypervisor: { type: 'QEMU' },
      agent: { identity: 'agent-1' },
      conditions: [condition('Ready')],
    },
    `NAME READY VCPUS MEMORY AVAILABLE DISK AVAILABLE PCI FREE INSTANCES ORPHANS WORKLOAD AGE VCPUS TOTAL MEMORY TOTAL DISK TOTAL HOST IP HYPERVISOR AGENT
     crd-use-columns True 3/64 -1Gi 1Ti 2 1 3 0 4 32Gi 1Ti 192.0.2.1 QEMU agent-1`,
  ],
  [
    'iclaim',
    { flavor: FLAVOR, instance: { uuid: UUID }, nodeName: 'node-1' },
    {
      phase: 'Claimed',
      nodeName: 'node-1',
      flavor: { ...FLAVOR, rootDisk: '20Gi' },
      vmState: 'Active',
      taskState: 'resize_prep',
      migration: { uid: 'm', sourceNodeName: 'node-1', targetNodeName: 'node-2' },
      conditions: [condition('Claimed')],
    },
    `NAME PHASE NODE VCPUS MEMORY DISK REASON AGE INSTANCE VM STATE TASK REQUESTED NODE MIGRATING TO
     crd-use-columns Claimed node-1 2 4Gi 20Gi Tested ${UUID} Active resize_prep node-1 node-2`,
  ],
  [
    'imig',
    { claimName: 'web', type: 'Resize', targetNodeName: 'node-2', flavor: FLAVOR, decision: 'Confirm' },
    { phase: 'PreMigrating', sourceNodeName: 'node-1', columns: { flavor: 'm1.small -> m1.large' } },
    `NAME PHASE CLAIM FROM TO FLAVOR AGE TYPE DECISION
     crd-use-columns PreMigrating web node-1 node-2 m1.small -> m1.large Resize Confirm`,
  ],
])('kubectl get %s --output=wide shows what a person asks first.', async (shortName, spec, status, expected) => {
  const name = 'crd-use-columns';
  await apply('person', shortName, name, { spec });
  await apply('agent', shortName, name, { status });
  const shown = await kubectl('get', shortName, name, `--namespace=${NAMESPACE}`, '--output=wide');
  // The age is the one thing that differs from run to run.
  expect(
    shown
      .replace(/ \d+s /, ' ')
      .split(/\s+/)
      .join(' ')
      .trim(),
  ).toBe(expected.split(/\s+/).join(' '));
});

test('The category names all three kinds.', async () => {
  const kinds = await kubectl('api-resources', '--categories=resourcetracker', '--output=name');
  expect(kinds.trim().split('\n').toSorted()).toEqual([
    'computenodes.resourcetracker.dev',
    'instanceclaims.resourcetracker.dev',
    'migrations.resourcetracker.dev',
  ]);
});

test.each([
  ['iclaim', 'spec.nodeName'],
  ['iclaim', 'status.nodeName'],
  ['iclaim', 'status.phase'],
  ['iclaim', 'status.migration.sourceNodeName'],
  ['iclaim', 'status.migration.targetNodeName'],
  ['imig', 'spec.targetNodeName'],
  ['imig', 'status.sourceNodeName'],
  ['imig', 'status.phase'],
])('%s can be selected by %s.', async (shortName, field) => {
  await expect(kubectl('get', shortName, `--namespace=${NAMESPACE}`, `--field-selector=${field}=x`)).resolves.toBe('');
});

test('No other field can be selected by, as each costs the API server for every event.', async () => {
  const selecting = kubectl('get', 'iclaim', `--namespace=${NAMESPACE}`, '--field-selector=spec.schedulerName=x');
  await expect(selecting).rejects.toThrow(/field label not supported: spec.schedulerName/);
});

test('An agent and the controller each apply conditions of their own, and neither takes away the other one.', async () => {
  const name = 'crd-use-two-writers';
  await apply('person', 'cn', name, { spec: {} });
  await apply('agent', 'cn', name, { status: { conditions: [condition('Ready')] } });
  await apply('controller', 'cn', name, { status: { conditions: [condition('AgentAlive')] } });
  const twice = await apply('agent', 'cn', name, { status: { conditions: [condition('Ready')] } });
  expect(twice.status?.conditions?.map(({ type }) => type)).toEqual(['Ready', 'AgentAlive']);
});

test('A claim that says nothing of it is decided at once.', async () => {
  const claim = { spec: { flavor: { vcpus: 1, memory: '1Gi' } } };
  const created = await apply('person', 'iclaim', 'crd-use-default', claim);
  expect(created).toMatchObject({ spec: { whenInsufficient: 'Reject' } });
});

interface Applied {
  readonly status?: { readonly conditions?: readonly { readonly type: string }[] };
}

/** Server-side apply as one of several writers; a status goes to its subresource. */
async function apply(writer: string, shortName: ShortName, name: string, content: object): Promise<Applied> {
  const metadata = shortName === 'cn' ? { name } : { name, namespace: NAMESPACE };
  const object = { apiVersion: 'resourcetracker.dev/v1alpha1', kind: KINDS[shortName], metadata, ...content };
  const subresource = 'status' in content ? ['--subresource=status'] : [];
  const how = ['--server-side', `--field-manager=${writer}`, ...subresource, '--output=json', '--filename=-'];
  return JSON.parse(await kubectlWith(JSON.stringify(object), 'apply', ...how));
}

function condition(type: string): object {
  return { type, status: 'True', reason: 'Tested', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
}

function kubectl(...args: readonly string[]): Promise<string> {
  return kubectlWith('', ...args);
}

async function kubectlWith(input: string, ...args: readonly string[]): Promise<string> {
  const running = run(join(binDirectory, 'kubectl'), ['--kubeconfig', inject('kubeconfigPath'), ...args]);
  running.child.stdin?.end(input);
  return (await running).stdout;
}
