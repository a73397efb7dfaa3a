/** The host itself: CPUs, memory, NUMA cells and who the hypervisor is. What hardly changes is read once and again when it did. */
import { type CpuInfo, DriverError, type HostReport, type NumaCell, type ReportProblem } from '../driver.ts';
import type { LibvirtLibrary } from './bindings.ts';
import { type HostCapabilities, parseCapabilitiesXml } from './capabilities-xml.ts';
import type { Connection } from './connection.ts';
import { ALL_CELLS } from './constants.ts';
import type { Pointer } from './declarations.ts';
import type { NodeInfo } from './structs.ts';

export interface HostReading {
  readonly hostname: string;
  readonly hypervisor: HostReport['hypervisor'];
  readonly cpuInfo: CpuInfo;
  readonly numaCells: readonly NumaCell[];
  readonly vcpus: bigint;
  readonly memoryBytes: bigint;
  /** Absent where the hypervisor does not say. */
  readonly memoryUsedBytes?: bigint;
  readonly problems: readonly ReportProblem[];
}

export interface HostReader {
  /** Why this hypervisor has no figures of its host; undefined when it has. What can be told once is not asked again. */
  cannotRead(): Promise<string | undefined>;
  /** @throws DriverError when memory or CPUs cannot be read: a report without them would be wrong, not incomplete. */
  read(): Promise<HostReading>;
}

interface Identity {
  readonly hostname: string;
  readonly hypervisor: HostReport['hypervisor'];
  readonly capabilities: HostCapabilities;
}

/** Reads the host of one connection. */
export function createHostReader(connection: Connection): HostReader {
  let identity: Identity | undefined;
  /** CPUs or memory that came or went: the capabilities are out of date. */
  let readWith = '';
  const memoryUsed = createMemoryMeter(connection);

  const readInfo = (): Promise<NodeInfo> =>
    connection.run('read host', async (library, pointer) => {
      const answer = await library.virNodeGetInfo(pointer);
      if (answer === null) throw connection.failed('read host');
      return answer;
    });
  return {
    cannotRead: async () => {
      if (identity !== undefined) return undefined;
      try {
        await readInfo();
        return undefined;
      } catch (error) {
        if (error instanceof DriverError && error.code === 'Unsupported') return error.message;
        throw error;
      }
    },
    read: async () => {
      const info = await readInfo();
      const hardware = `${info.cpus}/${info.memoryKiB}`;
      if (identity === undefined || hardware !== readWith) identity = await readIdentity(connection);
      readWith = hardware;
      const memoryBytes = info.memoryKiB * 1024n;
      const memoryUsedBytes = await memoryUsed(memoryBytes);
      return {
        hostname: identity.hostname,
        hypervisor: identity.hypervisor,
        cpuInfo: cpuInfoOf(identity.capabilities, info),
        numaCells: identity.capabilities.numaCells,
        vcpus: BigInt(info.cpus),
        memoryBytes,
        ...(memoryUsedBytes !== undefined && { memoryUsedBytes }),
        problems: identity.capabilities.problems.map((message) => ({ subject: 'host', message })),
      };
    },
  };
}

function readIdentity(connection: Connection): Promise<Identity> {
  return connection.run('read capabilities', async (library, pointer) => {
    const need = <Value>(value: Value | null, what: string): Value => {
      if (value === null) throw connection.failed(`read ${what}`);
      return value;
    };
    const hostname = need(await library.virConnectGetHostname(pointer), 'hostname');
    const type = need(await library.virConnectGetType(pointer), 'type of hypervisor');
    const version = need(await library.virConnectGetVersion(pointer), 'version of hypervisor');
    const xml = await library.virConnectGetCapabilities(pointer);
    const capabilities =
      xml === null
        ? { features: [], numaCells: [], problems: [connection.failed('read capabilities').message] }
        : parseCapabilitiesXml(xml);
    return { hostname, hypervisor: { type, version: formatVersion(version) }, capabilities };
  });
}

/** 1,000,000 x major + 1,000 x minor + release. */
function formatVersion(version: number): string {
  return [Math.trunc(version / 1_000_000), Math.trunc(version / 1_000) % 1_000, version % 1_000].join('.');
}

function cpuInfoOf(capabilities: HostCapabilities, info: NodeInfo): CpuInfo {
  const arch = capabilities.arch ?? info.model;
  // Node information repeats the architecture as model, but for the test driver, which can be given one.
  const model = capabilities.model ?? (info.model === '' || info.model === arch ? undefined : info.model);
  const perCell = capabilities.topology ?? { sockets: info.sockets, cores: info.cores, threads: info.threads };
  return {
    arch,
    ...(model !== undefined && { model }),
    ...(capabilities.vendor !== undefined && { vendor: capabilities.vendor }),
    topology: { ...perCell, sockets: perCell.sockets * Math.max(1, info.nodes) },
    features: capabilities.features,
  };
}

/** Page cache and buffers are not used memory; where only free memory is known, they are. What is refused once is not asked for again. */
function createMemoryMeter(connection: Connection): (totalBytes: bigint) => Promise<bigint | undefined> {
  let supported: 'stats' | 'free' | 'none' = 'stats';
  return async (totalBytes) => {
    if (supported === 'none') return undefined;
    const [source, used] = await connection.run('read used memory', async (library, pointer) => {
      const fromStats = supported === 'stats' ? await usedByStats(library, pointer) : undefined;
      if (fromStats !== undefined) return ['stats' as const, fromStats];
      const freeBytes = await library.virNodeGetFreeMemory(pointer);
      return freeBytes === 0n ? ['none' as const, undefined] : ['free' as const, totalBytes - freeBytes];
    });
    supported = source;
    return used;
  };
}

async function usedByStats(library: LibvirtLibrary, pointer: Pointer): Promise<bigint | undefined> {
  const stats = await library.virNodeGetMemoryStats(pointer, ALL_CELLS);
  const total = stats?.get('total');
  const free = stats?.get('free');
  if (total === undefined || free === undefined) return undefined;
  const reclaimable = (stats?.get('buffers') ?? 0n) + (stats?.get('cached') ?? 0n);
  return (total - free - reclaimable) * 1024n;
}
