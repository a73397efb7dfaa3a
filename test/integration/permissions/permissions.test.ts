import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installCrds } from '../../../dev/control-plane/crds.ts';
import { type ControlPlane, startControlPlane } from '../../../dev/control-plane.ts';
import {
  applyManifests,
  applyObjects,
  type Manifest,
  manifestsOf,
  readManifests,
  typeWarnings,
} from '../../../dev/deploy.ts';
import type { Connection } from '../../../src/kube/connection.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import { eventually } from '../agent/eventually.ts';
import { createClaim, createMigration, migrationsIn, remove } from './act.ts';
import { CLAIM_SPEC_ROWS, CLAIM_STATUS_ROWS } from './claim-rows.ts';
import { CAP_ROWS, MIGRATION_SPEC_ROWS, MIGRATION_STATUS_ROWS } from './migration-rows.ts';
import { NODE_ROWS } from './node-rows.ts';
import { cap, createObjects, send } from './objects.ts';
import { connectPeople, type Person, rightsOfPeople } from './people.ts';
import type { Row } from './row.ts';

const DEPLOY = resolve(import.meta.dirname, '../../../deploy');

interface Validation {
  readonly expression: string;
  readonly message?: string;
  readonly messageExpression?: string;
}

interface Policy extends Manifest {
  readonly spec: {
    readonly failurePolicy: string;
    readonly matchConditions?: readonly { readonly expression: string }[];
    readonly variables?: readonly { readonly expression: string }[];
    readonly validations: readonly Validation[];
  };
}

const MANIFESTS = await readManifests(DEPLOY);
const POLICIES = MANIFESTS.filter((manifest): manifest is Policy => manifest.kind === 'ValidatingAdmissionPolicy');

const TABLE = {
  'ComputeNodes and Leases': NODE_ROWS,
  'the spec of claims': CLAIM_SPEC_ROWS,
  'the status of claims': CLAIM_STATUS_ROWS,
  'the spec of migrations': MIGRATION_SPEC_ROWS,
  'the status of migrations': MIGRATION_STATUS_ROWS,
  'capped namespaces': CAP_ROWS,
} as const;

let controlPlane: ControlPlane;
let people: Map<Person, Connection>;

beforeAll(async () => {
  // A quota is else counted anew every five minutes.
  const extraArguments = { 'kube-controller-manager': ['--resource-quota-sync-period=2s'] };
  controlPlane = await startControlPlane({ unsafeNoFsync: true, extraArguments });
  await installCrds(controlPlane);
  // The objects are in states that policies would let nobody write by hand.
  await applyObjects(
    controlPlane,
    MANIFESTS.filter(({ kind }) => !kind.startsWith('ValidatingAdmissionPolicy')),
  );
  await createObjects(controlPlane);
  await cap(controlPlane);
  await applyObjects(controlPlane, rightsOfPeople());
  await applyManifests(controlPlane, DEPLOY);
  people = await connectPeople(controlPlane);
  // The controller manager adds our roles to view, edit and admin in its own time.
  const act = createClaim({});
  for (const person of ['a tenant', "a tenant's administrator"] as const) {
    await eventually(async () => expect(await verdict({ who: person, does: '', act })).toBe('allowed'));
  }
});

afterAll(async () => {
  await Promise.all([...(people?.values() ?? [])].map((connection) => connection.close()));
  await controlPlane?.stop();
});

describe.each(Object.entries(TABLE))('On %s:', (_what, rows) => {
  test.each(rows.map((row) => [title(row), row] as const))('%s.', async (_title, row) => {
    const { refusal } = row;
    const said = await verdict(row);
    if (refusal === undefined) expect(said).toBe('allowed');
    else if (refusal.by === 'RBAC')
      expect(said).toMatch(/ is forbidden: .*(cannot|attempting to grant RBAC permissions)/s);
    else {
      expect(said).toContain(
        `ValidatingAdmissionPolicy '${refusal.policy}' with binding '${refusal.policy}' denied request`,
      );
      expect(said).toContain(refusal.phrase);
    }
  });
});

test('Every rule of every policy refuses something in the table.', () => {
  const refusals = Object.values(TABLE).flatMap((rows) => rows.flatMap(({ refusal }) => refusal ?? []));
  const idle = POLICIES.flatMap(({ metadata, spec }) =>
    spec.validations
      .map(({ message, messageExpression = '' }) => `${message ?? ''} ${messageExpression}`)
      .filter(
        (text) =>
          !refusals.some((one) => one.by === 'policy' && one.policy === metadata.name && text.includes(one.phrase)),
      ),
  );
  expect(idle).toEqual([]);
});

test('Every policy fails closed and is bound.', () => {
  const bindings = MANIFESTS.filter(({ kind }) => kind === 'ValidatingAdmissionPolicyBinding');
  expect(bindings.map(({ metadata }) => metadata.name).sort()).toEqual(
    POLICIES.map(({ metadata }) => metadata.name).sort(),
  );
  expect(POLICIES.map(({ spec }) => spec.failurePolicy)).toEqual(POLICIES.map(() => 'Fail'));
});

test('The service accounts that policies name are those that deploy/rbac.yaml makes.', () => {
  const text = readFileSync(resolve(DEPLOY, 'admission-policies.yaml'), 'utf8');
  const named = new Set(text.match(/system:serviceaccount:[a-z-]+:[a-z-]+/g));
  const made = MANIFESTS.filter(({ kind }) => kind === 'ServiceAccount').map(
    ({ metadata }) => `system:serviceaccount:${metadata.namespace}:${metadata.name}`,
  );
  expect([...named].sort()).toEqual(made.sort());
});

describe('The API server, which checks the types of expressions,', () => {
  test('warns of nothing.', async () => {
    await applyObjects(controlPlane, POLICIES.map(checkedEverywhere));
    expect(await typeWarnings(controlPlane)).toEqual([]);
  });

  test('warns of a field that is not there, wherever it is read.', async () => {
    const planted = POLICIES.filter(({ metadata }) => metadata.name === 'resource-tracker-claim-status').map(
      (policy) => {
        const text = JSON.stringify(checkedEverywhere(policy)).replaceAll('spec.nodeName', 'spec.nodName');
        return { ...(JSON.parse(text) as Policy), metadata: { name: 'planted' } };
      },
    );
    await applyObjects(controlPlane, planted);
    expect(await typeWarnings(controlPlane)).toContainEqual(
      expect.objectContaining({ policy: 'planted', warning: expect.stringContaining("undefined field 'nodName'") }),
    );
  });
});

test("A tenant who deletes all migrations at once is refused, too, as some of them are not the tenant's.", async () => {
  const act = remove(migrationsIn('team-a'));
  expect(await verdict({ who: 'a tenant', does: '', act })).toMatch(/ValidatingAdmissionPolicy .* denied request/);
  expect(await verdict({ who: 'a mover', does: '', act })).toBe('allowed');
});

test('Kubernetes itself may clean up: a namespace with a migration under way can go.', async () => {
  await send(controlPlane, 'POST', '/api/v1/namespaces', { metadata: { name: 'goes' } });
  const { body } = createMigration({
    claimName: 'gone',
    type: 'LiveMigration',
    targetNodeName: 'node-2',
    flavor: undefined,
  });
  await send(controlPlane, 'POST', migrationsIn('goes'), body);
  await send(controlPlane, 'DELETE', '/api/v1/namespaces/goes');
  await eventually(async () => expect((await controlPlane.call({ path: '/api/v1/namespaces/goes' })).status).toBe(404));
});

// These change what is allowed: they stand last.
describe('The example in docs/permissions.md', () => {
  const claim = (spec: object) => verdict({ who: 'a tenant', does: '', act: createClaim(spec) });

  test('for an executor gives the executor its rights.', () => applyExample('RoleBinding'));

  test('that opens bind to all does so.', async () => {
    expect(await claim({ nodeName: 'node-1' })).not.toBe('allowed');
    await applyExample('ClusterRoleBinding');
    await eventually(async () => expect(await claim({ nodeName: 'node-1' })).toBe('allowed'));
  });

  test('of caps is enforced.', async () => {
    await applyExample('ConfigMap');
    await eventually(async () => expect(await claim({ expirationSeconds: 601 })).toContain('a number up to 600'));
    const tooLarge = { flavor: { vcpus: 17, memory: '64Gi' }, expirationSeconds: 600 };
    expect(await claim(tooLarge)).toContain('vcpus: a claim in namespace team-a has at most 16');
  });

  test('of a quota is enforced.', async () => {
    await applyExample('ResourceQuota');
    const path = '/api/v1/namespaces/team-a/resourcequotas/resource-tracker';
    await send(controlPlane, 'PATCH', path, { spec: { hard: { 'count/instanceclaims.resourcetracker.dev': '1' } } });
    // The controller manager looks for new kinds to count every 30 seconds.
    await eventually(async () => {
      expect(await claim({ expirationSeconds: 600 })).toContain('exceeded quota: resource-tracker');
    }, 50_000);
  });
});

async function applyExample(kind: string): Promise<void> {
  const text = readFileSync(resolve(DEPLOY, '../docs/permissions.md'), 'utf8');
  const examples = [...text.matchAll(/```yaml\n(.*?)```/gs)].flatMap(([, yaml = '']) => manifestsOf(yaml));
  const chosen = examples.filter((manifest) => manifest.kind === kind);
  expect(chosen).toHaveLength(1);
  await applyObjects(controlPlane, chosen);
}

/**
 * The same policy, bound to nothing, with every expression where types are checked: that is not on subresources, and not in
 * variables and conditions, but in validations only.
 */
function checkedEverywhere({ spec, ...policy }: Policy): Policy {
  const { variables = [], matchConditions = [], validations } = spec;
  const others = [...variables, ...matchConditions].map(({ expression }) => ({
    expression: `size([${expression}]) == 1`,
  }));
  const copy: Policy['spec'] = JSON.parse(JSON.stringify(spec).replaceAll('/status"', '"'));
  const metadata = { name: `${policy.metadata.name}-copy` };
  return { ...policy, metadata, spec: { ...copy, validations: [...validations, ...others] } };
}

function title({ who, does, refusal }: Row): string {
  if (refusal === undefined) return `${who} ${does}`;
  return `${who} ${does}: refused by ${refusal.by === 'RBAC' ? 'RBAC' : refusal.policy}`;
}

async function verdict({ who, act }: Row): Promise<string> {
  const { method, path, body } = act;
  try {
    await people.get(who)?.request({
      method,
      path,
      query: method === 'GET' ? {} : { dryRun: 'All' },
      ...(body !== undefined && { body }),
      ...(method === 'PATCH' && { contentType: 'application/merge-patch+json' }),
    });
    return 'allowed';
  } catch (error) {
    if (error instanceof KubeError) return error.message;
    throw error;
  }
}
