/** One open connection to libvirt: its calls, one after another and bounded in time, its events, and its end. */
import { DriverError } from '../driver.ts';
import type { ConnectionListener, LibvirtLibrary } from './bindings.ts';
import { createCallQueue } from './call-queue.ts';
import { CLOSE_REASONS, DomainEventId, ErrorNumber, NodeDeviceEventId } from './constants.ts';
import type { Pointer } from './declarations.ts';
import { sharedEventLoop } from './event-loop.ts';

export interface ConnectionOptions {
  readonly uri: string;
  readonly callTimeoutMs: number;
}

export interface Connection {
  /** Resolves, with the reason, when the connection cannot be used any more. */
  readonly lost: Promise<DriverError>;
  /** Runs calls as one step that is bounded in time. Give back what libvirt allocated before it resolves: its result may be dropped. */
  run<Value>(what: string, work: (library: LibvirtLibrary, pointer: Pointer) => Promise<Value>): Promise<Value>;
  /** The error of the call that has just failed, to be thrown inside `run`. */
  failed(what: string): DriverError;
  /** Begins to hear events. Those that this hypervisor does not have are left out. */
  listen(events: Omit<ConnectionListener, 'closed'>): Promise<void>;
  /** Gives everything back. Resolves when libvirt has let go, or after a bounded wait when a call hangs (the rest follows once it returns). */
  close(): Promise<void>;
}

/** libvirt's own probes on sockets: a daemon that says nothing to three of them, five seconds apart, is given up. */
const KEEPALIVE_INTERVAL_SECONDS = 5;
const KEEPALIVE_COUNT = 3;
const CLOSE_WAIT_MS = 2_000;
/** Numbers with which libvirt says that a call is not for this hypervisor. */
const UNSUPPORTED: readonly number[] = [ErrorNumber.NoSupport, ErrorNumber.ArgumentUnsupported];

/** Every error of the process arrives here; only failures to open need it, as they have no connection to ask. */
let lastError = '';
let listeningForErrors = false;

/**
 * Opens a connection. It reads only, so it asks for no more. Waits as long as libvirt does: given up early, a half-open connection
 * would be closed by nobody.
 *
 * @throws DriverError Disconnected with libvirt's own words.
 */
export async function openConnection(library: LibvirtLibrary, options: ConnectionOptions): Promise<Connection> {
  listenForErrors(library);
  const loop = sharedEventLoop(library);
  loop.acquire();
  lastError = '';
  const pointer = await library.virConnectOpenReadOnly(options.uri);
  if (pointer === null) {
    const reason = lastError || 'no reason given';
    await loop.release();
    throw new DriverError('Disconnected', `cannot connect to ${options.uri}: ${reason}`);
  }
  return createConnection(library, pointer, options.callTimeoutMs, () => loop.release());
}

function listenForErrors(library: LibvirtLibrary): void {
  if (listeningForErrors) return;
  listeningForErrors = true;
  library.virSetErrorFunc((fault) => {
    lastError = fault.message;
  });
}

function createConnection(
  library: LibvirtLibrary,
  pointer: Pointer,
  callTimeoutMs: number,
  releaseLoop: () => Promise<void>,
): Connection {
  const { promise: lost, resolve: lose } = Promise.withResolvers<DriverError>();
  const queue = createCallQueue(callTimeoutMs, lose);
  let stopListening = async (): Promise<void> => {};
  let closed: Promise<void> | undefined;

  const end = (error: DriverError): void => {
    queue.close(error);
    lose(error);
  };
  const failed = (what: string): DriverError => {
    const fault = library.virConnGetLastError(pointer);
    const message = `${what}: ${fault?.message ?? 'failed without a reason'}`;
    const code = fault !== null && UNSUPPORTED.includes(fault.code) ? 'Unsupported' : 'CallFailed';
    return new DriverError(code, message, { cause: fault });
  };
  /** A call can fail before libvirt's close notice has come: the same failure must not look like one of the call's. */
  const unlessGone = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DriverError) || (await library.virConnectIsAlive(pointer)) === 1) throw error;
      const gone = new DriverError('Disconnected', error.message, { cause: error });
      end(gone);
      throw gone;
    }
  };
  const tearDown = async (): Promise<void> => {
    await queue.idle();
    await stopListening();
    library.listeners.delete(pointer);
    await library.virConnectClose(pointer);
    await releaseLoop();
  };
  return {
    lost,
    failed,
    run: (what, work) => queue.run(what, () => unlessGone(() => work(library, pointer))),
    listen: async (events) => {
      const closedNotice = (reason: number) =>
        end(new DriverError('Disconnected', CLOSE_REASONS[reason] ?? 'the connection was lost'));
      library.listeners.set(pointer, { ...events, closed: closedNotice });
      stopListening = await queue.run('register events', () => registerEvents(library, pointer));
    },
    close: () => {
      end(new DriverError('Disconnected', 'the connection was closed here'));
      closed ??= Promise.race([tearDown(), pause(CLOSE_WAIT_MS)]);
      return closed;
    },
  };
}

/** Resolves with what takes the registrations back. Refusals are no failure: the test driver has nothing to close or to keep alive. */
async function registerEvents(library: LibvirtLibrary, pointer: Pointer): Promise<() => Promise<void>> {
  await library.virConnectSetKeepAlive(pointer, KEEPALIVE_INTERVAL_SECONDS, KEEPALIVE_COUNT);
  const hearsClose = (await library.virConnectRegisterCloseCallback(pointer)) >= 0;
  const domainCallbacks = await registerEach(Object.values(DomainEventId), (id) =>
    library.virConnectDomainEventRegisterAny(pointer, id),
  );
  const deviceCallbacks = await registerEach(Object.values(NodeDeviceEventId), (id) =>
    library.virConnectNodeDeviceEventRegisterAny(pointer, id),
  );
  return async () => {
    for (const id of domainCallbacks) await library.virConnectDomainEventDeregisterAny(pointer, id);
    for (const id of deviceCallbacks) await library.virConnectNodeDeviceEventDeregisterAny(pointer, id);
    if (hearsClose) await library.virConnectUnregisterCloseCallback(pointer);
  };
}

async function registerEach(ids: readonly number[], register: (id: number) => Promise<number>): Promise<number[]> {
  const callbackIds: number[] = [];
  for (const id of ids) callbackIds.push(await register(id));
  return callbackIds.filter((id) => id >= 0);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}
