/**
 * libvirt's C library as this driver sees it: its functions under their own names, with out parameters and structures turned into
 * values. What may wait for the hypervisor returns a promise, the rest only touches this process's memory.
 */
import { DriverError } from '../driver.ts';
import { UUID_STRING_BYTES } from './constants.ts';
import { declareCallbacks, declareFunctions, type Out, type Pointer } from './declarations.ts';
import {
  DOMAIN_INFO_BYTES,
  decodeDomainInfo,
  decodeErrorHead,
  decodeIntegers,
  decodeNodeInfo,
  decodeNodeStats,
  decodePointers,
  decodePoolInfo,
  decodeStatsRecord,
  ERROR_HEAD_BYTES,
  NODE_INFO_BYTES,
  NODE_STAT_BYTES,
  POOL_INFO_BYTES,
  STATS_RECORD_BYTES,
  TYPED_PARAMETER_BYTES,
} from './structs.ts';

/** An error as libvirt tells it; `code` is a virErrorNumber. */
export interface LibvirtFault {
  readonly code: number;
  readonly message: string;
}

/** One domain of a stats call. `domain` is only valid while the call's visitor runs. */
export interface DomainStatsRecord {
  readonly domain: Pointer;
  readonly values: ReadonlyMap<string, number>;
}

/** What a connection wants to hear. Objects are only valid while the listener runs. */
export interface ConnectionListener {
  /** `reason` is a virConnectCloseReason. */
  readonly closed: (reason: number) => void;
  readonly domainEvent: (domain: Pointer) => void;
  readonly nodeDeviceEvent: (device: Pointer) => void;
}

/** The library. As in C, null or a negative number is failure. */
export type LibvirtLibrary = Awaited<ReturnType<typeof bindLibvirt>>;

const LIBRARY = 'libvirt.so.0';
const MISSING = `${LIBRARY} not found: install the package libvirt0 (Debian, Ubuntu) or libvirt-libs (Fedora, RHEL)`;
/** libvirt is written for ordinary thread stacks, which koffi's default of 128 KiB is not. Untouched pages cost nothing. */
const ASYNC_STACK_BYTES = 1 << 20;
const MAX_NODE_STATS = 64;
const TIMER_OFF = -1;
/** -1 as a pointer. */
const MINUS_ONE = 2n ** 64n - 1n;

let loading: Promise<LibvirtLibrary> | undefined;

/**
 * Loads libvirt once per process.
 *
 * @throws DriverError InvalidConfiguration that names the package to install.
 */
export function loadLibvirt(): Promise<LibvirtLibrary> {
  loading ??= bindLibvirt();
  return loading;
}

async function bindLibvirt() {
  const koffi = await importKoffi();
  koffi.config({ async_stack_size: ASYNC_STACK_BYTES });
  const shared = loadSharedLibrary(koffi);
  const native = declareFunctions(shared);
  const callbacks = declareCallbacks(koffi);
  const memory = memoryAccess(koffi, native);
  return {
    ...native,
    ...listenerFunctions(native, callbacks),
    ...hostFunctions(native),
    ...domainFunctions(native, memory),
    ...nodeDeviceFunctions(native, memory),
    ...errorFunctions(native, callbacks, memory),
    /**
     * Adds a timer that does nothing but end the turn of the event loop in which it fires, and turns itself off. Its C callback is
     * `virEventUpdateTimeout(timer, -1)`, -1 being its opaque pointer: a callback in JavaScript could not run while the process exits.
     */
    addWakeTimer: (): number =>
      native.virEventAddTimeout(TIMER_OFF, shared.symbol('virEventUpdateTimeout') as Pointer, MINUS_ONE, null),
  };
}

type Koffi = typeof import('koffi');
type Native = ReturnType<typeof declareFunctions>;
type Callbacks = ReturnType<typeof declareCallbacks>;
type Memory = ReturnType<typeof memoryAccess>;

async function importKoffi(): Promise<Koffi> {
  try {
    return await import('koffi');
  } catch (cause) {
    throw new DriverError('InvalidConfiguration', 'koffi, which calls libvirt, has no build for this platform', {
      cause,
    });
  }
}

function loadSharedLibrary(koffi: Koffi) {
  try {
    return koffi.load(LIBRARY, { lazy: true });
  } catch (cause) {
    throw new DriverError('InvalidConfiguration', MISSING, { cause });
  }
}

function memoryAccess(koffi: Koffi, native: Native) {
  const copy = (address: Pointer, bytes: number): Buffer => {
    const buffer = Buffer.allocUnsafe(bytes);
    if (bytes > 0) native.memcpy(buffer, address, bytes);
    return buffer;
  };
  let scratch = Buffer.alloc(4096);
  /** Like copy, but into memory that the next peek overwrites: for what is decoded at once, thousands of times. */
  const peek = (address: Pointer, bytes: number): Buffer => {
    if (bytes > scratch.length) scratch = Buffer.alloc(bytes * 2);
    if (bytes > 0) native.memcpy(scratch, address, bytes);
    return scratch;
  };
  /** Runs a function that allocates an array, visits its elements and frees elements and array, whatever happens. */
  const consumeArray = async <Value>(
    call: (out: Out<Pointer | null>) => Promise<number>,
    visit: (element: Pointer) => Value | Promise<Value>,
    freeElement: (element: Pointer) => unknown,
  ): Promise<Value[] | null> => {
    const out: Out<Pointer | null> = [null];
    const count = await call(out);
    if (count < 0 || out[0] === null) return count < 0 ? null : [];
    const elements = decodePointers(copy(out[0], count * 8));
    try {
      const values: Value[] = [];
      for (const element of elements) values.push(await visit(element));
      return values;
    } finally {
      for (const element of elements) freeElement(element);
      koffi.free(out[0]);
    }
  };
  return { copy, peek, consumeArray, text: (address: Pointer): string => koffi.decode.string(address) };
}

/** Callbacks are process-wide and find their connection's listener here; without one they are ignored. */
function listenerFunctions(native: Native, callbacks: Callbacks) {
  const listeners = new Map<Pointer, ConnectionListener>();
  const closed = callbacks.connectionClosed((connection, reason) => listeners.get(connection)?.closed(reason));
  const domainEvent = callbacks.objectEvent((connection, domain) => listeners.get(connection)?.domainEvent(domain));
  const nodeDeviceEvent = callbacks.objectEvent((connection, device) =>
    listeners.get(connection)?.nodeDeviceEvent(device),
  );
  return {
    listeners,
    virConnectRegisterCloseCallback: (connection: Pointer) =>
      native.virConnectRegisterCloseCallback(connection, closed, null, null),
    virConnectUnregisterCloseCallback: (connection: Pointer) =>
      native.virConnectUnregisterCloseCallback(connection, closed),
    virConnectDomainEventRegisterAny: (connection: Pointer, eventId: number) =>
      native.virConnectDomainEventRegisterAny(connection, null, eventId, domainEvent, null, null),
    virConnectNodeDeviceEventRegisterAny: (connection: Pointer, eventId: number) =>
      native.virConnectNodeDeviceEventRegisterAny(connection, null, eventId, nodeDeviceEvent, null, null),
  };
}

function hostFunctions(native: Native) {
  return {
    /** 1,000,000 x major + 1,000 x minor + release. */
    virConnectGetVersion: async (connection: Pointer): Promise<number | null> => {
      const version: Out<number | bigint> = [0];
      return (await native.virConnectGetVersion(connection, version)) < 0 ? null : Number(version[0]);
    },
    virNodeGetInfo: async (connection: Pointer) => {
      const info = Buffer.alloc(NODE_INFO_BYTES);
      return (await native.virNodeGetInfo(connection, info)) < 0 ? null : decodeNodeInfo(info);
    },
    virNodeGetMemoryStats: (connection: Pointer, cell: number) =>
      nodeStats((stats, count) => native.virNodeGetMemoryStats(connection, cell, stats, count, 0)),
    virNodeGetCPUStats: (connection: Pointer, cpu: number) =>
      nodeStats((stats, count) => native.virNodeGetCPUStats(connection, cpu, stats, count, 0)),
    /** Bytes; zero on failure. */
    virNodeGetFreeMemory: async (connection: Pointer): Promise<bigint> =>
      BigInt(await native.virNodeGetFreeMemory(connection)),
    virStoragePoolGetInfo: async (pool: Pointer) => {
      const info = Buffer.alloc(POOL_INFO_BYTES);
      return (await native.virStoragePoolGetInfo(pool, info)) < 0 ? null : decodePoolInfo(info);
    },
  };
}

/** Asked twice, as libvirt wants to be: how many figures, then the figures. */
async function nodeStats(ask: (stats: Buffer | null, count: Out<number>) => Promise<number>) {
  const count: Out<number> = [0];
  if ((await ask(null, count)) < 0) return null;
  const size = Math.min(count[0], MAX_NODE_STATS);
  const stats = Buffer.alloc(size * NODE_STAT_BYTES);
  count[0] = size;
  if ((await ask(stats, count)) < 0) return null;
  return decodeNodeStats(stats, Math.min(count[0], size));
}

function domainFunctions(native: Native, memory: Memory) {
  const uuidBuffer = Buffer.alloc(UUID_STRING_BYTES);
  /** The records hold references to their domains: they are freed once visited. */
  const visitRecords = <Value>(
    count: number,
    records: Pointer | null,
    visit: (record: DomainStatsRecord) => Value,
  ): Value[] | null => {
    if (count < 0) return null;
    if (records === null) return [];
    try {
      return decodePointers(memory.copy(records, count * 8)).map((address) => {
        const { domain, parameters, count: size } = decodeStatsRecord(memory.peek(address, STATS_RECORD_BYTES));
        return visit({ domain, values: decodeIntegers(memory.peek(parameters, size * TYPED_PARAMETER_BYTES), size) });
      });
    } finally {
      native.virDomainStatsRecordListFree(records);
    }
  };
  return {
    virConnectGetAllDomainStats: async <Value>(
      connection: Pointer,
      stats: number,
      visit: (record: DomainStatsRecord) => Value,
    ) => {
      const out: Out<Pointer | null> = [null];
      const count = await native.virConnectGetAllDomainStats(connection, stats, out, 0);
      return visitRecords(count, out[0], visit);
    },
    virDomainListGetStats: async <Value>(
      domains: readonly Pointer[],
      stats: number,
      visit: (record: DomainStatsRecord) => Value,
    ) => {
      const out: Out<Pointer | null> = [null];
      const count = await native.virDomainListGetStats(BigUint64Array.from([...domains, 0n]), stats, out, 0);
      return visitRecords(count, out[0], visit);
    },
    virConnectListAllDomains: <Value>(
      connection: Pointer,
      flags: number,
      visit: (domain: Pointer) => Value | Promise<Value>,
    ) =>
      memory.consumeArray(
        (out) => native.virConnectListAllDomains(connection, out, flags),
        visit,
        native.virDomainFree,
      ),
    virDomainGetInfo: async (domain: Pointer) => {
      const info = Buffer.alloc(DOMAIN_INFO_BYTES);
      return (await native.virDomainGetInfo(domain, info)) < 0 ? null : decodeDomainInfo(info);
    },
    /** Lower case. Local: the domain's object carries it. */
    virDomainGetUUIDString: (domain: Pointer): string | null => {
      return native.virDomainGetUUIDString(domain, uuidBuffer) < 0
        ? null
        : uuidBuffer.toString('latin1', 0, UUID_STRING_BYTES - 1);
    },
  };
}

function nodeDeviceFunctions(native: Native, memory: Memory) {
  return {
    virConnectListAllNodeDevices: <Value>(
      connection: Pointer,
      flags: number,
      visit: (device: Pointer) => Value | Promise<Value>,
    ) =>
      memory.consumeArray(
        (out) => native.virConnectListAllNodeDevices(connection, out, flags),
        visit,
        native.virNodeDeviceFree,
      ),
  };
}

function errorFunctions(native: Native, callbacks: Callbacks, memory: Memory) {
  const read = (address: Pointer): LibvirtFault => {
    const { code, message } = decodeErrorHead(memory.copy(address, ERROR_HEAD_BYTES));
    return { code, message: message === 0n ? 'unknown error' : memory.text(message) };
  };
  return {
    /** The error of this connection's last failed call. libvirt's other errors are per thread, which means nothing here. */
    virConnGetLastError: (connection: Pointer): LibvirtFault | null => {
      const address = native.virConnGetLastError(connection);
      return address === null ? null : read(address);
    },
    /** Receives every error of the process; without it libvirt prints them to stderr. Call once. */
    virSetErrorFunc: (handler: (fault: LibvirtFault) => void): void =>
      native.virSetErrorFunc(
        null,
        callbacks.errorRaised((_opaque, error) => handler(read(error))),
      ),
  };
}
