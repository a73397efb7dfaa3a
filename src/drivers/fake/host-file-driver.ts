/** A fake driver that follows a host file: what is edited is seen at once, and what is broken is said and left as it was. */
import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { type CpuCounters, type Driver, DriverError, type DriverOptions, type HostReport } from '../driver.ts';
import { type Overhead, overheadBytes } from '../overhead.ts';
import { createFakeHypervisor, type FakeState } from './fake-hypervisor.ts';
import { type HostFile, readHostFile } from './host-file.ts';

/** An editor writes a file in several steps. */
const SETTLE_MS = 50;

/**
 * A driver whose host is in this YAML file. The file is read again when it changes and before every audit. A broken edit does not
 * disconnect: a hypervisor that answers is not away. The last good host stays, and the report has a problem that says what to mend.
 */
export function createHostFileDriver(path: string, overhead: Overhead): Driver {
  let running: Follower | undefined;
  let stopped = false;
  const follower = (): Follower => {
    if (running === undefined || stopped) throw new DriverError('Disconnected', 'the fake hypervisor is not started');
    return running;
  };
  return {
    name: 'fake',
    start: async (options) => {
      if (running !== undefined || stopped) return;
      running = await follow(path, options);
      // Only now: whoever is told that it is connected may audit at once.
      running.listen();
    },
    cannotReport: async (signal) => follower().cannotReport(signal),
    audit: async (signal) => follower().audit(signal),
    cpuCounters: async (signal) => follower().cpuCounters(signal),
    overheadMemoryBytes: (size) => overheadBytes(overhead, size),
    stop: async () => {
      stopped = true;
      running?.stop();
    },
  };
}

interface Follower {
  listen(): void;
  cannotReport(signal: AbortSignal | undefined): Promise<string | undefined>;
  audit(signal: AbortSignal | undefined): Promise<HostReport>;
  cpuCounters(signal: AbortSignal | undefined): Promise<CpuCounters>;
  stop(): void;
}

async function follow(path: string, options: DriverOptions): Promise<Follower> {
  const first = await readFileState(path);
  if (first.kind === 'mistakes') throw new DriverError('InvalidConfiguration', first.mistakes.join('\n'));
  const hypervisor = createFakeHypervisor(first.state);
  let good = first.state;
  let complaint = '';

  const reread = async (): Promise<void> => {
    const file = await readFileState(path);
    if (file.kind === 'read') good = file.state;
    const now = file.kind === 'read' ? '' : file.mistakes.join('\n');
    if (now !== complaint && now !== '')
      options.log?.('error', 'the host file is broken, its last good state stays', { mistakes: now });
    complaint = now;
    hypervisor.become(withProblem(good, complaint));
  };
  const stopWatching = watchFile(path, options, () => {
    reread().catch((error: unknown) =>
      options.log?.('error', 'the host file cannot be followed', { error: String(error) }),
    );
  });
  return {
    listen: () => hypervisor.listen(options.onEvent),
    cannotReport: async (signal) => {
      await reread();
      return hypervisor.cannotReport(signal);
    },
    audit: async (signal) => {
      await reread();
      return hypervisor.audit(signal);
    },
    cpuCounters: async (signal) => {
      await reread();
      return hypervisor.cpuCounters(signal);
    },
    stop: () => {
      stopWatching();
      hypervisor.stop();
    },
  };
}

function withProblem({ host, faults }: FakeState, complaint: string): FakeState {
  if (complaint === '') return { host, faults };
  return { faults, host: { ...host, problems: [...host.problems, { subject: 'host', message: complaint }] } };
}

async function readFileState(path: string): Promise<HostFile> {
  try {
    return readHostFile(await readFile(path, 'utf8'), basename(path));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return { kind: 'mistakes', mistakes: [`${path}: cannot be read (${String(error.code)})`] };
  }
}

/** Watches the folder, as editors and ConfigMaps put a new file in the place of the old one. Without a watch audits still see changes. */
function watchFile(path: string, options: DriverOptions, onChange: () => void): () => void {
  let settling: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  const changed = (): void => {
    clearTimeout(settling);
    settling = setTimeout(onChange, SETTLE_MS);
  };
  const unwatched = (error: unknown): void =>
    options.log?.('warn', 'the host file cannot be watched, changes are seen by audits', { error: String(error) });
  try {
    watcher = watch(dirname(path), { persistent: false }, changed);
    watcher.on('error', unwatched);
  } catch (error) {
    unwatched(error);
  }
  return () => {
    clearTimeout(settling);
    watcher?.close();
  };
}
