/** One host's libvirt, by virsh. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { explain } from './explain.ts';
import type { Domain, Mark, Size } from './plan.ts';

const run = promisify(execFile);

export interface HostOptions {
  /** For `virsh -c`, here and, for live migrations, on this machine, too: virsh talks to both hosts. */
  readonly uri: string;
  /** For `virsh migrate --migrateuri` when an instance comes to this host. Absent: libvirt's default, the host's name and a port. */
  readonly migrateUri?: string;
  /** How long an instance may take to shut down before it is powered off. */
  readonly shutdownSeconds: number;
}

export interface Host {
  /** The instance as it is now; undefined: this host has none. Throws when the host cannot be asked. */
  look(uuid: string): Promise<Domain | undefined>;
  definition(uuid: string): Promise<string>;
  define(definition: string): Promise<void>;
  undefine(uuid: string): Promise<void>;
  mark(uuid: string, mark: Mark): Promise<void>;
  unmark(uuid: string): Promise<void>;
  resize(uuid: string, size: Size): Promise<void>;
  start(uuid: string): Promise<void>;
  /** Asks it to shut down, waits, and powers it off. */
  stop(uuid: string): Promise<void>;
  /** Resolves when it runs there and is gone here; a failure leaves it here. */
  migrateLive(uuid: string, to: HostOptions): Promise<void>;
  /** Ends a live migration from here. */
  abortJob(uuid: string): Promise<void>;
}

const MARK_URI = 'https://resourcetracker.dev/examples/executor';
const CALL_TIMEOUT_MS = 60_000;
const STOP_POLL_MS = 500;
/** virDomainState */
const SHUTOFF = 5;
const CRASHED = 6;
const PAUSED = 3;
/** virDomainPausedReason: of a migration, starting up, post-copy; virDomainRunningReason: post-copy. */
const PAUSED_IN_MOTION: readonly number[] = [2, 11, 12];
const RUNNING_IN_MOTION = 10;

/** A host that is asked anew for everything. */
export function createHost({ uri, shutdownSeconds }: HostOptions): Host {
  // Dead connections end: a live migration has no time-out of its own.
  const call = async (words: readonly string[], timeout = CALL_TIMEOUT_MS): Promise<string> => {
    const all = ['-q', '-k', '5', '-K', '5', '-c', uri, ...words];
    const { stdout } = await run('virsh', all, { timeout, env: { ...process.env, LC_ALL: 'C' } }).catch(explain);
    return stdout;
  };
  const virsh = async (...words: readonly string[]): Promise<void> => {
    await call(words);
  };
  const metadata = (uuid: string) => ['metadata', uuid, '--config', '--uri', MARK_URI, '--key', 'executor'];
  const definition = (uuid: string) => call(['dumpxml', '--inactive', '--security-info', uuid]);
  const look = async (uuid: string): Promise<Domain | undefined> => {
    const uuids = await call(['list', '--all', '--uuid']);
    if (!uuids.includes(uuid)) return undefined;
    const stats = await call(['domstats', '--state', '--balloon', '--vcpu', '--nowait', uuid]);
    return domainOf(stats, await definition(uuid));
  };
  return {
    look,
    definition,
    define: async (text) => {
      const folder = await mkdtemp(join(tmpdir(), 'executor-'));
      const file = join(folder, 'domain.xml');
      await writeFile(file, text, { mode: 0o600 });
      await virsh('define', file).finally(() => rm(folder, { recursive: true }));
    },
    undefine: (uuid) => virsh('undefine', '--keep-nvram', uuid),
    mark: (uuid, { uid, power }) => virsh(...metadata(uuid), '--set', `<move uid="${uid}" power="${power}"/>`),
    unmark: (uuid) => virsh(...metadata(uuid), '--remove'),
    resize: async (uuid, { vcpus, memoryKiB }) => {
      await virsh('setmaxmem', uuid, `${memoryKiB}KiB`, '--config');
      await virsh('setmem', uuid, `${memoryKiB}KiB`, '--config');
      await virsh('setvcpus', uuid, String(vcpus), '--config', '--maximum');
      await virsh('setvcpus', uuid, String(vcpus), '--config');
    },
    start: (uuid) => virsh('start', uuid),
    stop: async (uuid) => {
      const deadline = performance.now() + shutdownSeconds * 1000;
      if (shutdownSeconds > 0) await virsh('shutdown', uuid);
      while (performance.now() < deadline) {
        if ((await look(uuid))?.power !== 'on') return;
        await delay(STOP_POLL_MS);
      }
      await virsh('destroy', uuid).catch(async (error: unknown) => {
        if ((await look(uuid))?.power === 'on') throw error;
      });
    },
    migrateLive: async (uuid, to) => {
      const way = to.migrateUri === undefined ? [] : ['--migrateuri', to.migrateUri];
      await call(['migrate', '--live', '--persistent', '--undefinesource', ...way, uuid, to.uri], 0);
    },
    abortJob: (uuid) => virsh('domjobabort', uuid),
  };
}

function domainOf(stats: string, definition: string): Domain {
  const figure = (name: string): number => {
    const [, digits] = new RegExp(`^ *${name.replace('.', '[.]')}=(\\d+)$`, 'm').exec(stats) ?? [];
    if (digits === undefined) throw new Error(`virsh domstats tells no ${name}`);
    return Number(digits);
  };
  const [state, reason] = [figure('state.state'), figure('state.reason')];
  const mark = /<executor:move [^>]*uid=['"]([^'"]*)['"] power=['"](on|off)['"]/.exec(definition);
  return {
    power: state === SHUTOFF || state === CRASHED ? 'off' : 'on',
    inMotion: state === PAUSED ? PAUSED_IN_MOTION.includes(reason) : state === 1 && reason === RUNNING_IN_MOTION,
    size: { vcpus: figure('vcpu.maximum'), memoryKiB: figure('balloon.maximum') },
    ...(mark !== null && { mark: { uid: mark[1] ?? '', power: mark[2] === 'on' ? 'on' : 'off' } }),
  };
}
