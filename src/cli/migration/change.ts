/** Changes a Migration by compare-and-swap, again and again until it has landed or need not be. */
import type { Migration } from '../../api/generated/v1alpha1.ts';
import { Backoff } from '../../kube/backoff.ts';
import { sleep, systemClock } from '../../kube/clock.ts';
import { isKubeError, KubeError } from '../../kube/errors.ts';
import type { ResourceClient } from '../../kube/resource.ts';
import { phaseOf } from '../../protocol/migration-facts.ts';
import { CommandError } from '../exit-code.ts';

/** What is to be done with a Migration as it is now. */
export type Change =
  | { readonly kind: 'spec' | 'status'; readonly migration: Migration }
  /** It is so already. */
  | { readonly kind: 'already' }
  /** It cannot be; the words say why, and what to do. */
  | { readonly kind: 'refused'; readonly words: string };

export interface Changed {
  readonly migration: Migration;
  /** Whether this very command has changed it. */
  readonly isNew: boolean;
}

const TRIES = 8;
const PAUSE = { firstMs: 50, maxMs: 2_000 };

/**
 * Asks `decide` what to do with the present state and writes that. A conflict, or an answer that did not come, leads back to a read: the next
 * state tells what became of the write. Throws CommandError where it is refused or not there, KubeError where the API server says no or nothing.
 */
export async function changeMigration(
  client: ResourceClient<Migration>,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  decide: (migration: Migration) => Change,
): Promise<Changed> {
  const backoff = new Backoff(PAUSE, Math.random);
  for (let tries = 1; ; tries += 1) {
    try {
      return await tryOnce(client, await read(client, namespace, name), decide);
    } catch (error) {
      if (!mayTryAgain(error) || tries === TRIES) throw error;
      await sleep(systemClock, backoff.next());
    }
  }
}

async function tryOnce(
  client: ResourceClient<Migration>,
  migration: Migration,
  decide: (migration: Migration) => Change,
): Promise<Changed> {
  const change = decide(migration);
  switch (change.kind) {
    case 'already':
      return { migration, isNew: false };
    case 'refused':
      throw new CommandError(`migration ${migration.metadata.name} is ${phaseOf(migration)}: ${change.words}`);
    case 'spec':
      return { migration: await client.replace(change.migration), isNew: true };
    case 'status':
      return { migration: await client.replaceStatus(change.migration), isNew: true };
  }
}

/** Throws CommandError where there is none. */
export async function read(client: ResourceClient<Migration>, namespace: string, name: string): Promise<Migration> {
  const migration = await client.get(name, namespace);
  if (migration !== undefined) return migration;
  throw new CommandError(
    `there is no Migration "${name}" in namespace ${namespace}; resource-tracker migration list -A`,
  );
}

function mayTryAgain(error: unknown): boolean {
  return isKubeError(error, 'Conflict') || (error instanceof KubeError && error.retryable);
}
