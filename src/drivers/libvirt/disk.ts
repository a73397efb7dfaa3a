/** Disk of the host: the file system that the instances are on, or a storage pool of libvirt's. */
import { statfs } from 'node:fs/promises';
import { DriverError } from '../driver.ts';
import type { Connection } from './connection.ts';

/** Where instances' disks are. Without either, libvirt's own default path. */
export interface DiskSource {
  readonly instancesPath?: string;
  readonly storagePool?: string;
}

export interface DiskFigures {
  readonly totalBytes: bigint;
  readonly usedBytes: bigint;
}

/** Where libvirt's default storage pool is. */
const DEFAULT_INSTANCES_PATH = '/var/lib/libvirt/images';

/**
 * Reads total and used disk, from the pool if one is named.
 *
 * @throws DriverError CallFailed, which costs the report no more than its disk figures.
 */
export async function readDisk(connection: Connection, source: DiskSource): Promise<DiskFigures> {
  if (source.storagePool !== undefined) return readPool(connection, source.storagePool);
  return readFileSystem(source.instancesPath ?? DEFAULT_INSTANCES_PATH);
}

async function readFileSystem(path: string): Promise<DiskFigures> {
  try {
    const { blocks, bfree, bsize } = await statfs(path, { bigint: true });
    return { totalBytes: blocks * bsize, usedBytes: (blocks - bfree) * bsize };
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new DriverError(
      'CallFailed',
      `${path} cannot be read (${reason}): set the path of the instances or a storage pool`,
      {
        cause,
      },
    );
  }
}

function readPool(connection: Connection, name: string): Promise<DiskFigures> {
  return connection.run(`read storage pool ${name}`, async (library, pointer) => {
    const pool = await library.virStoragePoolLookupByName(pointer, name);
    if (pool === null) throw connection.failed(`storage pool ${name}`);
    try {
      const info = await library.virStoragePoolGetInfo(pool);
      if (info === null) throw connection.failed(`storage pool ${name}`);
      return { totalBytes: info.capacityBytes, usedBytes: info.capacityBytes - info.availableBytes };
    } finally {
      library.virStoragePoolFree(pool);
    }
  });
}
