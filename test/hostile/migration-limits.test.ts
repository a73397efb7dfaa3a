import { describe, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import type { Flavor, InstanceClaim, Migration, MigrationSpec } from '../../src/api/generated/v1alpha1.ts';
import { claim as claimOf } from '../simulation/world/objects.ts';
import { DrivenTracker } from './driven-tracker.ts';

const SMALL: Flavor = { vcpus: 2, memory: '2Gi' };

function claim(name: string, status: InstanceClaim['status'] = undefined): InstanceClaim {
  const { metadata, ...rest } = claimOf({ name });
  const claimed = { ...rest, metadata: { ...metadata, uid: name, generation: 1 } };
  return status === undefined ? claimed : { ...claimed, status };
}

function migration(name: string, spec: Partial<MigrationSpec>): Migration {
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'Migration',
    metadata: { name, namespace: 'default', uid: name, generation: 1 },
    spec: { claimName: 'db', type: 'Resize', targetNodeName: 'node-a', flavor: SMALL, ...spec },
  };
}

const anyDevices = (count: number) => ({ pciRequests: [{ name: 'gpus', count, selectors: [{ vendorID: '10de' }] }] });

/** What the schema refuses, should it have slipped through; and what only the agent can know. */
const ROWS: readonly [string, Partial<MigrationSpec>, string][] = [
  ['memory that is no quantity', { flavor: { vcpus: 1, memory: 'much' } }, 'InvalidQuantity'],
  ['memory below zero', { flavor: { vcpus: 1, memory: '-1Gi' } }, 'InvalidQuantity'],
  ['a fraction of a byte', { flavor: { vcpus: 1, memory: '100m' } }, 'InvalidQuantity'],
  ['half a vCPU', { flavor: { vcpus: 0.5, memory: '1Gi' } }, 'InvalidQuantity'],
  ['a limit that is no quantity', { limits: { memory: '' } }, 'InvalidQuantity'],
  ['more devices than a claim has room for', anyDevices(257), 'TooManyPCIDevices'],
  ['devices that are not there', anyDevices(1), 'InsufficientPCIDevices'],
  ['an alias that nobody knows', { pciRequests: [{ name: 'x', count: 1, alias: '__proto__' }] }, 'UnknownPCIAlias'],
  ['a claim whose flavor nobody knows', { claimName: 'unknown', ...anyDevices(1) }, 'UnknownFlavor'],
  ['a claim that is not there', { claimName: '__proto__' }, 'ClaimNotFound'],
];

describe('a migration', () => {
  it.each(ROWS)('with %s is refused, and keeps nobody else from being taken up', (_what, spec, reason) => {
    const isUnknown = spec.claimName === 'unknown';
    const driven = new DrivenTracker({
      claims: [claim('db'), claim('other'), claim('unknown', { phase: 'Claimed', nodeName: 'node-a' })],
    });
    driven.settle();
    const { flavor: _flavor, ...unflavored } = migration('odd', spec).spec;
    const odd = migration('odd', spec);
    driven.seeMigration(isUnknown ? { ...odd, spec: unflavored } : odd);
    driven.seeMigration(migration('sound', { claimName: 'other' }));
    driven.settle();
    const { phase, conditions } = driven.migration('odd').status ?? {};
    expect([phase, findCondition(conditions, 'Claimed')?.reason]).toEqual(['Rejected', reason]);
    expect(driven.claim('db').status?.migration).toBeUndefined();
    expect(driven.migration('sound').status?.phase).toBe('PreMigrating');
  });
});
