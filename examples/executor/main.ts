/**
 * An executor: moves the instances of Migrations between libvirt hosts, and reports how it goes. It keeps nothing on disk: whatever it
 * finds when it is started, it goes on with.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { listMigrations, type Migration, watchMigrations } from './cluster.ts';
import { createHost } from './host.ts';
import { Move, type Node, progressOf, type World } from './move.ts';

const USAGE = `usage: main.ts [--shutdown-seconds N] [--interval-seconds N] [--report-with COMMAND] NODE=URI[,MIGRATEURI] ...`;
/** At once; the others have their turn later. */
const MAX_BUSY = 8;
/** In these phases it looks again and again, as what it waits for is not told by the migration. */
const RESTLESS: ReadonlySet<string> = new Set(['PreMigrating', 'Migrating']);

const { values, positionals } = readArguments();
const nodes = new Map(positionals.map(readNode));
if (nodes.size === 0) quit('name the nodes whose instances it may move');
const world: World = { nodes, reportWith: values['report-with'].split(' ') };
const intervalMs = secondsOf('interval-seconds') * 1000;

const moves = new Map<string, Move>();
/** Where there is nothing to do: how far the migration was, by UID. Only a change of that gives reason to look at its hosts again. */
const quiet = new Map<string, string>();
let ring: () => void = () => undefined;

void watchForever();
for (;;) {
  const rung = new Promise<void>((resolve) => {
    ring = resolve;
  });
  await round().catch((error: unknown) => complain('cannot list migrations', error));
  await Promise.race([rung, delay(intervalMs)]);
}

/** Looks at all migrations, oldest first, and goes on with each that something can be done for. */
async function round(): Promise<void> {
  const listed = new Map((await listMigrations()).map((migration) => [migration.metadata.uid, migration]));
  for (const uid of quiet.keys()) if (!listed.has(uid)) quiet.delete(uid);
  for (const [uid, migration] of listed) {
    if (isOurs(migration) && !isQuiet(migration) && !moves.has(uid)) moves.set(uid, new Move(migration, world));
  }
  for (const move of moves.values()) {
    if (move.isBusy) await move.notice(listed.get(move.uid));
    else if (mayBegin(move)) void carryOn(move);
  }
}

function mayBegin({ claim }: Move): boolean {
  const busy = [...moves.values()].filter(({ isBusy }) => isBusy);
  return busy.length < MAX_BUSY && busy.every((other) => other.claim !== claim);
}

async function carryOn(move: Move): Promise<void> {
  try {
    const migration = await move.carryOn();
    if (migration !== undefined && RESTLESS.has(progressOf(migration).phase ?? '')) return;
    moves.delete(move.uid);
    if (migration !== undefined) quiet.set(move.uid, stageOf(migration));
    // Another may have waited for it.
    ring();
  } catch (error) {
    complain(move.claim, error);
  }
}

function isQuiet(migration: Migration): boolean {
  return quiet.get(migration.metadata.uid) === stageOf(migration);
}

function stageOf(migration: Migration): string {
  const { phase, decision } = progressOf(migration);
  return `${phase} ${decision}`;
}

/** Who is to evacuate an instance must first make sure that its host is dead, which takes more than virsh. */
function isOurs({ spec, status }: Migration): boolean {
  const { sourceNodeName = '', phase } = status ?? {};
  if (spec.type === 'Evacuation' || phase === 'Rejected') return false;
  return nodes.has(sourceNodeName) && nodes.has(spec.targetNodeName);
}

async function watchForever(): Promise<never> {
  for (;;) {
    await watchMigrations(() => ring()).catch((error: unknown) => complain('cannot watch migrations', error));
    await delay(intervalMs);
  }
}

function readNode(word: string): [string, Node] {
  const [, name = '', uri = '', migrateUri] = /^([^=]+)=([^,]+)(?:,(.+))?$/.exec(word) ?? [];
  if (name === '') quit(`"${word}" is not NODE=URI, for example worker-1=qemu+ssh://root@worker-1/system`);
  const shutdownSeconds = secondsOf('shutdown-seconds');
  const options = { uri, shutdownSeconds, ...(migrateUri !== undefined && { migrateUri }) };
  return [name, { host: createHost(options), options }];
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        'shutdown-seconds': { type: 'string', default: '60' },
        'interval-seconds': { type: 'string', default: '10' },
        'report-with': { type: 'string', default: 'resource-tracker' },
      },
    });
  } catch (error) {
    return quit(error instanceof Error ? error.message : String(error));
  }
}

function secondsOf(option: 'shutdown-seconds' | 'interval-seconds'): number {
  const text = values[option];
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : quit(`--${option} ${text} is no number of seconds, such as 10`);
}

function complain(what: string, error: unknown): void {
  console.error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
}

function quit(why: string): never {
  console.error(`${why}\n${USAGE}`);
  process.exit(2);
}
