/** Reads all monitors at once, each bounded in time. What one of them does costs its own figures only. */
import { DriverError } from '../drivers/driver.ts';
import type { ChosenMonitor, RefusedMonitor } from './choose-monitors.ts';
import { Health } from './health.ts';
import type { MetricKind, MonitorReading } from './monitor.ts';

/** One measured figure. */
export interface Figure {
  readonly name: string;
  readonly kind: MetricKind;
  readonly value: number | bigint;
  /** The monitor. */
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** How one monitor's reading went. Unsupported: the hypervisor cannot tell, now or ever; it is not asked again. */
export type MonitorOutcome =
  | { readonly monitor: string; readonly kind: 'read' }
  | { readonly monitor: string; readonly kind: 'failed' | 'unsupported'; readonly message: string };

/** What all monitors gave at one time. */
export interface MonitorRound {
  /** In the order of the monitors, and of each one's metrics. */
  readonly figures: readonly Figure[];
  readonly outcomes: readonly MonitorOutcome[];
  /** Those that do not run at all, and those that go on failing. */
  readonly failing: readonly { readonly monitor: string; readonly message: string }[];
}

export interface MonitorReaderParts {
  readonly monitors: readonly ChosenMonitor[];
  /** Named at every round. Default: none. */
  readonly refused?: readonly RefusedMonitor[];
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;

export class MonitorReader {
  readonly #slots: readonly Slot[];
  readonly #refused: MonitorRound['failing'];
  readonly #wallClock: () => number;

  constructor({ monitors, refused = [], wallClock, timeoutMs = TIMEOUT_MS }: MonitorReaderParts) {
    this.#refused = refused.map(({ name, reason }) => ({ monitor: name, message: reason }));
    this.#slots = monitors.map((monitor) => new Slot(monitor, timeoutMs));
    this.#wallClock = wallClock;
  }

  /** Reads every monitor that is not still busy. Never rejects. */
  async read(signal: AbortSignal): Promise<MonitorRound> {
    const nowMs = this.#wallClock();
    const rounds = await Promise.all(this.#slots.map((slot) => slot.read(nowMs, signal)));
    const failing = this.#slots.flatMap(({ name, complaint }) =>
      complaint === undefined ? [] : [{ monitor: name, message: complaint }],
    );
    return {
      figures: rounds.flatMap(({ figures }) => figures),
      outcomes: rounds.map(({ outcome }) => outcome),
      failing: [...this.#refused, ...failing],
    };
  }
}

/** One monitor and how it has done so far. */
class Slot {
  readonly name: string;
  readonly #chosen: ChosenMonitor;
  readonly #timeoutMs: number;
  readonly #health = new Health();
  #busySinceMs: number | undefined;
  #unsupported: string | undefined;

  constructor(chosen: ChosenMonitor, timeoutMs: number) {
    this.name = chosen.name;
    this.#chosen = chosen;
    this.#timeoutMs = timeoutMs;
  }

  get complaint(): string | undefined {
    return this.#health.complaint;
  }

  async read(nowMs: number, signal: AbortSignal): Promise<{ figures: readonly Figure[]; outcome: MonitorOutcome }> {
    const monitor = this.name;
    if (this.#unsupported !== undefined)
      return { figures: [], outcome: { monitor, kind: 'unsupported', message: this.#unsupported } };
    try {
      const figures = this.#checked(await this.#reading(nowMs, signal), nowMs);
      this.#health.succeeded();
      return { figures, outcome: { monitor, kind: 'read' } };
    } catch (error) {
      return { figures: [], outcome: this.#failed(error) };
    }
  }

  #failed(error: unknown): MonitorOutcome {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof DriverError && error.code === 'Unsupported') {
      this.#unsupported = message;
      return { monitor: this.name, kind: 'unsupported', message };
    }
    this.#health.failed(message);
    return { monitor: this.name, kind: 'failed', message };
  }

  async #reading(nowMs: number, signal: AbortSignal): Promise<MonitorReading> {
    if (this.#busySinceMs !== undefined)
      throw new Error(`its reading of ${Math.round((nowMs - this.#busySinceMs) / 1000)} s ago has not come back`);
    this.#busySinceMs = nowMs;
    const limit = new AbortController();
    const work = Promise.resolve()
      .then(() => this.#chosen.monitor.read({ nowMs, signal: limit.signal }))
      .finally(() => {
        this.#busySinceMs = undefined;
      });
    return within(work, limit, this.#timeoutMs, signal);
  }

  /** Foreign code made it: its types promise what nobody has checked. */
  #checked(reading: MonitorReading, nowMs: number): readonly Figure[] {
    const { metrics } = this.#chosen;
    if (typeof reading?.values !== 'object' || reading.values === null)
      throw new Error('its reading must have values, for example { values: { "disk.busy": 0.5 } }');
    const { values, atMs = nowMs } = reading;
    const stranger = Object.keys(values).find((name) => !metrics.has(name));
    if (stranger !== undefined) throw new Error(`it gave ${stranger}, which is not among the metrics that it named`);
    if (Number.isNaN(new Date(atMs).getTime())) throw new Error('its atMs must be milliseconds since the epoch');
    return [...metrics].flatMap(([name, kind]) => {
      const value = values[name];
      if (value === undefined) return [];
      if (typeof value !== 'bigint' && !Number.isFinite(value))
        throw new Error(`its ${name} must be a finite number (given: ${String(value)})`);
      return [{ name, kind, value, source: this.name, atMs }];
    });
  }
}

/** Waits for work no longer than this, nor than it is wanted, and tells it so. */
async function within<T>(work: Promise<T>, limit: AbortController, timeoutMs: number, signal: AbortSignal): Promise<T> {
  const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>();
  const end = (message: string): void => {
    limit.abort();
    giveUp(new Error(message));
  };
  const timer = setTimeout(() => end(`it did not answer within ${timeoutMs / 1000} s`), timeoutMs);
  const stop = (): void => end('it is not wanted any more');
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, givenUp]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}
