import { beforeEach, describe, expect, it } from 'vitest';
import type { Lease } from '../../src/api/lease.ts';
import { type LeaseEffect, LeaseKeeper, type LeaseObservation, type Now } from '../../src/protocol/lease-keeper.ts';

const SETTINGS = {
  name: 'n1',
  namespace: 'ns',
  identity: 'me',
  durationMs: 40_000,
  renewMs: 10_000,
  retryMs: 2_000,
  probeMs: 5_000,
};

let version = 1;

function at(ms: number): Now {
  return { ms, date: new Date(Date.UTC(2026, 0, 1) + ms) };
}

function lease(holderIdentity: string, leaseDurationSeconds = 40): Lease {
  version += 1;
  return {
    metadata: { name: 'n1', namespace: 'ns', resourceVersion: `${version}` },
    spec: { holderIdentity, leaseDurationSeconds },
  };
}

function leaseAt(holderIdentity: string, resourceVersion: number): Lease {
  const { metadata, ...rest } = lease(holderIdentity);
  return { metadata: { ...metadata, resourceVersion: `${resourceVersion}` }, ...rest };
}

const read = (object: Lease): LeaseObservation => ({ kind: 'leaseRead', answer: { kind: 'ok', object } });
const written = (object: Lease): LeaseObservation => ({ kind: 'leaseWritten', answer: { kind: 'ok', object } });
const seenInList = (shown: Lease, listedAt: number): LeaseObservation => ({
  kind: 'leaseSeen',
  lease: shown,
  listedAt: `${listedAt}`,
});
const kinds = (effects: readonly LeaseEffect[]): string[] => effects.map(({ kind }) => kind);

describe('a Lease keeper', () => {
  let keeper: LeaseKeeper;

  beforeEach(() => {
    keeper = new LeaseKeeper(SETTINGS);
  });

  /** Takes a free Lease at 0. */
  function hold(): void {
    keeper.tick(at(0));
    keeper.observe(read(lease('')), at(0));
    keeper.observe(written(lease('me')), at(0));
  }

  it('creates the Lease where there is none, and holds it once that is answered', () => {
    expect(kinds(keeper.tick(at(0)))).toEqual(['readLease']);
    const created = keeper.observe({ kind: 'leaseRead', answer: { kind: 'missing' } }, at(0));
    expect(created).toMatchObject([
      { kind: 'createLease', lease: { spec: { holderIdentity: 'me', leaseDurationSeconds: 40 } } },
    ]);
    expect(keeper.isValid(1)).toBe(false);
    expect(kinds(keeper.observe(written(lease('me')), at(5)))).toEqual(['gained']);
    expect(keeper.isValid(6)).toBe(true);
  });

  it('takes at once what its last holder gave back', () => {
    keeper.tick(at(0));
    expect(keeper.observe(read(lease('')), at(0))).toMatchObject([
      { kind: 'writeLease', lease: { spec: { holderIdentity: 'me', leaseTransitions: 1 } } },
    ]);
  });

  it('waits for the whole duration of another holder, from when it saw the last change, and looks whether that one lives', () => {
    keeper.tick(at(0));
    expect(keeper.observe(read(lease('other', 30)), at(0))).toEqual([{ kind: 'probeHolder', identity: 'other' }]);
    keeper.observe({ kind: 'leaseSeen', lease: lease('other', 30) }, at(20_000));
    expect(kinds(keeper.tick(at(30_000)))).toEqual(['probeHolder']);
    expect(kinds(keeper.tick(at(50_000)))).toEqual(['writeLease']);
  });

  it('waits no longer because of an answer that is older than what the watch has shown', () => {
    const [before, renewed] = [lease('other'), lease('other')];
    keeper.tick(at(0));
    keeper.observe({ kind: 'leaseSeen', lease: renewed }, at(1_000));
    keeper.observe(read(before), at(20_000));
    expect(keeper.tick(at(41_000))).toMatchObject([
      { kind: 'writeLease', lease: { metadata: { resourceVersion: renewed.metadata.resourceVersion } } },
    ]);
  });

  it('counts from the first sight of what it reads again after a conflict', () => {
    const known = lease('other');
    keeper.tick(at(0));
    keeper.observe(read(known), at(0));
    keeper.tick(at(40_000));
    const renewed = lease('other');
    keeper.observe({ kind: 'leaseSeen', lease: renewed }, at(40_001));
    keeper.observe({ kind: 'leaseWritten', answer: { kind: 'conflict' } }, at(60_000));
    keeper.observe(read(renewed), at(60_000));
    expect(kinds(keeper.tick(at(80_001)))).toEqual(['writeLease']);
  });

  it('looks again and again whether the holder lives: it may die at any time', () => {
    keeper.tick(at(0));
    keeper.observe(read(lease('other', 8)), at(0));
    expect(keeper.dueMs).toBe(5_000);
    expect(keeper.tick(at(5_000))).toEqual([{ kind: 'probeHolder', identity: 'other' }]);
    expect(keeper.dueMs).toBe(8_000);
    expect(keeper.holder).toBe('other');
  });

  it('need not wait for a holder that is dead', () => {
    keeper.tick(at(0));
    keeper.observe(read(lease('other')), at(0));
    expect(kinds(keeper.observe({ kind: 'holderDied', identity: 'other' }, at(1)))).toEqual(['writeLease']);
  });

  it('still waits when somebody else than the dead one holds it', () => {
    keeper.tick(at(0));
    keeper.observe(read(lease('third')), at(0));
    expect(kinds(keeper.observe({ kind: 'holderDied', identity: 'other' }, at(1)))).toEqual(['probeHolder']);
  });

  it('takes at once what a watch shows as free', () => {
    keeper.tick(at(0));
    keeper.observe(read(lease('other')), at(0));
    expect(kinds(keeper.observe({ kind: 'leaseSeen', lease: lease('') }, at(7)))).toEqual(['writeLease']);
    const again = new LeaseKeeper(SETTINGS);
    again.tick(at(0));
    again.observe(read(lease('other')), at(0));
    expect(kinds(again.observe({ kind: 'leaseDeleted' }, at(7)))).toEqual(['readLease']);
  });

  it('renews when it is time, and not before', () => {
    hold();
    expect(keeper.tick(at(9_999))).toEqual([]);
    expect(kinds(keeper.tick(at(10_000)))).toEqual(['writeLease']);
    expect(keeper.tick(at(10_001))).toEqual([]);
    expect(keeper.observe(written(lease('me')), at(10_100))).toEqual([]);
    expect(keeper.dueMs).toBe(20_000);
  });

  it('counts its time from when a renewal was sent, and does not use up the last tenth', () => {
    hold();
    keeper.tick(at(10_000));
    keeper.observe(written(lease('me')), at(19_000));
    expect(keeper.isValid(45_999)).toBe(true);
    expect(keeper.isValid(46_000)).toBe(false);
  });

  it('loses what it cannot renew, before it runs out for the others', () => {
    hold();
    for (let ms = 10_000; ms < 36_000; ms += 2_000) {
      keeper.tick(at(ms));
      keeper.observe({ kind: 'leaseWritten', answer: { kind: 'unanswered', message: 'gone' } }, at(ms));
      keeper.observe({ kind: 'leaseRead', answer: { kind: 'unanswered', message: 'gone' } }, at(ms));
    }
    expect(kinds(keeper.tick(at(36_000)))).toEqual(['lost']);
    expect(keeper.isValid(36_000)).toBe(false);
  });

  it('loses it even with a renewal under way that is never answered', () => {
    hold();
    keeper.tick(at(10_000));
    expect(keeper.dueMs).toBe(36_000);
    expect(kinds(keeper.tick(at(36_000)))).toEqual(['lost']);
  });

  it('finds out that a renewal without an answer has landed', () => {
    hold();
    keeper.tick(at(10_000));
    keeper.observe({ kind: 'leaseWritten', answer: { kind: 'unanswered', message: 'gone' } }, at(10_500));
    expect(kinds(keeper.tick(at(12_500)))).toEqual(['readLease']);
    expect(kinds(keeper.observe(read(lease('me')), at(12_600)))).toEqual(['writeLease']);
    keeper.observe(written(lease('me')), at(12_700));
    expect(keeper.isValid(40_000)).toBe(true);
  });

  it('takes over anew when the history of the API server went back: an older Lease, although it names us', () => {
    const older = lease('me');
    hold();
    keeper.tick(at(10_000));
    expect(kinds(keeper.observe({ kind: 'leaseWritten', answer: { kind: 'conflict' } }, at(10_100)))).toEqual([
      'readLease',
    ]);
    expect(keeper.observe(read(older), at(10_200))).toMatchObject([
      { kind: 'lost', reason: 'the history of the API server went back: it was restored', restored: true },
    ]);
    expect(keeper.isValid(10_200)).toBe(false);
    expect(kinds(keeper.tick(at(12_200)))).toEqual(['writeLease']);
    expect(kinds(keeper.observe(written(lease('me')), at(12_300)))).toEqual(['gained']);
  });

  it.each<[string, () => readonly LeaseEffect[]]>([
    [
      'a renewal that is newer by more than happens',
      () => keeper.observe(written(leaseAt('me', 1_000_000_009)), at(10_100)),
    ],
    [
      'the same on its watch',
      () => keeper.observe({ kind: 'leaseSeen', lease: leaseAt('me', 1_000_000_009) }, at(10_100)),
    ],
    [
      'a list that shows what was before',
      () => keeper.observe(seenInList(leaseAt('me', 1), 1_000_000_009), at(10_100)),
    ],
  ])('takes over anew when it sees %s: etcd was restored with another revision', (_what, observe) => {
    hold();
    keeper.tick(at(10_000));
    expect(observe()).toMatchObject([{ kind: 'lost', restored: true }]);
    expect(keeper.isValid(10_100)).toBe(false);
  });

  it('is not misled by a list that its own renewal has overtaken', () => {
    const before = lease('me');
    hold();
    const listedAt = Number(before.metadata.resourceVersion);
    expect(keeper.observe(seenInList(before, listedAt), at(1_000))).toEqual([]);
    expect(keeper.isValid(1_000)).toBe(true);
  });

  it('waits from its first sight of them for whom a restored etcd names, not from what it knew before', () => {
    const older = lease('other');
    keeper.tick(at(0));
    keeper.observe(read(lease('other')), at(0));
    keeper.observe(seenInList(older, 1_000_000_009), at(20_000));
    expect(kinds(keeper.tick(at(59_999)))).toEqual(['probeHolder']);
    expect(kinds(keeper.tick(at(60_000)))).toEqual(['writeLease']);
  });

  it('takes a read for what it is that a watch has overtaken', () => {
    hold();
    keeper.tick(at(10_000));
    keeper.observe({ kind: 'leaseWritten', answer: { kind: 'conflict' } }, at(10_100));
    const between = [lease('me'), lease('me')] as const;
    keeper.observe({ kind: 'leaseSeen', lease: between[1] }, at(10_150));
    expect(kinds(keeper.observe(read(between[0]), at(10_200)))).toEqual(['writeLease']);
  });

  it('takes over anew when its Lease is gone: somebody deleted it, or etcd was restored', () => {
    hold();
    expect(kinds(keeper.observe({ kind: 'leaseDeleted' }, at(5)))).toEqual(['readLease']);
    const effects = keeper.observe({ kind: 'leaseRead', answer: { kind: 'missing' } }, at(6));
    expect(kinds(effects)).toEqual(['lost', 'createLease']);
    expect(keeper.isValid(6)).toBe(false);
    expect(kinds(keeper.observe(written(lease('me')), at(7)))).toEqual(['gained']);
  });

  it('waits for the whole duration of the holder that a restored etcd names', () => {
    const older = lease('other');
    keeper.tick(at(0));
    keeper.observe(read(lease('other')), at(0));
    keeper.tick(at(40_000));
    keeper.observe({ kind: 'leaseWritten', answer: { kind: 'conflict' } }, at(40_100));
    expect(kinds(keeper.observe(read(older), at(40_200)))).toEqual(['probeHolder']);
    expect(kinds(keeper.tick(at(80_100)))).toEqual(['probeHolder']);
    expect(kinds(keeper.tick(at(80_200)))).toEqual(['writeLease']);
  });

  it('steps back when it sees another holder', () => {
    hold();
    expect(keeper.observe({ kind: 'leaseSeen', lease: lease('other') }, at(1_000))).toMatchObject([
      { kind: 'lost', reason: 'other holds it now' },
    ]);
    expect(keeper.isValid(1_000)).toBe(false);
  });

  it('reads again after a conflict', () => {
    keeper.tick(at(0));
    keeper.observe(read(lease('')), at(0));
    expect(kinds(keeper.observe({ kind: 'leaseWritten', answer: { kind: 'conflict' } }, at(1)))).toEqual(['readLease']);
  });

  it('gives back what it holds, and does nothing after it', () => {
    hold();
    expect(keeper.release(at(5))).toMatchObject({ spec: { holderIdentity: '' } });
    expect(keeper.isValid(5)).toBe(false);
    expect(keeper.tick(at(100_000))).toEqual([]);
    expect(keeper.dueMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('gives back nothing that it does not hold', () => {
    keeper.tick(at(0));
    keeper.observe(read(lease('other')), at(0));
    expect(keeper.release(at(5))).toBeUndefined();
  });
});
