/** What the driver knows for as long as one connection lasts: readers with their caches, and the events that keep them right. */
import type { CpuCounters, DriverError, DriverEvent, HostReport, ReportProblem } from '../driver.ts';
import type { LibvirtLibrary } from './bindings.ts';
import { type ConnectionOptions, openConnection } from './connection.ts';
import { readCpuCounters } from './cpu.ts';
import { createDeviceReader, PCI_NAME_PREFIX } from './devices.ts';
import { type DiskFigures, type DiskSource, readDisk } from './disk.ts';
import { createHostReader } from './host.ts';
import { createInstanceReader } from './instances.ts';

export interface Session {
  /** Resolves, with the reason, when the hypervisor is gone. */
  readonly lost: Promise<DriverError>;
  cannotReport(): Promise<string | undefined>;
  audit(signal: AbortSignal | undefined): Promise<HostReport>;
  cpuCounters(): Promise<CpuCounters>;
  close(): Promise<void>;
}

export interface SessionOptions extends ConnectionOptions, DiskSource {
  readonly onEvent: (event: DriverEvent) => void;
  readonly log: (level: 'debug' | 'warn', message: string, fields?: Record<string, unknown>) => void;
}

/** More changed instances than this at once: the owner audits instead of being told of each. */
const MAX_PENDING_INSTANCES = 1024;
/** A PF that gets 64 VFs says so 64 times. */
const HOST_CHANGE_DELAY_MS = 100;

/**
 * Opens a connection and begins to listen.
 *
 * @throws DriverError Disconnected.
 */
export async function openSession(library: LibvirtLibrary, options: SessionOptions): Promise<Session> {
  const connection = await openConnection(library, options);
  const host = createHostReader(connection);
  const instances = createInstanceReader(connection);
  const devices = createDeviceReader(connection);
  const hostChange = createHostChangeNotice(options);
  const changed = createChangedInstances(options, instances.readOne, hostChange.announce);
  let lastDisk: DiskFigures | undefined;

  const disk = async (): Promise<{ figures: DiskFigures; problems: readonly ReportProblem[] }> => {
    try {
      lastDisk = await readDisk(connection, options);
      return { figures: lastDisk, problems: [] };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // A pool that is away for a moment must not make the host's disk vanish.
      const figures = lastDisk ?? { totalBytes: 0n, usedBytes: 0n };
      return { figures, problems: [{ subject: 'disk', message }] };
    }
  };
  const close = async (): Promise<void> => {
    hostChange.stop();
    changed.stop();
    await connection.close();
  };
  try {
    await connection.listen({
      domainEvent: (domain) => {
        const uuid = library.virDomainGetUUIDString(domain);
        if (uuid === null) return;
        instances.forget(uuid);
        changed.add(uuid);
      },
      nodeDeviceEvent: (device) => {
        if (library.virNodeDeviceGetName(device)?.startsWith(PCI_NAME_PREFIX) !== true) return;
        devices.forget();
        hostChange.announce();
      },
    });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    lost: connection.lost,
    close,
    cannotReport: () => host.cannotRead(),
    cpuCounters: () => readCpuCounters(connection),
    audit: async (signal) => {
      signal?.throwIfAborted();
      const hostReading = await host.read();
      signal?.throwIfAborted();
      const instanceReading = await instances.readAll(signal);
      signal?.throwIfAborted();
      const deviceReading = await devices.readAll();
      const diskReading = await disk();
      return {
        hostname: hostReading.hostname,
        hypervisor: hostReading.hypervisor,
        cpuInfo: hostReading.cpuInfo,
        numaCells: hostReading.numaCells,
        totals: {
          vcpus: hostReading.vcpus,
          memoryBytes: hostReading.memoryBytes,
          diskBytes: diskReading.figures.totalBytes,
        },
        used: {
          vcpus: instanceReading.vcpusUsed,
          ...(hostReading.memoryUsedBytes !== undefined && { memoryBytes: hostReading.memoryUsedBytes }),
          diskBytes: diskReading.figures.usedBytes,
        },
        instances: instanceReading.instances,
        ...(deviceReading.devices !== undefined && { devices: deviceReading.devices }),
        problems: [
          ...hostReading.problems,
          ...diskReading.problems,
          ...deviceReading.problems,
          ...instanceReading.problems,
        ],
      };
    },
  };
}

/** Tells `hostChanged` once for a burst of changes. */
function createHostChangeNotice(options: Pick<SessionOptions, 'onEvent'>) {
  let timer: NodeJS.Timeout | undefined;
  return {
    announce: (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        options.onEvent({ kind: 'hostChanged' });
      }, HOST_CHANGE_DELAY_MS);
    },
    stop: (): void => clearTimeout(timer),
  };
}

/** Looks at each changed instance, one after another, and tells what it is now. Several changes in a row are told as one. */
function createChangedInstances(
  options: Pick<SessionOptions, 'onEvent' | 'log'>,
  readOne: (uuid: string) => Promise<HostReport['instances'][number] | undefined>,
  announceHostChange: () => void,
) {
  const pending = new Set<string>();
  let working = false;
  let stopped = false;

  const look = async (uuid: string): Promise<void> => {
    try {
      const instance = await readOne(uuid);
      if (stopped) return;
      options.onEvent(instance === undefined ? { kind: 'instanceGone', uuid } : { kind: 'instanceChanged', instance });
    } catch (error) {
      if (stopped) return;
      options.log('warn', 'an instance changed and cannot be read', { uuid, error: String(error) });
      announceHostChange();
    }
  };
  const work = async (): Promise<void> => {
    working = true;
    for (const uuid of pending) {
      pending.delete(uuid);
      await look(uuid);
    }
    working = false;
  };
  return {
    add: (uuid: string): void => {
      if (stopped) return;
      if (pending.size >= MAX_PENDING_INSTANCES) {
        pending.clear();
        announceHostChange();
        return;
      }
      pending.add(uuid);
      if (!working) void work();
    },
    stop: (): void => {
      stopped = true;
      pending.clear();
    },
  };
}
