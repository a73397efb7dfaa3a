import { describe, expect, it } from 'vitest';
import type {
  ComputeNode,
  InstanceClaim,
  InstanceClaimStatus,
  Orphan,
  PciDevice,
} from '../../../src/api/generated/v1alpha1.ts';
import { type AdoptionPlan, planAdoption } from '../../../src/cli/adopt/plan.ts';
import { rootDisk } from '../../../src/cli/adopt/root-disk.ts';
import { claim } from '../../simulation/world/objects.ts';

const uuid = (index: number): string => `3f0c1d7e-9a52-4c5b-8f57-${index.toString().padStart(12, '0')}`;
const orphan = (index: number, more: Partial<Orphan> = {}): Orphan => ({
  uuid: uuid(index),
  name: `vm_${index}`,
  memory: '2112Mi',
  overhead: { memory: '64Mi' },
  vcpus: 2,
  ...more,
});

function node(orphans: readonly Orphan[], pciDevices: readonly PciDevice[] = [], omitted?: number): ComputeNode {
  const status = { orphans, pciDevices, ...(omitted !== undefined && { omitted: { orphans: omitted } }) };
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'ComputeNode',
    metadata: { name: 'node-a' },
    spec: {},
    status,
  };
}

/** A claim for the instance with this UUID. */
function claimFor(id: string, name: string, status: InstanceClaimStatus = {}, namespace = 'team-a'): InstanceClaim {
  return { ...claim({ name, namespace, adopt: true, instance: { uuid: id } }), status };
}

const REQUEST = { namespace: 'team-a', glob: '*', rootDisks: [], labels: {} };

function plan(
  orphans: readonly Orphan[],
  claims: readonly InstanceClaim[] = [],
  more: Partial<typeof REQUEST> = {},
): AdoptionPlan {
  return planAdoption(node(orphans), claims, { ...REQUEST, ...more });
}

const namesOf = ({ claims }: AdoptionPlan): readonly string[] => claims.map(({ metadata }) => metadata.name);

describe('a claim for what runs', () => {
  it('has what the instance has, without the overhead, and its name', () => {
    const { claims, skipped, remarks, undecided, unlisted } = planAdoption(node([orphan(1)]), [], {
      ...REQUEST,
      rootDisks: [rootDisk('20Gi')],
      labels: { origin: 'brownfield' },
    });
    expect(claims).toEqual([
      {
        apiVersion: 'resourcetracker.dev/v1alpha1',
        kind: 'InstanceClaim',
        metadata: {
          namespace: 'team-a',
          name: 'vm-1',
          labels: { 'resourcetracker.dev/adopted': 'true', origin: 'brownfield' },
        },
        spec: {
          nodeName: 'node-a',
          adopt: true,
          instance: { uuid: uuid(1), name: 'vm_1' },
          flavor: { vcpus: 2, memory: '2Gi', rootDisk: '20Gi' },
        },
      },
    ]);
    expect([skipped, remarks, undecided, unlisted]).toEqual([[], [], [], 0]);
  });

  it('asks for the kinds of devices that the instance has', () => {
    const device = (address: string, more: Partial<PciDevice> = {}): PciDevice => ({
      address,
      vendorID: '10de',
      productID: '20b5',
      deviceType: 'PCI',
      ...more,
    });
    const known = [
      device('0000:01:00.0'),
      device('0000:02:00.0', { deviceType: 'VF' }),
      device('0000:03:00.0'),
      { address: '0000:04:00.0' },
    ];
    const pciDevices = [...known.map(({ address }) => address), '0000:05:00.0'];
    const { claims, remarks } = planAdoption(node([orphan(1, { pciDevices })], known), [], REQUEST);
    expect(claims[0]?.spec.pciRequests).toEqual([
      { name: '10de-20b5', count: 2, selectors: [{ vendorID: '10de', productID: '20b5', deviceType: 'PCI' }] },
      { name: '10de-20b5-vf', count: 1, selectors: [{ vendorID: '10de', productID: '20b5', deviceType: 'VF' }] },
    ]);
    expect(remarks).toEqual([
      "vm_1 keeps 0000:04:00.0, 0000:05:00.0, but its claim does not ask for them: the node's status does not describe them",
    ]);
  });

  it('asks for sixteen kinds at most', () => {
    const known = Array.from({ length: 18 }, (_, index): PciDevice => {
      const hex = (index + 16).toString(16);
      return { address: `0000:${hex}:00.0`, vendorID: '10de', productID: `00${hex}`, deviceType: 'PCI' };
    });
    const pciDevices = known.map(({ address }) => address);
    const { claims, remarks } = planAdoption(node([orphan(1, { pciDevices })], known), [], REQUEST);
    expect(claims[0]?.spec.pciRequests).toHaveLength(16);
    expect(remarks[0]).toContain('keeps 0000:20:00.0, 0000:21:00.0');
  });
});

describe('which orphans are planned for', () => {
  it('is told by a glob on their names', () => {
    expect(namesOf(plan([orphan(1), orphan(2), orphan(3, { name: 'db' })], [], { glob: 'vm_?' }))).toEqual([
      'vm-1',
      'vm-2',
    ]);
  });

  it('leaves out those that the status has no room to list, and says how many', () => {
    expect(planAdoption(node([orphan(1)], [], 7), [], REQUEST).unlisted).toBe(7);
  });

  it.each<[string, Orphan, string]>([
    ['whose UUID is none', orphan(1, { uuid: 'HV-1' }), 'its UUID is none that a claim can name'],
    [
      'without vCPUs',
      orphan(1, { vcpus: 0 }),
      'no claim can be for what the hypervisor says it has: 0 vCPUs, 2Gi of memory',
    ],
    ['with more vCPUs than a claim can have', orphan(1, { vcpus: 1_000_001 }), 'no claim can be for'],
    ['without memory', orphan(1, { memory: '64Mi' }), '2 vCPUs, 0 of memory'],
    ['whose memory cannot be read', orphan(1, { memory: 'much' }), '2 vCPUs, 0 of memory'],
  ])('leaves out one %s, with the reason', (_what, one, reason) => {
    const { claims, skipped } = plan([one, orphan(2)]);
    expect(claims).toHaveLength(1);
    expect(skipped).toEqual([{ instance: 'vm_1', reason: expect.stringContaining(reason), isElsewhere: false }]);
  });
});

describe('the name of a claim', () => {
  it('has a suffix where another instance of the same name comes first, or a claim has it already', () => {
    const twins = [orphan(1, { name: 'Web' }), orphan(2, { name: 'web' }), orphan(3, { name: 'db' })];
    const [suffix] = uuid(2).split('-');
    const present = claimFor(uuid(9), 'db', { phase: 'Claimed' });
    expect(namesOf(plan(twins, [present]))).toEqual(['web', `web-${suffix}`, `db-${suffix}`]);
    // A claim of another namespace does not stand in the way.
    expect(namesOf(plan(twins, [{ ...present, metadata: { name: 'db', namespace: 'team-b' } }]))).toContain('db');
  });

  it('is the same when only a part could be created before', () => {
    const twins = [orphan(1, { name: 'web' }), orphan(2, { name: 'web' })];
    const names = namesOf(plan(twins));
    const [first, second] = twins;
    if (first === undefined || second === undefined) throw new Error('there are two');
    const rest = (left: Orphan, created: string): readonly string[] =>
      namesOf(plan([left], [claimFor(left === first ? second.uuid : first.uuid, created, { phase: 'Claimed' })]));
    expect(rest(second, names[0] ?? '')).toEqual([names[1]]);
    expect(rest(first, names[1] ?? '')).toEqual([names[0]]);
  });

  it('is the one that the instance names on the hypervisor', () => {
    expect(namesOf(plan([orphan(1, { claim: { namespace: 'team-a', name: 'mine' } })]))).toEqual(['mine']);
  });

  it('is made from its own where no claim could have the one that it names', () => {
    const impossible = [
      { namespace: 'team-a', name: 'Not_A_Name' },
      { namespace: 'NOT', name: 'mine' },
    ];
    for (const named of impossible) expect(namesOf(plan([orphan(1, { claim: named })]))).toEqual(['vm-1']);
  });
});

describe('an instance that something is for already', () => {
  const named = orphan(1, { claim: { namespace: 'team-b', name: 'mine' } });
  const refused: InstanceClaimStatus = {
    phase: 'Rejected',
    conditions: [{ type: 'Claimed', status: 'False', reason: 'R', message: 'no room', lastTransitionTime: '' }],
  };

  it.each<[string, Orphan, InstanceClaim[], string]>([
    [
      'by a claim of another namespace that it names',
      named,
      [],
      'it names claim team-b/mine on the hypervisor: adopt it with -n team-b',
    ],
    ['by a claim that it names, which exists', named, [claimFor(uuid(9), 'mine', {}, 'team-b')], ''],
    [
      'by a claim with its UUID',
      orphan(1),
      [claimFor(uuid(1), 'x', { phase: 'Claimed', nodeName: 'node-b' })],
      'claim team-a/x is for it already (Claimed on node node-b)',
    ],
    [
      'by one that does not adopt',
      orphan(1),
      [claim({ name: 'x', namespace: 'team-a', instance: { uuid: uuid(1) } })],
      'claim team-a/x is for it already (Pending)',
    ],
    [
      'by one that was refused, of the same name',
      orphan(1),
      [claimFor(uuid(1), 'vm-1', refused)],
      'claim team-a/vm-1 was refused: no room; delete it to try again',
    ],
  ])('%s, is left alone', (_by, one, claims, reason) => {
    const { claims: made, skipped, undecided } = plan([one], claims);
    expect(made).toEqual([]);
    if (reason === '') expect(undecided).toEqual(claims);
    else expect(skipped).toEqual([{ instance: 'vm_1', reason, isElsewhere: reason.includes('-n team-b') }]);
  });

  it('by a refused claim of another name, is claimed anew', () => {
    expect(namesOf(plan([orphan(1)], [claimFor(uuid(1), 'old', refused)]))).toEqual(['vm-1']);
  });

  it('by an adopting claim that is not decided yet, is waited for', () => {
    const pending = claimFor(uuid(1), 'vm-1');
    const { claims, undecided, skipped } = plan([orphan(1)], [pending]);
    expect([claims, undecided, skipped]).toEqual([[], [pending], []]);
  });

  it('with another instance that names the same claim, is left alone', () => {
    const both = [1, 2].map((index) => orphan(index, { claim: { namespace: 'team-a', name: 'mine' } }));
    const { claims, skipped } = plan(both);
    expect(claims.map(({ spec }) => spec.instance?.uuid)).toEqual([uuid(1)]);
    expect(skipped).toEqual([
      {
        instance: 'vm_2',
        reason: 'it names claim team-a/mine on the hypervisor, and so does another instance',
        isElsewhere: false,
      },
    ]);
  });
});
