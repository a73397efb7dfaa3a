import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasErrorCode } from '../error-code.ts';
import { ToolsError } from './errors.ts';

const pollMs = 500;
const longestWaitMs = 30 * 60_000;

/**
 * Runs `work` while holding the lock file at `path`, which names its holder's process id. Waits for a holder that lives, calling
 * `onWait` once with its id; takes over from one that died. The lock saves work and is no more than that: two holders at once,
 * possible for an instant when two waiters find a dead holder together, must stay harmless.
 */
export async function withLock<T>(path: string, onWait: (holder: number) => void, work: () => Promise<T>): Promise<T> {
  await acquire(path, onWait);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string, onWait: (holder: number) => void): Promise<void> {
  const deadline = Date.now() + longestWaitMs;
  let told = false;
  while (!(await tryAcquire(path))) {
    const holder = await readHolder(path);
    if (holder === undefined) continue;
    if (!isAlive(holder)) {
      await removeStale(path);
      continue;
    }
    if (!told) onWait(holder);
    told = true;
    if (Date.now() > deadline) {
      throw new ToolsError('lock-held', `process ${holder} holds ${path} for too long; end it or remove that file`);
    }
    await sleep(pollMs);
  }
}

/** Hard-links a finished file into place, since a lock created first and filled later could be read while it is empty. */
async function tryAcquire(path: string): Promise<boolean> {
  const candidate = `${path}.${randomUUID()}`;
  await writeFile(candidate, String(process.pid));
  try {
    await link(candidate, path);
    return true;
  } catch (error) {
    if (hasErrorCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(candidate, { force: true });
  }
}

async function readHolder(path: string): Promise<number | undefined> {
  try {
    return Number(await readFile(path, 'utf8'));
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Renames before it removes: of two waiters that both saw the dead holder, one fails here and looks again. */
async function removeStale(path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (!hasErrorCode(error, 'ENOENT')) throw error;
  }
  await rm(aside, { force: true });
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return hasErrorCode(error, 'EPERM');
  }
}
