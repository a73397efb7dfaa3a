import { describe, expect, it } from 'vitest';
import type { InstanceClaim, InstanceClaimStatus } from '../../src/api/generated/v1alpha1.ts';
import { type ClaimParts, claim as claimOf, gpu, instance } from '../simulation/world/objects.ts';
import { faultsOf, statusSchema } from './crd-schema.ts';
import { DrivenTracker } from './driven-tracker.ts';

const SCHEMA = statusSchema('instanceclaims');

function claim(parts: ClaimParts, status?: InstanceClaimStatus): InstanceClaim {
  const { metadata, ...rest } = claimOf(parts);
  const stored = { ...metadata, uid: `uid-${parts.name}`, generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' };
  return { ...rest, metadata: stored, ...(status !== undefined && { status }) };
}

function reasonOf({ status }: InstanceClaim): string | undefined {
  return status?.conditions?.find(({ type }) => type === 'Claimed')?.reason;
}

const GPUS = Array.from({ length: 30 }, (_, index) => gpu(index + 1));

describe('what a claim may ask for and a status has room for', () => {
  it('the 257th node that refuses a claim is told, and the first one makes room', () => {
    const attempts = Array.from({ length: 256 }, (_, index) => ({ nodeName: `node-${index}`, reasons: ['Full'] }));
    const driven = new DrivenTracker({
      claims: [claim({ name: 'wanderer', schedulerName: 's', memoryMi: 2 ** 31 }, { phase: 'Pending', attempts })],
    });
    driven.settle();
    const { status } = driven.claim('wanderer');
    expect([status?.attempts?.length, status?.attempts?.at(-1)?.nodeName]).toEqual([256, 'node-a']);
    expect(faultsOf(status, SCHEMA)).toEqual([]);
  });

  it('more devices than a status has room for are refused, as such a grant could never be written', () => {
    const request = (name: string) => ({ name, count: 200, alias: 'gpu' });
    const driven = new DrivenTracker({
      report: { devices: GPUS },
      claims: [claim({ name: 'greedy', pciRequests: [request('a'), request('b')] })],
    });
    driven.settle();
    expect(reasonOf(driven.claim('greedy'))).toBe('TooManyPCIDevices');
  });

  it('an instance with a name as long as a book is told with the beginning of it', () => {
    const driven = new DrivenTracker({ claims: [claim({ name: 'a' })] });
    driven.settle();
    driven.observe({
      kind: 'instanceSeen',
      instance: instance({ uuid: 'uid-a', name: '\ud83d\ude00'.repeat(50_000) }),
    });
    driven.settle();
    const { status } = driven.claim('a');
    expect(status?.vmState).toBe('Active');
    expect(faultsOf(status, SCHEMA)).toEqual([]);
  });

  it('a claim that has 16 conditions of others is decided all the same', () => {
    const conditions = Array.from({ length: 16 }, (_, index) => ({
      type: `Other${index}`,
      status: 'True' as const,
      reason: 'Other',
      message: '',
      lastTransitionTime: `2026-01-01T00:00:${String(index).padStart(2, '0')}Z`,
    }));
    const driven = new DrivenTracker({ claims: [claim({ name: 'a' }, { conditions })] });
    driven.settle();
    const { status } = driven.claim('a');
    expect([status?.phase, status?.conditions?.length]).toEqual(['Claimed', 16]);
    expect(status?.conditions?.some(({ type }) => type === 'Other0')).toBe(false);
  });

  it('a host whose name and address are no such does not keep its claims from being granted', () => {
    const driven = new DrivenTracker({ report: { hostname: 'h'.repeat(300) }, claims: [claim({ name: 'a' })] });
    driven.observe({ kind: 'hostNodeSeen', unschedulable: false, internalIP: 'f'.repeat(80) });
    driven.settle();
    const { status } = driven.claim('a');
    expect([status?.phase, status?.hostIP]).toEqual(['Claimed', undefined]);
    expect(faultsOf(status, SCHEMA)).toEqual([]);
    expect(faultsOf(driven.node.status, statusSchema('computenodes'))).toEqual([]);
  });

  it('a claim without a time of creation is as old as we know it', () => {
    const { metadata, ...rest } = claim({ name: 'a', whenInsufficient: 'Wait', waitSeconds: 5, memoryMi: 2 ** 31 });
    const { creationTimestamp: _none, ...timeless } = metadata;
    const driven = new DrivenTracker({ node: { spec: { unschedulable: true } } });
    driven.see({ ...rest, metadata: timeless, spec: { ...rest.spec, flavor: { vcpus: 1, memory: '1Mi' } } });
    driven.settle();
    expect(driven.turn()).toBe(driven.nowMs + 6_000);
  });
});

describe('a status that cannot be read', () => {
  const rows: readonly [string, InstanceClaimStatus][] = [
    ['a flavor that is no flavor', { flavor: { vcpus: -1, memory: 'much' } }],
    ['an overhead below zero', { overhead: { memory: '-1Gi' } }],
    ['an amount beyond all bounds', { flavor: { vcpus: 1, memory: '1e99' } }],
  ];
  it.each(rows)('makes the node hold what the spec asks for, and the log says so: %s', (_what, status) => {
    const flavor = { vcpus: 1, memory: '1Gi' };
    const driven = new DrivenTracker({
      claims: [claim({ name: 'odd' }, { phase: 'Claimed', nodeName: 'node-a', flavor, ...status })],
    });
    driven.see(claim({ name: 'sound' }));
    driven.settle();
    expect(driven.node.status?.used).toEqual({ vcpus: 2, memory: '2Gi', disk: '0' });
    expect(driven.claim('sound').status?.phase).toBe('Claimed');
    expect(driven.logged).toContain('the status of a claim cannot be read: what its spec asks for is held instead');
  });
});
