import { microTime } from '../api/micro-time.ts';
import { BoundedMap } from './bounded-map.ts';
import type { Clock, Random } from './clock.ts';
import { isKubeError } from './errors.ts';
import { type EventObject, type EventReporter, type EventToRecord, eventKey, newEvent } from './event-object.ts';
import type { ResourceClient } from './resource.ts';
import { TokenBucket } from './token-bucket.ts';

/** Why an event was not written. */
export type EventLoss = 'RateLimited' | 'QueueFull' | 'WriteFailed' | 'Stopped';

/** What the recorder needs. */
export interface EventRecorderOptions extends EventReporter {
  /** Of events.k8s.io/v1: `kubectl describe` shows its action, reporter and series well, and they are validated. */
  readonly client: Pick<ResourceClient<EventObject>, 'create' | 'patch'>;
  readonly clock: Clock;
  readonly date: () => Date;
  readonly random: Random;
  /** Events never fail what they tell about: whatever goes wrong ends here. */
  readonly onLost?: ((event: EventToRecord, loss: EventLoss, error?: unknown) => void) | undefined;
}

/** Tells people what happens to an object. */
export interface EventRecorder {
  /** Returns at once; the event is written later, counted on an earlier one, or lost. */
  record(event: EventToRecord): void;
  readonly stats: { readonly written: number; readonly lost: number; readonly queued: number };
  /** Writes what is queued, unless that fails, and nothing after it. */
  stop(): Promise<void>;
}

const MAX_QUEUED = 1_000;
const MAX_SERIES = 1_000;
const MAX_OBJECTS = 1_000;
/** As in client-go's spam filter, per object. */
const OBJECT_BURST = 25;
const OBJECT_REFILL_MS = 300_000;
/** A series that was silent this long is over, as in client-go: the same event is a new one then. */
const SERIES_GAP_MS = 360_000;
/** Repetitions within this time are written as one. */
const SERIES_WRITE_MS = 10_000;
const WRITE_TIMEOUT_MS = 5_000;

/** A recorder that counts repeated events, and writes one after the other so that it never crowds out the agent's own requests. */
export function eventRecorder(options: EventRecorderOptions): EventRecorder {
  return new QueuedRecorder(options);
}

/** One event and how often it happened. */
interface Series {
  readonly key: string;
  readonly first: EventToRecord;
  readonly object: EventObject;
  count: number;
  writtenCount: number;
  lastDate: Date;
  lastAtMs: number;
  queued: boolean;
  cancelTimer: (() => void) | undefined;
}

class QueuedRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new BoundedMap<string, Series>(MAX_SERIES, (series) => series.cancelTimer?.());
  readonly #budgets = new BoundedMap<string, TokenBucket>(MAX_OBJECTS);
  readonly #queue: Series[] = [];
  #writing: Promise<void> | undefined;
  #stopped = false;
  #written = 0;
  #lost = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  get stats(): EventRecorder['stats'] {
    return { written: this.#written, lost: this.#lost, queued: this.#queue.length };
  }

  record(event: EventToRecord): void {
    const nowMs = this.#options.clock.now();
    const key = eventKey(event);
    const known = this.#series.get(key);
    if (this.#stopped) this.#lose(event, 'Stopped');
    else if (known !== undefined && nowMs - known.lastAtMs < SERIES_GAP_MS) this.#repeat(known, nowMs);
    else if (this.#budgetOf(event, nowMs).tryTake(nowMs)) this.#enqueue(this.#begin(key, event, nowMs));
    else this.#lose(event, 'RateLimited');
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#series.clear();
    await this.#writing;
  }

  #begin(key: string, event: EventToRecord, nowMs: number): Series {
    const { date, random } = this.#options;
    const at = date();
    // Time and chance, as client-go's name is time alone and two agents may speak at once.
    const suffix = at.getTime().toString(16) + Math.floor(random() * 2 ** 32).toString(16);
    const series: Series = {
      key,
      first: event,
      object: newEvent(event, this.#options, at, suffix),
      count: 1,
      writtenCount: 0,
      lastDate: at,
      lastAtMs: nowMs,
      queued: false,
      cancelTimer: undefined,
    };
    this.#series.set(key, series);
    return series;
  }

  #repeat(series: Series, nowMs: number): void {
    series.count += 1;
    series.lastDate = this.#options.date();
    series.lastAtMs = nowMs;
    this.#scheduleRepetition(series);
  }

  #scheduleRepetition(series: Series): void {
    if (series.queued || series.cancelTimer !== undefined || this.#stopped) return;
    series.cancelTimer = this.#options.clock.after(SERIES_WRITE_MS, () => {
      series.cancelTimer = undefined;
      this.#enqueue(series);
    });
  }

  #budgetOf({ regarding }: EventToRecord, nowMs: number): TokenBucket {
    const object =
      regarding.metadata?.uid ?? `${regarding.kind}/${regarding.metadata?.namespace}/${regarding.metadata?.name}`;
    const budget = this.#budgets.get(object) ?? new TokenBucket(OBJECT_BURST, OBJECT_REFILL_MS, nowMs);
    this.#budgets.set(object, budget);
    return budget;
  }

  #enqueue(series: Series): void {
    if (this.#queue.length >= MAX_QUEUED) {
      this.#series.forget(series.key);
      this.#lose(series.first, 'QueueFull');
      return;
    }
    series.queued = true;
    this.#queue.push(series);
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    for (let series = this.#queue.shift(); series !== undefined; series = this.#queue.shift()) {
      series.queued = false;
      await this.#write(series);
    }
    this.#writing = undefined;
  }

  async #write(series: Series): Promise<void> {
    const { count } = series;
    try {
      if (series.writtenCount === 0) await this.#create(series);
      else await this.#update(series);
      this.#written += 1;
      series.writtenCount = count;
      if (series.count > count) this.#scheduleRepetition(series);
    } catch (error) {
      // Forgotten, so that the next one starts anew: the object may be gone from the server, where Events live for an hour.
      this.#series.forget(series.key);
      this.#lose(series.first, 'WriteFailed', error);
      // The way out must not take a time-out for each.
      if (this.#stopped) for (const { first } of this.#queue.splice(0)) this.#lose(first, 'Stopped');
    }
  }

  async #create({ object, count, lastDate }: Series): Promise<void> {
    const series = count > 1 ? { series: { count, lastObservedTime: microTime(lastDate) } } : {};
    try {
      await this.#options.client.create({ ...object, ...series }, { timeoutMs: WRITE_TIMEOUT_MS });
    } catch (error) {
      // An earlier answer was lost: it is there.
      if (!isKubeError(error, 'AlreadyExists')) throw error;
    }
  }

  async #update({ object, count, lastDate }: Series): Promise<void> {
    const { name = '', namespace } = object.metadata ?? {};
    const patch = { series: { count, lastObservedTime: microTime(lastDate) } };
    await this.#options.client.patch(name, patch, { namespace, type: 'merge', timeoutMs: WRITE_TIMEOUT_MS });
  }

  #lose(event: EventToRecord, loss: EventLoss, error?: unknown): void {
    this.#lost += 1;
    this.#options.onLost?.(event, loss, error);
  }
}
