/** The driver for libvirt: keeps a session with the hypervisor open, whatever happens to it. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Driver, DriverError, type DriverEvent, type DriverOptions } from '../driver.ts';
import { type Overhead, overheadBytes } from '../overhead.ts';
import { type BackoffOptions, backoffDelayMs } from './backoff.ts';
import { type LibvirtLibrary, loadLibvirt } from './bindings.ts';
import { openSession, type Session } from './session.ts';

export interface LibvirtDriverConfig {
  /** For example `qemu:///system`. */
  readonly uri: string;
  /** File system that holds the instances' disks; default: libvirt's own images folder. */
  readonly instancesPath?: string;
  /** Storage pool that holds the instances' disks, instead of a path. */
  readonly storagePool?: string;
  /** How long one call may take before the connection is given up. Default 30 s. */
  readonly callTimeoutMs?: number;
  readonly reconnect?: Partial<BackoffOptions>;
  /** Default: none. */
  readonly overhead?: Overhead;
}

/** What tests put in the place of the real thing. */
export interface LibvirtDriverSeams {
  readonly loadLibrary: () => Promise<LibvirtLibrary>;
  readonly random: () => number;
}

const DEFAULT_CALL_TIMEOUT_MS = 30_000;
const DEFAULT_BACKOFF: BackoffOptions = { initialDelayMs: 500, maxDelayMs: 30_000 };
const NOT_CONNECTED = 'not connected to the hypervisor';
const SEAMS: LibvirtDriverSeams = { loadLibrary: loadLibvirt, random: Math.random };

/**
 * A driver for any hypervisor that libvirt knows. Nothing is loaded before `start`.
 *
 * @throws DriverError InvalidConfiguration, here for a configuration that cannot work, from `start` when libvirt is not installed.
 */
export function createLibvirtDriver(config: LibvirtDriverConfig, seams: LibvirtDriverSeams = SEAMS): Driver {
  validate(config);
  const lifetime = new AbortController();
  let session: Session | undefined;
  let running: Promise<void> | undefined;
  const connected = (): Session => {
    if (session === undefined) throw new DriverError('Disconnected', NOT_CONNECTED);
    return session;
  };

  return {
    name: 'libvirt',
    start: async (options) => {
      const library = await seams.loadLibrary();
      if (running !== undefined || lifetime.signal.aborted) return;
      running = keepConnected({
        config,
        options: quietAfter(lifetime.signal, options),
        library,
        random: seams.random,
        signal: lifetime.signal,
        onSession: (current) => {
          session = current;
        },
      });
    },
    cannotReport: async () => connected().cannotReport(),
    audit: async (signal) => connected().audit(signal),
    cpuCounters: async (signal) => {
      signal?.throwIfAborted();
      return connected().cpuCounters();
    },
    overheadMemoryBytes: (size) => overheadBytes(config.overhead ?? {}, size),
    stop: async () => {
      lifetime.abort();
      await running;
    },
  };
}

interface Lifetime {
  readonly config: LibvirtDriverConfig;
  readonly options: DriverOptions;
  readonly library: LibvirtLibrary;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onSession: (session: Session | undefined) => void;
}

/** Connects, waits until the connection is lost, and begins again, until the signal. */
async function keepConnected(lifetime: Lifetime): Promise<void> {
  const { signal, options } = lifetime;
  const backoff = { ...DEFAULT_BACKOFF, ...lifetime.config.reconnect };
  let failures = 0;
  let told: 'nothing' | 'connected' | 'disconnected' = 'nothing';
  const tell = (event: Extract<DriverEvent, { kind: 'connected' | 'disconnected' }>): void => {
    if (told !== event.kind) options.onEvent(event);
    told = event.kind;
  };

  while (!signal.aborted) {
    const openedAt = performance.now();
    const lost = (reason: Error): void => tell({ kind: 'disconnected', message: reason.message });
    const reason = await runSession(lifetime, {
      lost,
      connected: () => tell({ kind: 'connected' }),
      slow: () => tell({ kind: 'disconnected', message: `${lifetime.config.uri} does not answer` }),
    });
    if (signal.aborted) return;
    lost(reason);
    // A connection that is lost as soon as it is made is a failure like any other.
    failures = performance.now() - openedAt > backoff.maxDelayMs ? 0 : failures + 1;
    const waitMs = backoffDelayMs(backoff, Math.max(0, failures - 1), lifetime.random());
    options.log?.('warn', 'no connection to the hypervisor', { reason: reason.message, attempt: failures, waitMs });
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
  }
}

/** One session from its opening to its end. Resolves with why it ended or could not begin. */
async function runSession(lifetime: Lifetime, told: SessionNotices): Promise<Error> {
  const { signal } = lifetime;
  const stopped = Promise.withResolvers<DriverError>();
  const stop = (): void => stopped.resolve(new DriverError('Disconnected', 'the driver was stopped'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    const opening = open(lifetime);
    const slow = setTimeout(told.slow, callTimeoutMs(lifetime.config));
    const session = await Promise.race([opening, stopped.promise]);
    clearTimeout(slow);
    if (session instanceof Error) {
      // Stopped while libvirt was still connecting: what comes of it is closed when it comes.
      if (signal.aborted) void opening.then((late) => (late instanceof Error ? undefined : late.close()));
      return session;
    }
    lifetime.onSession(session);
    told.connected();
    const reason = await Promise.race([session.lost, stopped.promise]);
    lifetime.onSession(undefined);
    // From here no event of the session comes; it is closed for up to seconds when a call hangs, which the owner need not wait for.
    const closed = session.close();
    if (!signal.aborted) told.lost(reason);
    await closed;
    return reason;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

interface SessionNotices {
  /** Connecting takes longer than a call may. It is not given up: libvirt cannot be interrupted. */
  readonly slow: () => void;
  readonly lost: (reason: Error) => void;
  readonly connected: () => void;
}

async function open({ library, config, options }: Lifetime): Promise<Session | Error> {
  try {
    return await openSession(library, {
      ...config,
      callTimeoutMs: callTimeoutMs(config),
      onEvent: options.onEvent,
      log: (level, message, fields) => options.log?.(level, message, fields),
    });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function callTimeoutMs(config: LibvirtDriverConfig): number {
  return config.callTimeoutMs ?? DEFAULT_CALL_TIMEOUT_MS;
}

/** After the end nobody is told anything. */
function quietAfter(signal: AbortSignal, options: DriverOptions): DriverOptions {
  return {
    ...options,
    onEvent: (event) => {
      if (!signal.aborted) options.onEvent(event);
    },
  };
}

function validate(config: LibvirtDriverConfig): void {
  const refuse = (message: string): never => {
    throw new DriverError('InvalidConfiguration', message);
  };
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(config.uri)) {
    refuse(`libvirt URI "${config.uri}" has no scheme; write for example qemu:///system`);
  }
  if (config.instancesPath !== undefined && config.storagePool !== undefined) {
    refuse('both an instances path and a storage pool are set; leave one of them out');
  }
  if (config.callTimeoutMs !== undefined && !(config.callTimeoutMs > 0)) refuse('callTimeoutMs must be above 0');
}
