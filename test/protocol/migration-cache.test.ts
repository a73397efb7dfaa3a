import { describe, expect, it } from 'vitest';
import type { Migration } from '../../src/api/generated/v1alpha1.ts';
import { ClaimCache } from '../../src/protocol/claim-cache.ts';
import { MigrationCache, type MigrationEntry } from '../../src/protocol/migration-cache.ts';
import { forgetEnded } from '../../src/protocol/migrations.ts';
import { settings } from '../simulation/world/objects.ts';

const NAME = { namespace: 'default', name: 'db' };

function migration(name: string, claimName = 'db'): Migration {
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'Migration',
    metadata: { name, namespace: 'default', uid: name, resourceVersion: '1' },
    spec: { claimName, type: 'ColdMigration', targetNodeName: 'node-a' },
  };
}

function entryOf(cache: MigrationCache, name: string): MigrationEntry {
  cache.seen(migration(name), 0);
  const entry = cache.get(name);
  if (entry === undefined) throw new Error(`${name} is not known`);
  return entry;
}

describe('the claim that migrations name', () => {
  it('is looked up once for all that ask in one turn', () => {
    const cache = new MigrationCache('node-a');
    const [one, other] = [entryOf(cache, 'one'), entryOf(cache, 'other')];
    expect(cache.lookUp(one)).toEqual([{ kind: 'lookUpClaim', name: NAME }]);
    expect(cache.lookUp(other)).toEqual([]);
    expect(cache.busy()).toBe(1);
    cache.lookUpsSent();
    cache.lookedUp(NAME, { kind: 'missing' });
    expect([one.lookup, other.lookup]).toEqual([{ kind: 'missing' }, { kind: 'missing' }]);
    expect(cache.busy()).toBe(0);
  });

  it('is looked up again for one that was created after the lookup was sent: the claim may be newer than its answer', () => {
    const cache = new MigrationCache('node-a');
    cache.lookUp(entryOf(cache, 'one'));
    cache.lookUpsSent();
    const late = entryOf(cache, 'late');
    expect(cache.lookUp(late)).toEqual([]);
    cache.lookedUp(NAME, { kind: 'missing' });
    expect(late.lookup).toBeUndefined();
    expect(cache.lookUp(late)).toEqual([{ kind: 'lookUpClaim', name: NAME }]);
  });
});

it('a migration that waits for a pulse is looked at anew when somebody writes it', () => {
  const cache = new MigrationCache('node-a');
  const entry = entryOf(cache, 'flee');
  entry.waitsForPulseOf = 'node-b';
  const { spec, metadata, ...rest } = migration('flee');
  cache.seen({ ...rest, metadata: { ...metadata, resourceVersion: '2' }, spec: { ...spec, decision: 'Abort' } }, 0);
  expect(entry.waitsForPulseOf).toBeUndefined();
});

it('migrations that are deleted while nothing can be decided leave nothing behind', () => {
  const migrations = new MigrationCache('node-a');
  const cache = new ClaimCache(settings());
  migrations.seen(migration('one'), 0);
  migrations.deleted(migration('one'));
  expect(migrations.isGone('one')).toBe(true);
  forgetEnded({ cache, migrations, settings: settings() });
  expect(migrations.isGone('one')).toBe(false);
  expect([...migrations.entries()]).toEqual([]);
});
