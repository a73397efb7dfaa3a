/** The host's domains as reported instances. XML is read once per domain and again only when something happened to it. */
import type { DriverError, ReportedInstance, ReportProblem } from '../driver.ts';
import type { LibvirtLibrary } from './bindings.ts';
import type { Connection } from './connection.ts';
import { DomainState, DomainStats, ErrorNumber, ListDomains, ShutoffReason } from './constants.ts';
import type { Pointer } from './declarations.ts';
import { type DomainFacts, parseDomainXml } from './domain-xml.ts';
import { taskStateOf, vmStateOf } from './vm-state.ts';

export interface InstanceReading {
  /** Sorted by uuid. */
  readonly instances: readonly ReportedInstance[];
  readonly problems: readonly ReportProblem[];
  /** vCPUs that are online now in all guests that run. */
  readonly vcpusUsed: bigint;
}

export interface InstanceReader {
  /** All domains: one stats call, XML of those that are new or changed, and of a few others in turn. */
  readAll(signal: AbortSignal | undefined): Promise<InstanceReading>;
  /** One domain as it is now, always with fresh XML; undefined when there is none of this uuid. */
  readOne(uuid: string): Promise<ReportedInstance | undefined>;
  /** Something happened to this domain: its XML is read anew. */
  forget(uuid: string): void;
}

interface DomainStatus {
  readonly uuid: string;
  readonly state: number;
  readonly reason: number;
}

interface CachedFacts {
  facts?: DomainFacts;
}

/**
 * Some changes of a stopped domain's definition have no event (a device attached with `--config`), and an event can be lost. Each audit
 * therefore re-reads the XML that was read longest ago: 500 domains in a working day of audits, one a minute.
 */
const REFRESHED_PER_AUDIT = 1;

/** Reads the domains of one connection. */
export function createInstanceReader(connection: Connection): InstanceReader {
  /** In the order in which they were read, the oldest first. */
  const cache = new Map<string, CachedFacts>();

  const readFacts = async (uuid: string): Promise<DomainFacts | undefined> => {
    // An event that comes while the XML is under way takes this entry out, so that what is then stale is not kept.
    const entry: CachedFacts = {};
    cache.delete(uuid);
    cache.set(uuid, entry);
    const facts = await readXml(connection, uuid);
    if (facts === undefined) cache.delete(uuid);
    else entry.facts = facts;
    return facts;
  };
  const forgetTheGone = (present: ReadonlySet<string>): void => {
    for (const uuid of cache.keys()) if (!present.has(uuid)) cache.delete(uuid);
  };
  const forgetTheOldest = (): void => {
    for (const uuid of [...cache.keys()].slice(0, REFRESHED_PER_AUDIT)) cache.delete(uuid);
  };
  return {
    forget: (uuid) => {
      cache.delete(uuid);
    },
    readAll: async (signal) => {
      const statuses = await readStatuses(connection);
      const saved = await readManagedSaves(connection, statuses);
      forgetTheGone(new Set(statuses.map(({ uuid }) => uuid)));
      forgetTheOldest();
      const readings: Reading[] = [];
      for (const status of statuses) {
        signal?.throwIfAborted();
        const facts = cache.get(status.uuid)?.facts ?? (await readFacts(status.uuid));
        if (facts !== undefined) readings.push(toInstance(status, facts, saved.has(status.uuid)));
      }
      return summarize(readings);
    },
    readOne: async (uuid) => {
      cache.delete(uuid);
      const status = await readStatus(connection, uuid);
      if (status === undefined) return undefined;
      const saved = await readManagedSaves(connection, [status]);
      const facts = await readFacts(uuid);
      return facts === undefined ? undefined : toInstance(status, facts, saved.has(uuid)).instance;
    },
  };
}

interface Reading {
  readonly instance: ReportedInstance;
  readonly problems: readonly ReportProblem[];
  readonly vcpusOnline: bigint;
}

function summarize(readings: readonly Reading[]): InstanceReading {
  const sorted = readings.toSorted((one, other) => (one.instance.uuid < other.instance.uuid ? -1 : 1));
  return {
    instances: sorted.map(({ instance }) => instance),
    problems: sorted.flatMap(({ problems }) => problems),
    vcpusUsed: sorted.reduce((sum, { vcpusOnline }) => sum + vcpusOnline, 0n),
  };
}

function toInstance(status: DomainStatus, facts: DomainFacts, managedSave: boolean): Reading {
  const { name = status.uuid, vcpus = 0n } = facts;
  const taskState = taskStateOf(status.state, status.reason);
  const isOn = status.state !== DomainState.Shutoff && status.state !== DomainState.Crashed;
  return {
    instance: {
      uuid: status.uuid,
      name,
      vmState: vmStateOf(status.state, status.reason, managedSave),
      ...(taskState !== undefined && { taskState }),
      vcpus,
      memoryBytes: facts.memoryBytes ?? 0n,
      devices: facts.devices,
      ...(facts.osType !== undefined && { osType: facts.osType }),
      ...(facts.claim !== undefined && { claim: facts.claim }),
    },
    problems: facts.problems.map((message) => ({ subject: `instance ${name}`, message })),
    vcpusOnline: isOn ? (facts.currentVcpus ?? vcpus) : 0n,
  };
}

/**
 * State only: balloon and vCPU figures of a running guest come from its own monitor, so one guest that hangs would hold up the call for
 * the whole host. The maxima, which count here, are in the XML.
 */
function readStatuses(connection: Connection): Promise<readonly DomainStatus[]> {
  return connection.run('list instances', async (library, pointer) => {
    const statuses = await library.virConnectGetAllDomainStats(pointer, DomainStats.State, (record) =>
      statusOf(library, record.domain, record.values),
    );
    if (statuses === null) throw connection.failed('list instances');
    return statuses.filter((status) => status !== undefined);
  });
}

function readStatus(connection: Connection, uuid: string): Promise<DomainStatus | undefined> {
  return withDomain(connection, uuid, async (library, domain) => {
    const statuses = await library.virDomainListGetStats([domain], DomainStats.State, (record) =>
      statusOf(library, record.domain, record.values),
    );
    if (statuses === null) throw connection.failed(`read state of ${uuid}`);
    return statuses[0];
  });
}

function statusOf(
  library: LibvirtLibrary,
  domain: Pointer,
  values: ReadonlyMap<string, number>,
): DomainStatus | undefined {
  const uuid = library.virDomainGetUUIDString(domain);
  if (uuid === null) return undefined;
  return {
    uuid,
    state: values.get('state.state') ?? DomainState.NoState,
    reason: values.get('state.reason') ?? 0,
  };
}

/** Only asked for when a stopped domain does not say why: libvirtd forgets that reason when it restarts. */
async function readManagedSaves(
  connection: Connection,
  statuses: readonly DomainStatus[],
): Promise<ReadonlySet<string>> {
  const isUnclear = ({ state, reason }: DomainStatus) =>
    state === DomainState.Shutoff && reason === ShutoffReason.Unknown;
  if (!statuses.some(isUnclear)) return new Set();
  return connection.run('list saved instances', async (library, pointer) => {
    const uuids = await library.virConnectListAllDomains(pointer, ListDomains.ManagedSave, (domain) =>
      library.virDomainGetUUIDString(domain),
    );
    if (uuids === null) throw connection.failed('list saved instances');
    return new Set(uuids.filter((uuid) => uuid !== null));
  });
}

/** Facts of one domain; undefined when it is gone. One that libvirt cannot describe is a problem of that one domain. */
function readXml(connection: Connection, uuid: string): Promise<DomainFacts | undefined> {
  return withDomain(connection, uuid, async (library, domain) => {
    const xml = await library.virDomainGetXMLDesc(domain, 0);
    if (xml !== null) return fillGaps(library, domain, parseDomainXml(xml));
    const error = connection.failed('its XML cannot be read');
    return isNoDomain(error) ? undefined : fillGaps(library, domain, { devices: [], problems: [error.message] });
  });
}

/** What the XML does not say, libvirt's own figures do: an instance that cannot be understood still holds what it holds. */
async function fillGaps(library: LibvirtLibrary, domain: Pointer, facts: DomainFacts): Promise<DomainFacts> {
  if (facts.name !== undefined && facts.memoryBytes !== undefined && facts.vcpus !== undefined) return facts;
  const name = library.virDomainGetName(domain);
  const info = await library.virDomainGetInfo(domain);
  return {
    ...(name !== null && { name }),
    ...(info !== null && { vcpus: BigInt(info.vcpus), memoryBytes: info.maxMemoryKiB * 1024n }),
    ...facts,
  };
}

function withDomain<Value>(
  connection: Connection,
  uuid: string,
  work: (library: LibvirtLibrary, domain: Pointer) => Promise<Value | undefined>,
): Promise<Value | undefined> {
  return connection.run(`read instance ${uuid}`, async (library, pointer) => {
    const domain = await library.virDomainLookupByUUIDString(pointer, uuid);
    if (domain === null) {
      const error = connection.failed(`find instance ${uuid}`);
      if (isNoDomain(error)) return undefined;
      throw error;
    }
    try {
      return await work(library, domain);
    } finally {
      library.virDomainFree(domain);
    }
  });
}

function isNoDomain(error: DriverError): boolean {
  const { cause } = error;
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === ErrorNumber.NoDomain;
}
