/**
 * Who an agent process is, so that a successor can tell whether it still lives: `pod/<name>/<uid>/<random>` in a Pod, else
 * `process/<hostname>/<boot>/<pid>/<start>/<random>`. Where it cannot be told, the Lease's own time decides.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** What the downward API tells a Pod. */
export interface PodFacts {
  readonly name: string;
  readonly uid: string;
}

/** POD_NAME and POD_UID of the environment, if both are there. */
export function podFacts(environment: Readonly<Record<string, string | undefined>>): PodFacts | undefined {
  const { POD_NAME: name, POD_UID: uid } = environment;
  return name && uid ? { name, uid } : undefined;
}

/** A fresh identity of this very process. */
export function newIdentity(pod: PodFacts | undefined): string {
  if (pod !== undefined) return ['pod', pod.name, pod.uid, randomUUID()].join('/');
  return ['process', hostname(), bootId(), process.pid, startTime(process.pid), randomUUID()].join('/');
}

/** Asks the API server for the UID of a Pod; undefined: there is none. */
export type PodUid = (name: string) => Promise<string | undefined>;

/** Whether a holder is certainly dead: its Pod is gone or is ours with a new container, or its process is of this host and has ended. */
export async function isDead(identity: string, self: PodFacts | undefined, podUid: PodUid): Promise<boolean> {
  const [kind, first, second, third, fourth] = identity.split('/');
  if (kind === 'pod' && first !== undefined && second !== undefined) {
    // Containers of one Pod run one after the other.
    if (second === self?.uid) return true;
    return (await podUid(first)) !== second;
  }
  // In a Pod, other processes of the host cannot be seen.
  if (kind !== 'process' || self !== undefined || first !== hostname()) return false;
  if (second !== bootId()) return true;
  return startTime(Number(third)) !== fourth;
}

function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown';
}

/** Clock ticks between boot and the process's start (field 22 of its stat); a later process of the same id has another. */
function startTime(pid: number): string | undefined {
  // The command in parentheses may hold blanks and parentheses itself.
  return readText(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ')[19];
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
