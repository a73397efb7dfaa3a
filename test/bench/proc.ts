/** What the kernel says of a process (Linux). */
import { readdir, readFile, readlink } from 'node:fs/promises';

const ESTABLISHED = '01';

/** Resident memory in MiB. */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} says nothing of its memory`);
  return Number(kibibytes) / 1024;
}

/** Established TCP connections of a process to a port. */
export async function connectionsTo(pid: number, port: number): Promise<number> {
  const inodes = await socketsOf(pid);
  const tables = await Promise.all(['tcp', 'tcp6'].map((table) => readFile(`/proc/${pid}/net/${table}`, 'utf8')));
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const mine = tables
    .flatMap((table) => table.trim().split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote, state]) => state === ESTABLISHED && remote?.endsWith(`:${hexPort}`));
  return mine.filter((fields) => inodes.has(fields[9] ?? '')).length;
}

async function socketsOf(pid: number): Promise<ReadonlySet<string>> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder);
  // One that is closed meanwhile has no target any more.
  const targets = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')));
  return new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
}
