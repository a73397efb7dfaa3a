import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { COMPUTE_NODE_ROWS } from './compute-nodes.ts';
import { INSTANCE_CLAIM_ROWS } from './instance-claims.ts';
import { MIGRATION_ROWS } from './migrations.ts';
import { CrdServer } from './server.ts';

const API = '/apis/resourcetracker.dev/v1alpha1';
const NAMESPACE = 'crd-validation';

let server: CrdServer;
beforeAll(async () => {
  server = new CrdServer(inject('kubeconfigPath'));
  await server.createNamespace(NAMESPACE);
});
afterAll(() => server[Symbol.dispose]());

describe.each([
  { kind: 'ComputeNode', collection: `${API}/computenodes`, rows: COMPUTE_NODE_ROWS },
  { kind: 'InstanceClaim', collection: `${API}/namespaces/${NAMESPACE}/instanceclaims`, rows: INSTANCE_CLAIM_ROWS },
  { kind: 'Migration', collection: `${API}/namespaces/${NAMESPACE}/migrations`, rows: MIGRATION_ROWS },
])('The API server judges a $kind', ({ kind, collection, rows }) => {
  test.each(rows)('$title', async (row) => {
    expect(await server.judge(kind, collection, row)).toEqual(row.refused ?? []);
  });
});
