/**
 * Keeps ComputeNode.status within its bound, and within what the schema allows, whatever a host reports and tenants invent: a status that
 * the API server refuses would end all decisions of the node. Lists are cut, sums never (ADR 0006). Pure.
 */
import type {
  ComputeNodeStatus,
  CpuInfo,
  NodeStats,
  NumaCell,
  Orphan,
  OrphanClaim,
  PciDevice,
  PciPool,
} from '../api/generated/v1alpha1.ts';
import { shortened } from '../api/shortened.ts';

/** What a status may have in all, as JSON. */
const MAX_STATUS_BYTES = 64 * 1024;
/** Of it, for `agent.deciding`, which is never cut: its names are bounded where they are decided. */
export const MAX_DECIDING_BYTES = 16 * 1024;
/** One entry of it, with all names at their limits. */
export const MAX_REF_BYTES = 512;
const MAX_ORPHANS_BYTES = 8 * 1024;
const MAX_POOLS_BYTES = 4 * 1024;
const MAX_FEATURES_BYTES = 4 * 1024;
const MAX_CELLS_BYTES = 4 * 1024;
const MAX_CUSTOM_BYTES = 2 * 1024;
const MAX_PROJECTS_BYTES = 3 * 1024;
const MAX_OS_TYPES_BYTES = 1024;
const MAX_TASK_STATES_BYTES = 1024;
/** What conditions and figures grow by from one write to the next must not move a device in or out of the list. */
const STEP_BYTES = 2 * 1024;

/** Limits of the schema. */
const MAX_NAME = 63;
const MAX_MODEL = 127;
const MAX_HOSTNAME = 253;
const MAX_INSTANCE_NAME = 255;
const MAX_ORPHAN_DEVICES = 64;
const MAX_OBJECT_NAME = 253;
const MAX_CPU_LIST = 4096;
const MAX_CELL_ID = 1023;
const MAX_CELLS = 128;
const MAX_POOLS = 256;
const MAX_TAGS = 16;
const MAX_PROJECTS = 2048;
const MAX_OS_TYPES = 256;
const MAX_TASK_STATES = 64;
const MAX_CUSTOM = 64;
/** No namespace has a capital letter. */
const OTHERS = 'Others';

/** The status with its lists cut where there is too much of them. `omitted` tells what the caller has left out already. */
export function bounded(status: ComputeNodeStatus): ComputeNodeStatus {
  const { pciPools, pciDevices = [], orphans, omitted: told, ...rest } = status;
  const cut = withoutAbsent({
    ...rest,
    hostname: cutTo(MAX_HOSTNAME, status.hostname),
    hypervisor:
      status.hypervisor &&
      withoutAbsent({
        type: cutTo(MAX_NAME, status.hypervisor.type),
        version: cutTo(MAX_NAME, status.hypervisor.version),
      }),
    cpuInfo: status.cpuInfo && boundedCpu(status.cpuInfo),
    numaCells: status.numaCells && boundedCells(status.numaCells),
    stats: status.stats && boundedStats(status.stats),
    pciPools: pciPools && largestPools(pciPools),
    orphans: orphans && fitting(orphans.map(boundedOrphan), MAX_ORPHANS_BYTES),
  });
  const devices = status.pciDevices && boundedDevices(pciDevices.map(boundedDevice), roomFor(cut));
  const omitted = withoutAbsent({
    pciPools: missing(pciPools, cut.pciPools),
    pciDevices: missing(pciDevices, devices),
    orphans: missing(orphans, cut.orphans),
    ...told,
    customStats: missing(namesOf(status.stats?.custom), namesOf(cut.stats?.custom)),
  });
  return {
    ...cut,
    ...(devices !== undefined && { pciDevices: devices }),
    ...(Object.keys(omitted).length > 0 && { omitted }),
  };
}

/** What the devices may have, next to all else. */
function roomFor({ agent, ...rest }: ComputeNodeStatus): number {
  const others = sizeOf({ ...rest, agent: { ...agent, deciding: [] } });
  const room = MAX_STATUS_BYTES - MAX_DECIDING_BYTES - others - sizeOf({ omitted: { pciDevices: 1_000_000 } });
  return Math.floor(room / STEP_BYTES) * STEP_BYTES;
}

/** All of them; else those of claims in brief; else without some of these; else without some others, too. Sorted by address. */
function boundedDevices(devices: readonly PciDevice[], room: number): readonly PciDevice[] {
  if (sizeOf(devices) <= room) return devices;
  const inBrief = devices.map(brief);
  const idle = inBrief.filter(({ claimUID }) => claimUID === undefined);
  const kept = new Set(fitting([...idle, ...inBrief.filter(({ claimUID }) => claimUID !== undefined)], room));
  return inBrief.filter((device) => kept.has(device));
}

/** The claim says the rest. */
function brief(device: PciDevice): PciDevice {
  const { address, state, claimUID } = device;
  return claimUID === undefined ? device : { address, ...(state !== undefined && { state }), claimUID };
}

function boundedDevice(device: PciDevice): PciDevice {
  const { numaNode, ...rest } = device;
  return numaNode === undefined || numaNode <= MAX_CELL_ID ? device : rest;
}

function boundedOrphan({ claim, ...orphan }: Orphan): Orphan {
  return {
    ...orphan,
    ...withoutAbsent({
      name: cutTo(MAX_INSTANCE_NAME, orphan.name),
      pciDevices: orphan.pciDevices?.slice(0, MAX_ORPHAN_DEVICES),
      claim: claim !== undefined && isObjectName(claim) ? claim : undefined,
    }),
  };
}

/** What is no name of any claim is not published: a part of it would be another name. */
function isObjectName({ namespace, name }: OrphanClaim): boolean {
  const isSound = namespace.isWellFormed() && name.isWellFormed();
  return isSound && namespace.length <= MAX_NAME && name.length <= MAX_OBJECT_NAME;
}

/** Small ones go first, in their order. */
function largestPools(pools: readonly PciPool[]): readonly PciPool[] {
  const sound = pools.map(boundedPool);
  const kept = new Set(
    fitting(
      sound.toSorted((one, other) => other.total - one.total),
      MAX_POOLS_BYTES,
      MAX_POOLS,
    ),
  );
  return sound.filter((pool) => kept.has(pool));
}

function boundedPool(pool: PciPool): PciPool {
  const { numaNode, physicalNetwork, tags, ...rest } = pool;
  return {
    ...rest,
    ...(numaNode !== undefined && numaNode <= MAX_CELL_ID && { numaNode }),
    ...(physicalNetwork !== undefined && { physicalNetwork: shortened(physicalNetwork, MAX_NAME) }),
    ...(tags !== undefined && {
      tags: tags
        .filter((tag) => tag !== '')
        .slice(0, MAX_TAGS)
        .map((tag) => shortened(tag, MAX_NAME)),
    }),
  };
}

function boundedCpu({ arch, model, vendor, features, ...rest }: CpuInfo): CpuInfo {
  const names = features?.filter((name) => name.length <= MAX_NAME && name.isWellFormed());
  return {
    ...rest,
    ...withoutAbsent({
      arch: cutTo(MAX_NAME, arch),
      model: cutTo(MAX_MODEL, model),
      vendor: cutTo(MAX_NAME, vendor),
      features: names && fitting([...new Set(names)], MAX_FEATURES_BYTES),
    }),
  };
}

/** Where the lists of CPUs are too long, cells are listed without them. */
function boundedCells(cells: readonly NumaCell[]): readonly NumaCell[] {
  const known = new Map(cells.filter(({ id }) => id <= MAX_CELL_ID).map((cell) => [cell.id, cell]));
  const kept = [...known.values()].slice(0, MAX_CELLS);
  const isSmall = kept.every(({ cpus = '' }) => cpus.length <= MAX_CPU_LIST) && sizeOf(kept) <= MAX_CELLS_BYTES;
  return isSmall ? kept : fitting(kept.map(withoutCpus), MAX_CELLS_BYTES);
}

function withoutCpus({ cpus: _cpus, ...cell }: NumaCell): NumaCell {
  return cell;
}

function namesOf(counts: Counts | undefined): readonly string[] {
  return Object.keys(counts ?? {});
}

function boundedStats({ byProject, byOSType, byTaskState, custom, ...rest }: NodeStats): NodeStats {
  return {
    ...rest,
    ...withoutAbsent({
      custom: custom && Object.fromEntries(fitting(Object.entries(custom), MAX_CUSTOM_BYTES, MAX_CUSTOM)),
      byProject: byProject && largestCounts(byProject, MAX_PROJECTS_BYTES, MAX_PROJECTS),
      byOSType: byOSType && largestCounts(byOSType, MAX_OS_TYPES_BYTES, MAX_OS_TYPES),
      byTaskState: byTaskState && largestCounts(byTaskState, MAX_TASK_STATES_BYTES, MAX_TASK_STATES),
    }),
  };
}

type Counts = Readonly<Record<string, number>>;

/** The largest ones, and all others in one. Their sum is as before. */
function largestCounts(counts: Counts, room: number, most: number): Counts {
  const entries = Object.entries(counts);
  if (entries.length <= most && sizeOf(counts) <= room && entries.every(([name]) => name.isWellFormed())) return counts;
  const sound = entries.filter(([name]) => name.isWellFormed() && name !== OTHERS);
  const kept = fitting(
    sound.toSorted(([, one], [, other]) => other - one),
    room - sizeOf({ [OTHERS]: Number.MAX_SAFE_INTEGER }),
    most - 1,
  );
  const others = sumOf(entries) - sumOf(kept);
  return Object.fromEntries([...kept, [OTHERS, others] as const].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function sumOf(entries: readonly (readonly [string, number])[]): number {
  return entries.reduce((sum, [, count]) => sum + count, 0);
}

/** As many of the first ones as there is room for. */
function fitting<T>(items: readonly T[], room: number, most = Number.POSITIVE_INFINITY): readonly T[] {
  let left = room;
  let count = 0;
  for (const item of items) {
    // A comma each, too.
    left -= sizeOf(item) + 1;
    if (left < 0 || count >= most) break;
    count += 1;
  }
  return count === items.length ? items : items.slice(0, count);
}

function missing(all: readonly unknown[] | undefined, listed: readonly unknown[] | undefined): number | undefined {
  const count = (all?.length ?? 0) - (listed?.length ?? 0);
  return count === 0 ? undefined : count;
}

const encoder = new TextEncoder();

/** Its size as JSON. */
export function sizeOf(value: unknown): number {
  return encoder.encode(JSON.stringify(value)).length;
}

function cutTo(most: number, text: string | undefined): string | undefined {
  return text === undefined ? undefined : shortened(text, most);
}

type Present<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

function withoutAbsent<T extends object>(of: T): Partial<Present<T>> {
  return Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined)) as Partial<Present<T>>;
}
