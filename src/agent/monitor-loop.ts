/** Reads the monitors once in an audit period, and says in the log what turns. */
import type { MonitorOutcome, MonitorReader, MonitorRound } from '../monitors/monitor-reader.ts';
import type { Observation } from '../protocol/messages.ts';

export interface MonitorLoopParts {
  readonly reader: Pick<MonitorReader, 'read'>;
  readonly periodMs: number;
  readonly random: () => number;
  readonly onRound: (round: MonitorRound) => void;
  readonly observe: (observation: Observation) => void;
  readonly log: (level: 'debug' | 'info' | 'warn', message: string, fields: Record<string, unknown>) => void;
}

/** As of audits: thousands of agents must not read together. */
const JITTER = 0.1;

/** Not part of the audit: a monitor that takes its time holds nothing up, and one that does not need the hypervisor goes on without it. */
export class MonitorLoop {
  readonly #parts: MonitorLoopParts;
  readonly #lifetime = new AbortController();
  readonly #kinds = new Map<string, MonitorOutcome['kind']>();
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #last: MonitorRound | undefined;

  constructor(parts: MonitorLoopParts) {
    this.#parts = parts;
  }

  /** Reads at once, and from then on. After the first call it does nothing. */
  start(): void {
    if (this.#running === undefined && !this.#lifetime.signal.aborted) this.#running = this.#round();
  }

  /** Tells a new listener what was measured last. */
  retell(): void {
    if (this.#last === undefined) return;
    const { figures, failing } = this.#last;
    this.#parts.observe({ kind: 'hostMeasured', reading: { figures, failing } });
  }

  async stop(): Promise<void> {
    this.#lifetime.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #round(): Promise<void> {
    const { reader, periodMs, random, onRound } = this.#parts;
    const { signal } = this.#lifetime;
    const round = await reader.read(signal);
    if (signal.aborted) return;
    this.#last = round;
    for (const outcome of round.outcomes) this.#tell(outcome);
    onRound(round);
    this.retell();
    const waitMs = periodMs * (1 - JITTER + 2 * JITTER * random());
    this.#timer = setTimeout(() => {
      this.#running = this.#round();
    }, waitMs);
  }

  #tell(outcome: MonitorOutcome): void {
    const { monitor, kind } = outcome;
    const before = this.#kinds.get(monitor);
    this.#kinds.set(monitor, kind);
    const { log } = this.#parts;
    if (outcome.kind === 'failed')
      log(before === 'failed' ? 'debug' : 'warn', 'a monitor failed', { monitor, error: outcome.message });
    else if (outcome.kind === 'unsupported' && before !== kind)
      log('info', 'a monitor does not run: the hypervisor cannot feed it', { monitor, reason: outcome.message });
    else if (before === 'failed') log('info', 'a monitor works again', { monitor });
  }
}
