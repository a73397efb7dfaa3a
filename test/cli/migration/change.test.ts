import { describe, expect, it } from 'vitest';
import type { Migration } from '../../../src/api/generated/v1alpha1.ts';
import { type Change, changeMigration } from '../../../src/cli/migration/change.ts';
import { KubeError, type KubeErrorReason } from '../../../src/kube/errors.ts';
import type { ResourceClient } from '../../../src/kube/resource.ts';
import { migration } from './migrations.ts';

function failure(reason: KubeErrorReason, status: number | undefined, retryable: boolean): KubeError {
  return new KubeError({ message: reason, reason, status, retryable, mayHaveLanded: retryable });
}

const CONFLICT = failure('Conflict', 409, false);
const SILENCE = failure('NoAnswer', undefined, true);

/** An API server with one Migration; each write fails as told, and then may have been carried out all the same. */
function server(present: Migration | undefined, failures: { error: KubeError; landed?: boolean }[] = []) {
  let stored = present;
  const writes: string[] = [];
  const write =
    (kind: string) =>
    async (object: Migration): Promise<Migration> => {
      writes.push(kind);
      const failed = failures.shift();
      if (failed === undefined || failed.landed === true) stored = object;
      if (failed !== undefined) throw failed.error;
      return object;
    };
  const client = {
    get: async () => stored,
    replace: write('spec'),
    replaceStatus: write('status'),
  } as Partial<ResourceClient<Migration>> as ResourceClient<Migration>;
  return { client, writes, now: () => stored };
}

const WHERE = { namespace: 'team-a', name: 'move' };
const finish = (present: Migration): Change =>
  present.status?.phase === 'Finished'
    ? { kind: 'already' }
    : { kind: 'status', migration: { ...present, status: { phase: 'Finished' } } };

describe('a change', () => {
  it.each([
    ['at once', [], 1, true],
    ['after a conflict', [{ error: CONFLICT }], 2, true],
    ['after an answer that did not come', [{ error: SILENCE }], 2, true],
    ['by the write whose answer did not come', [{ error: SILENCE, landed: true }], 1, false],
  ])('lands %s', async (_when, failures, count, isNew) => {
    const { client, writes, now } = server(migration('PostMigrating'), [...failures]);
    const changed = await changeMigration(client, WHERE, finish);
    expect([changed.isNew, changed.migration.status?.phase, now()?.status?.phase]).toEqual([
      isNew,
      'Finished',
      'Finished',
    ]);
    expect(writes).toEqual(Array.from({ length: count }, () => 'status'));
  });

  it('of the spec is a write of the spec', async () => {
    const { client, writes } = server(migration('Finished'));
    await changeMigration(client, WHERE, (present) => ({ kind: 'spec', migration: present }));
    expect(writes).toEqual(['spec']);
  });

  it('that is not needed writes nothing', async () => {
    const { client, writes } = server(migration('Finished'));
    expect(await changeMigration(client, WHERE, finish)).toMatchObject({ isNew: false });
    expect(writes).toEqual([]);
  });

  it('that cannot be is refused with the phase and the reason', async () => {
    const { client, writes } = server(migration('Failed'));
    const refuse = (): Change => ({ kind: 'refused', words: 'that is its end' });
    await expect(changeMigration(client, WHERE, refuse)).rejects.toThrow('migration move is Failed: that is its end');
    expect(writes).toEqual([]);
  });

  it('of one that is not there is refused', async () => {
    const { client } = server(undefined);
    await expect(changeMigration(client, WHERE, finish)).rejects.toThrow(
      'there is no Migration "move" in namespace team-a',
    );
  });

  it('that the API server refuses is not tried again', async () => {
    const error = failure('Invalid', 422, false);
    const { client, writes } = server(migration('PostMigrating'), [{ error }]);
    await expect(changeMigration(client, WHERE, finish)).rejects.toBe(error);
    expect(writes).toHaveLength(1);
  });

  it('is given up after some conflicts', async () => {
    const { client, writes } = server(
      migration('PostMigrating'),
      Array.from({ length: 20 }, () => ({ error: CONFLICT })),
    );
    await expect(changeMigration(client, WHERE, finish)).rejects.toBe(CONFLICT);
    expect(writes).toHaveLength(8);
  });
});
