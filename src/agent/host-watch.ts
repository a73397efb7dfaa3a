/** Follows the hypervisor: audits it when it connects, periodically, and when its devices changed; passes its events on. */
import { type Driver, DriverError, type DriverEvent } from '../drivers/driver.ts';
import { reportFaults } from '../drivers/report-faults.ts';
import { Backoff } from '../kube/backoff.ts';
import type { Observation } from '../protocol/messages.ts';

export interface HostWatchParts {
  readonly driver: Driver;
  readonly auditMs: number;
  readonly random: () => number;
  readonly observe: (observation: Observation) => void;
  readonly onAudit: (durationMs: number) => void;
  readonly onError: (error: DriverError) => void;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void;
}

/** Audits spread over +-10 %, so that thousands of agents do not audit together. */
const JITTER = 0.1;
/** Devices come and go in swarms (an SR-IOV card creates all its functions): one audit for all of them. */
const SETTLE_MS = 500;
/** After a failed audit the next one comes sooner: until the first good one, nothing is decided. Less and less so while it goes on. */
const RETRY_FIRST_MS = 1_000;

export class HostWatch {
  readonly #parts: HostWatchParts;
  readonly #lifetime = new AbortController();
  #auditing: Promise<void> | undefined;
  #auditAgain = false;
  #duringAudit: Observation[] | undefined;
  #timer: NodeJS.Timeout | undefined;
  #connected = false;
  readonly #retry: Backoff;
  #hasFailed = false;

  constructor(parts: HostWatchParts) {
    this.#parts = parts;
    this.#retry = new Backoff({ firstMs: RETRY_FIRST_MS, maxMs: parts.auditMs }, parts.random);
  }

  async start(): Promise<void> {
    const { driver, log } = this.#parts;
    await driver.start({ onEvent: (event) => this.#onEvent(event), log });
  }

  async stop(): Promise<void> {
    this.#lifetime.abort();
    clearTimeout(this.#timer);
    await this.#parts.driver.stop();
    await this.#auditing;
  }

  #onEvent(event: DriverEvent): void {
    switch (event.kind) {
      case 'connected':
        this.#connected = true;
        this.#pass({ kind: 'driverConnected' });
        this.audit();
        break;
      case 'disconnected':
        this.#connected = false;
        clearTimeout(this.#timer);
        this.#pass({ kind: 'driverDisconnected', message: event.message });
        break;
      case 'hostChanged':
        this.#auditIn(SETTLE_MS);
        break;
      case 'instanceChanged':
        this.#pass({ kind: 'instanceSeen', instance: event.instance });
        break;
      case 'instanceGone':
        this.#pass({ kind: 'instanceGone', uuid: event.uuid });
        break;
    }
  }

  /** What is seen while an audit reads may be newer than what the audit shows: it is told again after it. */
  #pass(observation: Observation): void {
    this.#duringAudit?.push(observation);
    this.#parts.observe(observation);
  }

  /** Tells a new listener what the state is: connected or not, and what the host has. */
  retell(): void {
    if (!this.#connected) return;
    this.#parts.observe({ kind: 'driverConnected' });
    this.audit();
  }

  /** Audits now; while one is under way, once more after it. */
  audit(): void {
    if (this.#lifetime.signal.aborted) return;
    clearTimeout(this.#timer);
    if (this.#auditing !== undefined) {
      this.#auditAgain = true;
      return;
    }
    this.#auditing = this.#audit().finally(() => {
      this.#auditing = undefined;
      this.#next();
    });
  }

  #next(): void {
    if (this.#auditAgain) {
      this.#auditAgain = false;
      this.audit();
      return;
    }
    if (this.#connected) this.#auditIn(this.#hasFailed ? this.#retry.next() : this.#period());
  }

  #period(): number {
    const { auditMs, random } = this.#parts;
    return auditMs * (1 - JITTER + 2 * JITTER * random());
  }

  #auditIn(ms: number): void {
    if (this.#lifetime.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.audit(), ms);
  }

  async #audit(): Promise<void> {
    const { observe, onAudit } = this.#parts;
    const startedAtMs = performance.now();
    this.#duringAudit = [];
    try {
      const seen = await this.#read();
      if (this.#lifetime.signal.aborted) return;
      onAudit(performance.now() - startedAtMs);
      this.#hasFailed = false;
      this.#retry.reset();
      const since = this.#duringAudit;
      this.#duringAudit = undefined;
      if (since.some(({ kind }) => kind === 'driverDisconnected')) return;
      observe(seen);
      for (const observation of since) if (observation.kind !== 'driverConnected') observe(observation);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#duringAudit = undefined;
    }
  }

  /** What there is to tell of the host. A report that lacks what the accounting needs is a failure like any other. */
  async #read(): Promise<Observation> {
    const { driver } = this.#parts;
    const { signal } = this.#lifetime;
    const reason = await driver.cannotReport?.(signal);
    if (reason !== undefined) return { kind: 'hostUntracked', reason };
    const report = await driver.audit(signal);
    const faults = reportFaults(report);
    if (faults !== undefined) throw new DriverError('InvalidReport', faults);
    return { kind: 'hostReported', report };
  }

  #failed(error: unknown): void {
    if (this.#lifetime.signal.aborted) return;
    if (!(error instanceof DriverError)) throw error;
    this.#hasFailed = true;
    this.#parts.onError(error);
    // A lost connection is told by its own event.
    if (error.code !== 'Disconnected') this.#parts.observe({ kind: 'hostReportFailed', message: error.message });
  }
}
