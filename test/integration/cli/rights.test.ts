/** The commands of people who have some rights and lack others, under the policies of deploy/. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installCrds } from '../../../dev/control-plane/crds.ts';
import { type ControlPlane, startControlPlane } from '../../../dev/control-plane.ts';
import { applyManifests, applyObjects, type Manifest } from '../../../dev/deploy.ts';
import type { ComputeNode, InstanceClaim, Migration } from '../../../src/api/generated/v1alpha1.ts';
import { COMPUTE_NODES, INSTANCE_CLAIMS, MIGRATIONS } from '../../../src/api/kinds.ts';
import { type Connection, connect } from '../../../src/kube/connection.ts';
import { resourceClient } from '../../../src/kube/resource.ts';
import { type Ended, runCommand } from './command.ts';

const NAMESPACE = 'team-a';
const NODE = 'node-1';

/** Users, with the roles that they have in the namespace and in the whole cluster. */
const PEOPLE = {
  nobody: { here: [], everywhere: [] },
  tenant: { here: ['view', 'edit'], everywhere: ['node-view'] },
  adopter: { here: ['view', 'edit', 'bind', 'adopt'], everywhere: ['node-view'] },
  mover: { here: ['view', 'edit', 'migrate'], everywhere: [] },
  executor: { here: ['executor'], everywhere: [] },
  viewer: { here: [], everywhere: ['node-view', 'view'] },
} as const satisfies Record<string, { here: readonly string[]; everywhere: readonly string[] }>;
type Person = keyof typeof PEOPLE;

let controlPlane: ControlPlane;
let administrator: Connection;
const kubeconfigs = new Map<string, string>();

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false, unsafeNoFsync: true });
  await installCrds(controlPlane);
  administrator = await connect({ kubeconfig: controlPlane.kubeconfigPath, userAgent: 'rights-test/0' });
  await applyObjects(controlPlane, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }]);
  await createNode();
  await createClaim();
  await applyManifests(controlPlane, resolve(import.meta.dirname, '../../../deploy'));
  await applyObjects(
    controlPlane,
    Object.keys(PEOPLE).flatMap((person) => rightsOf(person as Person)),
  );
  for (const person of Object.keys(PEOPLE)) {
    const path = join(controlPlane.directory, `kubeconfig-${randomUUID()}`);
    await writeFile(path, controlPlane.createUser(person, []), { mode: 0o600 });
    kubeconfigs.set(person, path);
  }
});

afterAll(async () => {
  await administrator?.close();
  await controlPlane?.stop();
});

/** A node as an agent would show it; the policies are not in force yet. */
async function createNode(): Promise<void> {
  const nodes = resourceClient<ComputeNode>(administrator, COMPUTE_NODES);
  const node: ComputeNode = {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'ComputeNode',
    metadata: { name: NODE },
    spec: {},
  };
  const figures = { vcpus: 1, memory: '1Gi', disk: '0' };
  const status = {
    total: { vcpus: 8, memory: '64Gi', disk: '1Ti' },
    used: figures,
    orphans: [{ uuid: 'ffffffff-0000-4000-8000-000000000001', name: 'web', memory: '1Gi', vcpus: 1 }],
  };
  await nodes.replaceStatus({ ...(await nodes.create(node)), status });
}

/** A Claimed claim, and migrations of it that the agent of the target has taken up. */
async function createClaim(): Promise<void> {
  const claims = resourceClient<InstanceClaim>(administrator, INSTANCE_CLAIMS);
  const migrations = resourceClient<Migration>(administrator, MIGRATIONS);
  const flavor = { vcpus: 1, memory: '1Gi' };
  const [apiVersion, namespace] = ['resourcetracker.dev/v1alpha1', NAMESPACE] as const;
  const claim = await claims.create({
    apiVersion,
    kind: 'InstanceClaim',
    metadata: { name: 'web', namespace },
    spec: { nodeName: NODE, flavor },
  });
  await claims.replaceStatus({ ...claim, status: { phase: 'Claimed', nodeName: NODE, flavor } });
  const migration = await migrations.create({
    apiVersion,
    kind: 'Migration',
    metadata: { name: 'move', namespace },
    spec: { claimName: 'web', type: 'ColdMigration', targetNodeName: 'node-2' },
  });
  await migrations.replaceStatus({ ...migration, status: { phase: 'PreMigrating', sourceNodeName: NODE } });
}

function rightsOf(person: Person): Manifest[] {
  const { here, everywhere } = PEOPLE[person];
  return [...here.map((role) => bind(person, role, NAMESPACE)), ...everywhere.map((role) => bind(person, role))];
}

function bind(person: Person, role: string, namespace?: string): Manifest {
  const manifest = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: { name: `${person}-${role}`, ...(namespace !== undefined && { namespace }) },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: `resource-tracker-${role}` },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: person }],
  };
  return manifest;
}

function as(person: Person, ...words: readonly string[]): Promise<Ended> {
  return runCommand(kubeconfigs.get(person) ?? '', ...words);
}

describe('explain', () => {
  test.each<[Person, string]>([
    ['nobody', 'ask an administrator for the role resource-tracker-node-view'],
    ['tenant', 'a node has claims of all namespaces: ask an administrator for the role resource-tracker-view'],
  ])('tells %s which role is missing', async (person, advice) => {
    const { code, stderr } = await as(person, 'explain', NODE);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(advice) });
  });

  test('takes no more than the right to read nodes and claims', async () => {
    expect(await as('viewer', 'explain', NODE)).toMatchObject({ code: 3, stderr: '' });
  });
});

describe('adopt', () => {
  test('prints what is to be done for whom may only read it', async () => {
    expect(await as('tenant', 'adopt', NODE, '-n', NAMESPACE)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('adopt: true'),
    });
  });

  test.each<[Person, string]>([
    ['nobody', 'ask an administrator for the role resource-tracker-node-view'],
    [
      'tenant',
      `In namespace ${NAMESPACE} you lack the verbs bind, adopt on instanceclaims. Ask an administrator for
  kubectl create rolebinding bind -n ${NAMESPACE} --clusterrole resource-tracker-bind --user YOU
  kubectl create rolebinding adopt -n ${NAMESPACE} --clusterrole resource-tracker-adopt --user YOU`,
    ],
  ])('tells %s which rights are missing, all at once', async (person, advice) => {
    const { code, stdout, stderr } = await as(person, 'adopt', NODE, '-n', NAMESPACE, '--yes');
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: expect.stringContaining(advice) });
  });

  test('creates the claims for whom has them', async () => {
    // No agent runs here, so nobody decides them.
    const { code, stderr } = await as('adopter', 'adopt', NODE, '-n', NAMESPACE, '--yes', '--timeout=1');
    expect({ code, stderr }).toEqual({
      code: 124,
      stderr: expect.stringContaining('1 claim waits in namespace team-a (1 created now)'),
    });
  });
});

describe('migration', () => {
  const migration = (person: Person, ...words: readonly string[]) => as(person, 'migration', ...words, '-n', NAMESPACE);
  const live = ['start', 'web', '--type=live', '--to=node-2'];

  test.each<[Person, readonly string[], string]>([
    ['tenant', live, 'ask an administrator for the role resource-tracker-migrate'],
    ['executor', live, 'cannot create resource "migrations"'],
    ['tenant', ['confirm', 'move'], 'ask an administrator for the role resource-tracker-migrate'],
    ['mover', ['report', 'move', 'migrating'], 'an executor needs the role resource-tracker-executor'],
    ['nobody', ['list'], 'cannot list resource "migrations"'],
  ])('tells %s who may %j', async (person, words, message) => {
    const { code, stdout, stderr } = await migration(person, ...words);
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: expect.stringContaining(message) });
  });

  test('lets a tenant resize in place, a mover move, and an executor report, with its words', async () => {
    expect(await migration('tenant', 'start', 'web', '--type=resize', '--vcpus=2')).toMatchObject({ code: 0 });
    expect(await migration('mover', ...live)).toMatchObject({ code: 0 });
    for (const phase of ['migrating', 'post-migrating', 'finished'])
      expect(await migration('executor', 'report', 'move', phase, '--message', `it is ${phase}`)).toMatchObject({
        code: 0,
      });
    expect(await migration('mover', 'confirm', 'move')).toMatchObject({ code: 0 });
  });
});
