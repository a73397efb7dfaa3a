/** `resource-tracker inspect`: what the driver sees on this host, without any cluster. */
import { createDriver, type DriverConfig } from '../drivers/create-driver.ts';
import { type Driver, DriverError, type HostReport } from '../drivers/driver.ts';
import { reportFaults } from '../drivers/report-faults.ts';
import type { OutputFormat } from './command-option.ts';
import { formatReport } from './inspect-format.ts';

export interface InspectOptions {
  readonly driver: DriverConfig;
  readonly output: OutputFormat;
  /** How long to wait for the hypervisor in all. Default 30 s. */
  readonly timeoutMs?: number;
}

/** Where output goes, and what ends the command early. */
export interface InspectIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean | undefined };
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const PROGRESS_AFTER_MS = 1_000;
const CLEAR_LINE = '\r\u001b[K';

/**
 * Prints one report to stdout and resolves with the exit code: 0, also when the report names problems, or 1 with the reason on stderr.
 * Throws only what is a programmer's error. `create` is the seam for tests.
 */
export async function runInspect(
  options: InspectOptions,
  io: InspectIo,
  create: (config: DriverConfig) => Promise<Driver> = createDriver,
): Promise<number> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const signal = io.signal === undefined ? timeout : AbortSignal.any([timeout, io.signal]);
  const stopProgress = showProgress(io, `waiting for ${describe(options.driver)} ...`);
  try {
    const report = await readReport(() => create(options.driver), signal);
    stopProgress();
    io.stdout.write(formatReport(report, options.output));
    return 0;
  } catch (error) {
    stopProgress();
    const reason = timeout.aborted
      ? `${describe(options.driver)} did not answer in time`
      : reasonOf(error, options.driver, signal);
    if (reason === undefined) throw error;
    io.stderr.write(`inspect: ${reason}\n`);
    return 1;
  }
}

/** Nobody waits for the hypervisor to come back here: the first failure to connect is the answer. */
async function readReport(create: () => Promise<Driver>, signal: AbortSignal): Promise<HostReport> {
  const driver = await create();
  const connection = Promise.withResolvers<void>();
  const giveUp = (): void => connection.reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await driver.start({
      onEvent: (event) => {
        if (event.kind === 'connected') connection.resolve();
        if (event.kind === 'disconnected') connection.reject(new DriverError('Disconnected', event.message));
      },
    });
    await connection.promise;
    const reason = await driver.cannotReport?.(signal);
    if (reason !== undefined)
      throw new DriverError('Unsupported', `this hypervisor cannot tell what the host has: ${reason}`);
    const report = await driver.audit(signal);
    const faults = reportFaults(report);
    if (faults !== undefined) throw new DriverError('InvalidReport', faults);
    return report;
  } finally {
    signal.removeEventListener('abort', giveUp);
    // Where `start` has failed, nobody waits for the connection.
    connection.promise.catch(() => undefined);
    await driver.stop();
  }
}

function reasonOf(error: unknown, { name }: DriverConfig, signal: AbortSignal): string | undefined {
  if (error instanceof DriverError) {
    const isAway = name === 'libvirt' && error.code === 'Disconnected';
    return `${error.message}${isAway ? ` (does libvirtd run there, and is this the right --libvirt-uri?)` : ''}`;
  }
  return signal.aborted ? 'interrupted' : undefined;
}

function describe(config: DriverConfig): string {
  return config.name === 'libvirt' ? config.uri : config.path;
}

function showProgress(io: InspectIo, line: string): () => void {
  if (io.stderr.isTTY !== true) return () => undefined;
  let shown = false;
  const timer = setTimeout(() => {
    shown = true;
    io.stderr.write(line);
  }, PROGRESS_AFTER_MS);
  return () => {
    clearTimeout(timer);
    if (shown) io.stderr.write(CLEAR_LINE);
  };
}
