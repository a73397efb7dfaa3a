/** The objects that rows act on, one for each state that a rule tells apart. Written before the policies are in force. */
import type { ControlPlane } from '../../../dev/control-plane.ts';
import { condition } from './act.ts';
import { TENANT_NAMESPACES } from './people.ts';

const OURS = '/apis/resourcetracker.dev/v1alpha1';
const FLAVOR = { vcpus: 1, memory: '1Gi' };
const BIGGER = { vcpus: 2, memory: '2Gi' };

interface Fixture {
  readonly name: string;
  readonly spec: object;
  /** Written one after the other, merged. */
  readonly statuses?: readonly object[];
}

const ON_NODE_1 = { phase: 'Claimed', nodeName: 'node-1', flavor: FLAVOR, conditions: [condition('Claimed')] };
const LOCK = { uid: 'migration-uid', name: 'moving', sourceNodeName: 'node-1', targetNodeName: 'node-2' };

const CLAIMS: readonly Fixture[] = [
  { name: 'unplaced', spec: { schedulerName: 'scheduler' } },
  { name: 'pending', spec: { nodeName: 'node-1' } },
  { name: 'claimed', spec: { nodeName: 'node-1' }, statuses: [ON_NODE_1] },
  { name: 'rejected', spec: { nodeName: 'node-1' }, statuses: [{ phase: 'Rejected' }] },
  {
    name: 'attempted',
    spec: { nodeName: 'node-2', schedulerName: 'scheduler' },
    statuses: [{ attempts: [{ nodeName: 'node-1' }, { nodeName: 'node-2' }] }],
  },
  { name: 'moving', spec: { nodeName: 'node-1' }, statuses: [{ ...ON_NODE_1, migration: LOCK }] },
  {
    name: 'arrived',
    spec: { nodeName: 'node-1' },
    statuses: [{ ...ON_NODE_1, migration: LOCK }, { nodeName: 'node-2' }],
  },
  {
    name: 'resizing',
    spec: { nodeName: 'node-1' },
    statuses: [{ ...ON_NODE_1, migration: { ...LOCK, targetNodeName: 'node-1' } }],
  },
  { name: 'expired', spec: { nodeName: 'node-1' }, statuses: [ON_NODE_1, { phase: 'Expired' }] },
  { name: 'adopted', spec: { nodeName: 'node-1', adopt: true } },
  { name: 'moved', spec: { nodeName: 'node-1' }, statuses: [{ ...ON_NODE_1, nodeName: 'node-2' }] },
];

const TO_FINISHED = ['PreMigrating', 'Migrating', 'PostMigrating', 'Finished'].map((phase) => ({
  phase,
  sourceNodeName: 'node-1',
}));
const STAYS = { claimName: 'claimed', type: 'Resize', targetNodeName: 'node-1', flavor: BIGGER };
const MOVES = { claimName: 'moving', type: 'ColdMigration', targetNodeName: 'node-2' };

const MIGRATIONS: readonly Fixture[] = [
  { name: 'resize', spec: STAYS },
  { name: 'resize-finished', spec: STAYS, statuses: TO_FINISHED },
  { name: 'resize-away', spec: { ...STAYS, targetNodeName: 'node-2' } },
  // Its claim is on node-2 by now, so that the claim alone would make it look like a resize in place.
  {
    name: 'resize-away-finished',
    spec: { ...STAYS, claimName: 'moved', targetNodeName: 'node-2' },
    statuses: TO_FINISHED,
  },
  {
    name: 'resize-away-confirmed',
    spec: { ...STAYS, claimName: 'moved', targetNodeName: 'node-2' },
    statuses: [...TO_FINISHED, { phase: 'Confirmed' }],
  },
  { name: 'resize-away-rejected', spec: { ...STAYS, targetNodeName: 'node-2' }, statuses: [{ phase: 'Rejected' }] },
  // Its claim has moved since.
  { name: 'resize-long-ago', spec: { ...STAYS, claimName: 'moved' }, statuses: TO_FINISHED },
  { name: 'moving', spec: MOVES, statuses: [{ phase: 'PreMigrating', sourceNodeName: 'node-1', token: 'first' }] },
  { name: 'failed', spec: MOVES, statuses: [{ phase: 'Failed', sourceNodeName: 'node-1' }] },
];

/** The namespaces, and everything but what is in the capped ones. */
export async function createObjects(controlPlane: ControlPlane): Promise<void> {
  for (const name of [...TENANT_NAMESPACES, 'movers']) {
    await send(controlPlane, 'POST', '/api/v1/namespaces', { metadata: { name } });
  }
  await send(controlPlane, 'POST', '/api/v1/namespaces/movers/serviceaccounts', { metadata: { name: 'executor' } });
  const team = `${OURS}/namespaces/team-a`;
  const node = {
    name: 'node-1',
    spec: {},
    statuses: [{ runningInstances: 0, conditions: [condition('Ready'), condition('AgentAlive')] }],
  };
  await create(controlPlane, `${OURS}/computenodes`, 'ComputeNode', node);
  for (const claim of CLAIMS) {
    const spec = { flavor: FLAVOR, ...claim.spec };
    await create(controlPlane, `${team}/instanceclaims`, 'InstanceClaim', { ...claim, spec });
  }
  for (const migration of MIGRATIONS) await create(controlPlane, `${team}/migrations`, 'Migration', migration);
  await send(controlPlane, 'POST', '/apis/coordination.k8s.io/v1/namespaces/resource-tracker/leases', {
    metadata: { name: 'node-1' },
  });
}

/** The caps of the namespaces that are named after them; the first has a claim, too. */
export async function cap(controlPlane: ControlPlane): Promise<void> {
  const capped = { vcpus: '4', memory: '8Gi', disk: '100Gi', pciDevices: '1', expirationSeconds: '600' };
  const data = Object.fromEntries(Object.entries(capped).map(([key, value]) => [`capped.${key}`, value]));
  const path = '/api/v1/namespaces/resource-tracker/configmaps/resource-tracker-claim-caps';
  const others = {
    'vcpus-capped.vcpus': '4',
    'memory-capped.memory': '8Gi',
    'badly-capped.vcpus': 'a few',
    'worse-capped.memory': 'plenty',
  };
  await send(controlPlane, 'PATCH', path, { data: { ...data, ...others } });
  const collection = `${OURS}/namespaces/capped/instanceclaims`;
  const claim = { name: 'claimed', spec: { nodeName: 'node-1', flavor: FLAVOR }, statuses: [ON_NODE_1] };
  await create(controlPlane, collection, 'InstanceClaim', claim);
}

async function create(controlPlane: ControlPlane, path: string, kind: string, fixture: Fixture): Promise<void> {
  const { name, spec, statuses = [] } = fixture;
  const apiVersion = 'resourcetracker.dev/v1alpha1';
  await send(controlPlane, 'POST', path, { apiVersion, kind, metadata: { name }, spec });
  for (const status of statuses) await send(controlPlane, 'PATCH', `${path}/${name}/status`, { status });
}

/** As administrator. */
export async function send(
  controlPlane: ControlPlane,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  object?: object,
): Promise<unknown> {
  const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const sent = object === undefined ? {} : { contentType, body: JSON.stringify(object) };
  const { status, body } = await controlPlane.call({ method, path, ...sent });
  if (status < 300) return JSON.parse(body);
  throw new Error(`${method} ${path}: ${status} ${body}`);
}
