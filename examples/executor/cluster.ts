/** Migrations in the cluster: read by kubectl, reported on by `resource-tracker migration report`. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { explain } from './explain.ts';
import type { ClaimFacts, Size } from './plan.ts';

const run = promisify(execFile);

/** What this reads of a Migration. */
export interface Migration {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly spec: {
    readonly claimName: string;
    readonly type: 'Resize' | 'ColdMigration' | 'LiveMigration' | 'Evacuation';
    readonly targetNodeName: string;
    readonly decision?: string;
  };
  readonly status?: {
    readonly phase?: string;
    readonly claimUID?: string;
    readonly sourceNodeName?: string;
    readonly oldFlavor?: Flavor;
    readonly newFlavor?: Flavor;
  };
}

interface Flavor {
  readonly vcpus: number;
  readonly memory: string | number;
}

interface ClaimObject {
  readonly metadata: { readonly uid: string };
  readonly spec: { readonly instance?: { readonly uuid?: string } };
  readonly status?: {
    readonly nodeName?: string;
    readonly flavor?: Flavor;
    readonly migration?: { readonly uid: string };
  };
}

export interface Claim extends ClaimFacts {
  /** Of the instance. */
  readonly uuid: string;
}

const MIGRATIONS = 'migrations.resourcetracker.dev';
const CLAIMS = 'instanceclaims.resourcetracker.dev';
const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 256 << 20;

/** All migrations of all namespaces, oldest first. */
export async function listMigrations(): Promise<readonly Migration[]> {
  const words = ['--all-namespaces', '--sort-by=.metadata.creationTimestamp', '-o', 'json'];
  const { items }: { items: readonly Migration[] } = JSON.parse(await kubectl('get', MIGRATIONS, ...words));
  return items;
}

/** The migration as it is now; undefined when it is gone, or another one of this name has come. */
export async function readMigration({ metadata }: Migration): Promise<Migration | undefined> {
  const found = await read<Migration>(MIGRATIONS, metadata);
  return found?.metadata.uid === metadata.uid ? found : undefined;
}

/** The claim of a migration; undefined: it was deleted. */
export async function readClaim({ metadata, spec, status }: Migration): Promise<Claim | undefined> {
  const found = await read<ClaimObject>(CLAIMS, { namespace: metadata.namespace, name: spec.claimName });
  const { nodeName, flavor, migration } = found?.status ?? {};
  if (found === undefined || nodeName === undefined || flavor === undefined) return undefined;
  if (found.metadata.uid !== status?.claimUID) return undefined;
  return {
    uuid: found.spec.instance?.uuid ?? found.metadata.uid,
    nodeName,
    size: sizeOf(flavor),
    isLocked: migration?.uid === metadata.uid,
  };
}

/**
 * Says how far a migration is; `message` is for people. `command` is how resource-tracker is started. A migration that is in the phase already, or
 * beyond it, is left as it is.
 */
export async function report(
  command: readonly string[],
  { metadata }: Migration,
  phase: string,
  message = '',
): Promise<void> {
  const [program = '', ...before] = command;
  const words = ['migration', 'report', metadata.name, phase, '--namespace', metadata.namespace];
  await run(program, [...before, ...words, ...(message === '' ? [] : ['--message', message])], {
    timeout: TIMEOUT_MS,
  }).catch(explain);
}

/** Calls back whenever a migration has changed; resolves when the watch ends, which it does every now and then. */
export async function watchMigrations(onChange: () => void): Promise<void> {
  const words = ['get', MIGRATIONS, '--all-namespaces', '--watch-only', '-o', 'name'];
  const child = spawn('kubectl', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const failed = once(child, 'error').then(([error]) => Promise.reject(error));
  await Promise.race([failed, readLines(child.stdout, onChange)]);
}

async function readLines(stream: Readable, onLine: () => void): Promise<void> {
  for await (const _line of createInterface(stream)) onLine();
}

/** What the size of an instance becomes; undefined where it stays as it is. */
export function sizesOf({ status }: Migration): { before: Size; after: Size } | undefined {
  if (status?.oldFlavor === undefined || status.newFlavor === undefined) return undefined;
  const before = sizeOf(status.oldFlavor);
  const after = sizeOf(status.newFlavor);
  return before.vcpus === after.vcpus && before.memoryKiB === after.memoryKiB ? undefined : { before, after };
}

function sizeOf({ vcpus, memory }: Flavor): Size {
  return { vcpus, memoryKiB: Math.ceil(bytesOf(String(memory)) / 1024) };
}

/** Statuses have amounts in canonical form: a whole number and a unit. */
function bytesOf(quantity: string): number {
  const [, digits = '', prefix = '', binary] = /^(\d+)([kKMGTPE]?)(i?)$/.exec(quantity) ?? [];
  if (digits === '') throw new Error(`${quantity} is no amount of memory such as 512Mi`);
  return Number(digits) * (binary === 'i' ? 1024 : 1000) ** ' KMGTPE'.indexOf(prefix.toUpperCase() || ' ');
}

async function read<Kind>(kind: string, { namespace, name }: Named): Promise<Kind | undefined> {
  const text = await kubectl('get', kind, '--namespace', namespace, name, '--ignore-not-found', '-o', 'json');
  return text.trim() === '' ? undefined : JSON.parse(text);
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

async function kubectl(...words: readonly string[]): Promise<string> {
  const options = { timeout: TIMEOUT_MS, maxBuffer: MAX_ANSWER_BYTES };
  const { stdout } = await run('kubectl', words, options).catch(explain);
  return stdout;
}
