/**
 * One process of an agent as the shell in src/agent runs it: competes for the Lease of its node with the real LeaseKeeper, begins a
 * tenure when it has it, and ends it in good order when it loses it, is deposed, or is told to stop. It may be killed, or stand still
 * for any time and go on with what it knew. Its clocks are its own.
 */
import type { Lease } from '../../../src/api/lease.ts';
import {
  type LeaseEffect,
  LeaseKeeper,
  type LeaseObservation,
  leaseTimes,
  type Now,
} from '../../../src/protocol/lease-keeper.ts';
import type { Answer } from '../../../src/protocol/messages.ts';
import type { TrackerSettings } from '../../../src/protocol/settings.ts';
import type { Tracker } from '../../../src/protocol/tracker.ts';
import { ModelAgent, type Tampering } from './model-agent.ts';
import type { ModelApi, StoredLease, Watch } from './model-api.ts';
import type { ModelClock } from './model-clock.ts';
import type { ModelHost } from './model-host.ts';
import type { Call, Network, Request } from './network.ts';
import type { Step } from './step.ts';

/** What of the real code is replaced by something worse, to show that it is noticed. */
export interface Protocol {
  readonly Tracker?: typeof Tracker;
  readonly LeaseKeeper?: typeof LeaseKeeper;
  readonly tampering?: Tampering;
}

export interface ModelProcessParts {
  readonly name: string;
  /** Counts all processes. */
  readonly ordinal: number;
  readonly settings: TrackerSettings;
  readonly api: ModelApi;
  readonly host: ModelHost;
  readonly clock: ModelClock;
  readonly network: Network;
  readonly protocol: Protocol;
  /** Ignored: it acts for the node at once and for good, so that only token and barrier are left. */
  readonly lease: 'kept' | 'ignored';
  /** How far its clock on the wall is off, and by which factor its monotonic one is too fast. */
  readonly skewMs: number;
  readonly rate: number;
  /** Fresh and random in the real one. */
  readonly newToken: () => string;
  readonly isDead: (name: string) => boolean;
}

/** Before competing again after stepping down, and the most that is waited for what is under way at an end. */
const PAUSE_BETWEEN_TENURES_MS = 1_000;
const STOP_TIMEOUT_MS = 5_000;

const LEASE_SECONDS = 40;

type Ending = 'none' | 'competeAgain' | 'stop';

export class ModelProcess {
  readonly name: string;
  readonly ordinal: number;
  readonly nodeName: string;
  readonly #parts: ModelProcessParts;
  #isAlive = true;
  #isPaused = false;
  #keeper: LeaseKeeper | undefined;
  #leaseWatch: Watch<StoredLease> | undefined;
  #tenure: ModelAgent | undefined;
  /** Tenures that are over. What they have asked for is still answered. */
  readonly #over: ModelAgent[] = [];
  #endedAtMs = 0;
  #wantsTenure = false;
  /** The history of the API server went back while it was there. */
  #restored = false;
  #ending: Ending = 'none';
  #competesAtMs: number | undefined;
  #fatal: string | undefined;

  constructor(parts: ModelProcessParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.ordinal = parts.ordinal;
    this.nodeName = parts.settings.nodeName;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get isStopping(): boolean {
    return this.#ending === 'stop';
  }

  get tenure(): ModelAgent | undefined {
    return this.#tenure;
  }

  /** All tenures that still do something, the present one first. */
  get tenures(): readonly ModelAgent[] {
    return this.#tenure === undefined ? this.#over : [this.#tenure, ...this.#over];
  }

  get holdsLease(): boolean {
    return this.#parts.lease === 'ignored' || this.#keeper?.isValid(this.#monotonicMs) === true;
  }

  start(): void {
    if (this.#parts.lease === 'kept') this.#compete();
    else this.#beginTenure();
  }

  /** It is gone from one moment to the next. What it has sent may still land. */
  kill(): void {
    this.#isAlive = false;
    for (const tenure of this.tenures) tenure.kill();
    this.#parts.network.pausedSenders.delete(this.name);
    this.#parts.network.abandon(this.name);
  }

  /** SIGSTOP. */
  pause(): void {
    this.#isPaused = true;
    this.#parts.network.pausedSenders.add(this.name);
  }

  /** SIGCONT. */
  resume(): void {
    this.#isPaused = false;
    this.#parts.network.pausedSenders.delete(this.name);
  }

  /** SIGTERM: decides nothing more, lets what is under way be answered, gives the Lease back, and ends. */
  stop(): void {
    if (this.#ending === 'stop') return;
    this.#ending = 'stop';
    this.#wantsTenure = false;
    this.#competesAtMs = undefined;
    this.#endTenure();
  }

  /** What it would do next by itself. */
  steps(): Step[] {
    if (!this.#isAlive || this.#isPaused) return [];
    return [...this.#ownSteps(), ...(this.#tenure?.steps() ?? [])];
  }

  faults(): Step[] {
    if (!this.#isAlive || this.#isPaused) return [];
    return this.#tenure?.faults() ?? [];
  }

  /** From when on time alone makes it do something, in the world's time. */
  get dueMs(): number | undefined {
    const due: number[] = [];
    const { nowMs } = this.#parts.clock;
    const monotonic = [this.#keeper?.dueMs, this.#competesAtMs].filter((ms) => ms !== undefined && Number.isFinite(ms));
    for (const ms of monotonic) due.push(nowMs + Math.ceil(((ms ?? 0) - this.#monotonicMs) / this.#parts.rate) + 1);
    if (this.#over.length > 0) due.push(nowMs + STOP_TIMEOUT_MS);
    const turnMs = this.#tenure?.dueMs;
    if (turnMs !== undefined) due.push(turnMs - this.#parts.skewMs + 1);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  // --- the shell ------------------------------------------------------------------------------------------------------

  #ownSteps(): Step[] {
    const steps: Step[] = [];
    const step = (what: string, run: () => void): number => steps.push({ what: `${this.name}: ${what}`, run });
    if (this.#fatal !== undefined) step(`ends: ${this.#fatal}`, () => this.kill());
    if (this.#leaseWatch !== undefined && !this.#parts.network.isOut) {
      if (this.#leaseWatch.isExpired) step('list lease', () => this.#listLease());
      else if (this.#leaseWatch.hasNext) step('lease watch', () => this.#leaseEvent());
    }
    if (this.#keeper !== undefined && this.#monotonicMs >= this.#keeper.dueMs) step('lease tick', () => this.#tick());
    if (this.#tenure?.end !== undefined) step(`steps down: ${this.#tenure.end.reason}`, () => this.#steppedDown());
    if (this.#wantsTenure && this.#hasSettled) step('begins a tenure', () => this.#beginTenure());
    if (this.#ending !== 'none' && this.#hasSettled) step('gives the Lease back', () => this.#giveBack());
    if (this.#competesAtMs !== undefined && this.#monotonicMs >= this.#competesAtMs)
      step('competes again', () => this.#compete());
    return steps;
  }

  get #hasSettled(): boolean {
    if (this.#tenure !== undefined) return false;
    const timeIsOver = this.#parts.clock.nowMs >= this.#endedAtMs + STOP_TIMEOUT_MS;
    return timeIsOver || this.#over.every(({ isWaiting }) => !isWaiting);
  }

  get #monotonicMs(): number {
    return this.#parts.clock.nowMs * this.#parts.rate + this.ordinal;
  }

  get #now(): Now {
    return { ms: this.#monotonicMs, date: new Date(this.#parts.clock.nowMs + this.#parts.skewMs) };
  }

  #beginTenure(): void {
    this.#wantsTenure = false;
    if (this.#ending === 'stop' || !this.holdsLease) return;
    const { settings, api, host, clock, network, protocol, skewMs, newToken } = this.#parts;
    this.#tenure = new ModelAgent({
      name: this.name,
      token: newToken(),
      settings,
      api,
      host,
      clock,
      network,
      restored: this.#restored,
      wallMs: () => clock.nowMs + skewMs,
      mayDecide: () => this.holdsLease,
      ...(protocol.Tracker !== undefined && { Tracker: protocol.Tracker }),
      ...(protocol.tampering !== undefined && { tampering: protocol.tampering }),
    });
    this.#tenure.start();
  }

  #endTenure(): void {
    const tenure = this.#tenure;
    if (tenure === undefined) return;
    this.#tenure = undefined;
    this.#endedAtMs = this.#parts.clock.nowMs;
    tenure.retire();
    this.#over.push(tenure);
  }

  #steppedDown(): void {
    const end = this.#tenure?.end;
    this.#endTenure();
    this.#restored ||= end?.restored === true;
    if (end?.fatal === true) this.#fatal = end.reason;
    else if (this.#parts.lease === 'ignored') this.#wantsTenure = true;
    else this.#ending = 'competeAgain';
  }

  /** After the last write: who finds the Lease free may begin at once. */
  #giveBack(): void {
    const isLast = this.#ending === 'stop';
    this.#ending = isLast ? 'stop' : 'none';
    const lease = this.#keeper?.release(this.#now);
    this.#keeper = undefined;
    this.#leaseWatch = undefined;
    const goOn = (): void => {
      if (isLast) this.kill();
      else this.#competesAtMs = this.#monotonicMs + PAUSE_BETWEEN_TENURES_MS;
    };
    if (lease === undefined) goOn();
    else this.#ask('release lease', () => this.#parts.api.leases.replace(stored(lease)), goOn);
  }

  // --- its Lease ------------------------------------------------------------------------------------------------------

  #compete(): void {
    this.#competesAtMs = undefined;
    const { name, settings, protocol } = this.#parts;
    this.#keeper = new (protocol.LeaseKeeper ?? LeaseKeeper)({
      name: settings.nodeName,
      namespace: settings.leaseNamespace,
      identity: name,
      ...leaseTimes(LEASE_SECONDS),
    });
    this.#listLease();
    this.#tick();
  }

  #tick(): void {
    this.#perform(this.#keeper?.tick(this.#now) ?? []);
  }

  #tell(observation: LeaseObservation): void {
    if (this.#isAlive) this.#perform(this.#keeper?.observe(observation, this.#now) ?? []);
  }

  #listLease(): void {
    const { leases } = this.#parts.api;
    const matches = ({ metadata }: StoredLease): boolean => metadata.name === this.nodeName;
    const { items, revision } = leases.list(matches);
    this.#leaseWatch = leases.watch(matches, revision);
    for (const lease of items) this.#tell({ kind: 'leaseSeen', lease, listedAt: String(revision) });
  }

  #leaseEvent(): void {
    const event = this.#leaseWatch?.next();
    if (event === undefined) return;
    this.#tell(event.type === 'DELETED' ? { kind: 'leaseDeleted' } : { kind: 'leaseSeen', lease: event.object });
  }

  #perform(effects: readonly LeaseEffect[]): void {
    for (const effect of effects) this.#start(effect);
  }

  #start(effect: LeaseEffect): void {
    const { leases } = this.#parts.api;
    const { leaseNamespace } = this.#parts.settings;
    switch (effect.kind) {
      case 'gained':
        this.#wantsTenure = this.#ending === 'none';
        break;
      case 'lost':
        this.#restored ||= effect.restored;
        this.#wantsTenure = false;
        this.#endTenure();
        break;
      case 'probeHolder':
        if (this.#parts.isDead(effect.identity)) this.#tell({ kind: 'holderDied', identity: effect.identity });
        break;
      case 'readLease':
        this.#askLease('read lease', 'leaseRead', () => leases.read(this.nodeName, leaseNamespace));
        break;
      case 'createLease':
        this.#askLease('create lease', 'leaseWritten', () => leases.create(stored(effect.lease)));
        break;
      case 'writeLease':
        this.#askLease('write lease', 'leaseWritten', () => leases.replace(stored(effect.lease)));
        break;
    }
  }

  /** An answer to a keeper that was released meanwhile is dropped. */
  #askLease(what: string, kind: 'leaseRead' | 'leaseWritten', carryOut: () => Answer<StoredLease>): void {
    const keeper = this.#keeper;
    this.#ask(what, carryOut, (answer) => {
      if (this.#keeper === keeper) this.#tell({ kind, answer });
    });
  }

  #ask(what: string, carryOut: () => Answer<StoredLease>, told: (answer: Answer<StoredLease>) => void): Request {
    const tell = (answer: Answer<StoredLease>): void => {
      if (this.#isAlive) told(answer);
    };
    const call: Call = {
      sender: this.name,
      what,
      carryOut: () => {
        const answer = this.#parts.api.as(this.name, carryOut);
        return () => tell(answer);
      },
      unanswered: () => tell({ kind: 'unanswered', message: 'no answer within 10 s' }),
      refused: () => tell({ kind: 'refused', message: 'HTTP 500' }),
    };
    return this.#parts.network.send(call);
  }
}

function stored(lease: Lease): StoredLease {
  return { ...lease, kind: 'Lease', spec: lease.spec ?? {} };
}
