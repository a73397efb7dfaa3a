/**
 * Two hosts for guests that move: two libvirtds of this machine, each with its own folder and its own host UUID, by which libvirt tells
 * hosts apart. Guests are really migrated from one QEMU process to another, over a socket in the folder of the one that receives.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';

export interface LibvirtdPair {
  readonly source: Libvirtd;
  readonly target: Libvirtd;
  /** A file of BALLAST_MIB random MiB, for guests whose migration is to take its time. */
  readonly ballast: string;
  /** Ends both and all guests, and removes everything. May be called twice. */
  stop(): Promise<void>;
}

/** Bandwidth is limited in whole MiB a second: at the least the ballast takes this many seconds. */
export const BALLAST_MIB = 32;

/** Starts both. */
export async function startLibvirtdPair(): Promise<LibvirtdPair> {
  const [source, target] = await bothOrNone([startLibvirtd(), startLibvirtd()]);
  const ballast = join(source.instancesPath, 'ballast');
  await writeFile(ballast, randomBytes(BALLAST_MIB << 20));
  return {
    source,
    target,
    ballast,
    stop: async () => {
      await Promise.all([source.stop(), target.stop()]);
    },
  };
}

/**
 * Live-migrates a guest, which leaves nothing of it on `from`; resolves when it has arrived. The client, this virsh, is in charge: a migration ends
 * with it.
 */
export async function migrateLive(
  name: string,
  from: Libvirtd,
  to: Libvirtd,
  ...more: readonly string[]
): Promise<void> {
  const words = ['migrate', '--live', '--persistent', '--undefinesource', '--migrateuri', to.migrationUri(name)];
  await from.virsh(...words, ...more, name, to.uri);
}

async function bothOrNone(starting: readonly [Promise<Libvirtd>, Promise<Libvirtd>]): Promise<[Libvirtd, Libvirtd]> {
  try {
    return await Promise.all(starting);
  } catch (error) {
    const started = await Promise.allSettled(starting);
    await Promise.all(started.map((one) => (one.status === 'fulfilled' ? one.value.stop() : undefined)));
    throw error;
  }
}
