import { Backoff, type BackoffBounds } from './backoff.ts';
import { type Clock, type Random, sleep } from './clock.ts';
import { isExpired, KubeError } from './errors.ts';
import type { KubeObject, ResourceClient, Selection, WatchEvent } from './resource.ts';

/** A change of one object. */
export type ObjectEvent<T> = Exclude<WatchEvent<T>, { readonly type: 'BOOKMARK' }>;

/** What to follow and whom to tell. The callbacks are called one after the other, never two at once; what they throw ends the reflector. */
export interface ReflectOptions<T extends KubeObject> extends Selection {
  readonly client: Pick<ResourceClient<T>, 'list' | 'watch' | 'latestResourceVersion'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal | undefined;
  /** All objects as of `resourceVersion`: first, and again whenever the history between was lost. What is not in it is gone. */
  readonly onList: (items: T[], resourceVersion: string) => void;
  /**
   * The list that follows is older than what was told before: etcd was restored, and all that is known of its objects may be of a history
   * that is not there any more.
   */
  readonly onWentBack?: (() => void) | undefined;
  /** A DELETED of a filtered watch may only mean that the object no longer matches. */
  readonly onEvent: (event: ObjectEvent<T>) => void;
  /** The server says that everything up to here was delivered. */
  readonly onBookmark?: ((resourceVersion: string) => void) | undefined;
  readonly onError?: ((error: KubeError, retryInMs: number) => void) | undefined;
  readonly backoff?: BackoffBounds | undefined;
}

/** Follows one kind until it is stopped. */
export interface Reflector {
  /** Whether the first list has been delivered. */
  readonly listed: boolean;
  /** When the server last told something, in the clock's time; undefined before it did. Bookmarks come about once a minute. */
  readonly lastContactAtMs: number | undefined;
  /** Up to where everything was delivered. */
  readonly resourceVersion: string | undefined;
  /** Resolves when it has stopped; rejected with what a callback threw. Watch it: a reflector that died of that tells nothing more. */
  readonly done: Promise<void>;
  /** Nothing is delivered once this has been called. */
  stop(): Promise<void>;
}

const BACKOFF: BackoffBounds = { firstMs: 200, maxMs: 10_000 };
/** As in client-go: random, so that the watches of thousands of agents do not end together. */
const WATCH_SECONDS = { min: 300, max: 600 };
/** A server that does not end a watch by then has forgotten it. */
const WATCH_GRACE_MS = 30_000;
/** A watch that the server ends sooner than this without a word is a failure: without this rule it would be asked in a tight loop. */
const SHORT_WATCH_MS = 1_000;

/**
 * Lists, then watches from there, for ever. A watch that ends cleanly goes on from the last resourceVersion; only a history that the server
 * no longer has costs another list. Nothing polls: silence is noticed by the connection's pings.
 */
export function reflect<T extends KubeObject>(options: ReflectOptions<T>): Reflector {
  return new ListWatch(options);
}

class ListWatch<T extends KubeObject> implements Reflector {
  readonly done: Promise<void>;
  readonly #options: ReflectOptions<T>;
  readonly #lifetime = new AbortController();
  readonly #signal: AbortSignal;
  readonly #backoff: Backoff;
  #lastContactAtMs: number | undefined;
  #resourceVersion: string | undefined;
  /** Up to where anything was ever told. */
  #reached: string | undefined;
  #listed = false;
  /** The last watch did not run its full time: the server may be another one now, even with another history. */
  #interrupted = false;

  constructor(options: ReflectOptions<T>) {
    this.#options = options;
    this.#backoff = new Backoff(options.backoff ?? BACKOFF, options.random);
    this.#signal = options.signal ? AbortSignal.any([options.signal, this.#lifetime.signal]) : this.#lifetime.signal;
    this.done = this.#run();
  }

  get listed(): boolean {
    return this.#listed;
  }

  get lastContactAtMs(): number | undefined {
    return this.#lastContactAtMs;
  }

  get resourceVersion(): string | undefined {
    return this.#resourceVersion;
  }

  async stop(): Promise<void> {
    this.#lifetime.abort();
    await this.done;
  }

  async #run(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#list();
        else await this.#resume(this.#resourceVersion);
      } catch (error) {
        if (this.#signal.aborted) return;
        if (!(error instanceof KubeError)) throw error;
        this.#interrupted = true;
        if (mustListAgain(error)) this.#resourceVersion = undefined;
        await this.#pause(error);
      }
    }
  }

  async #list(): Promise<void> {
    const { client, namespace, fieldSelector, labelSelector } = this.#options;
    const list = await client.list({ namespace, fieldSelector, labelSelector, signal: this.#signal });
    if (this.#signal.aborted) return;
    this.#interrupted = false;
    const wentBack = this.#reached !== undefined && isOlder(list.resourceVersion, this.#reached);
    this.#heard(list.resourceVersion);
    if (wentBack) this.#options.onWentBack?.();
    if (this.#signal.aborted) return;
    this.#options.onList(list.items, list.resourceVersion);
    this.#listed = true;
  }

  async #resume(resourceVersion: string): Promise<void> {
    if (this.#interrupted) await this.#checkHistory(resourceVersion);
    this.#interrupted = false;
    await this.#watch(resourceVersion);
  }

  /**
   * A watch from a resourceVersion that the server has not reached says nothing at all, not even a bookmark, and then leaves out what came
   * between. That is what an etcd restored from a backup looks like, so the question is asked whenever the server may be another.
   */
  async #checkHistory(resourceVersion: string): Promise<void> {
    const { client, namespace, fieldSelector, labelSelector } = this.#options;
    const latest = await client.latestResourceVersion({
      namespace,
      fieldSelector,
      labelSelector,
      signal: this.#signal,
    });
    if (isOlder(latest, resourceVersion)) throw wentBack(resourceVersion, latest);
  }

  /** One watch from its beginning to its clean end. */
  async #watch(resourceVersion: string): Promise<void> {
    const { client, clock, random, namespace, fieldSelector, labelSelector } = this.#options;
    const startedAtMs = clock.now();
    const timeoutSeconds = Math.round(WATCH_SECONDS.min + random() * (WATCH_SECONDS.max - WATCH_SECONDS.min));
    const deadline = new AbortController();
    const cancelDeadline = clock.after(timeoutSeconds * 1000 + WATCH_GRACE_MS, () => deadline.abort());
    const signal = AbortSignal.any([this.#signal, deadline.signal]);
    let events = 0;
    try {
      for await (const event of client.watch({
        namespace,
        fieldSelector,
        labelSelector,
        resourceVersion,
        timeoutSeconds,
        signal,
      })) {
        if (this.#signal.aborted) return;
        events += 1;
        this.#deliver(event);
        // Not after a list: one that works and a watch that does not would take turns without a pause.
        this.#backoff.reset();
      }
    } catch (error) {
      throw deadline.signal.aborted ? neverEnded(error) : error;
    } finally {
      cancelDeadline();
    }
    const lastedMs = clock.now() - startedAtMs;
    if (events === 0 && lastedMs < SHORT_WATCH_MS) throw endedAtOnce();
    this.#interrupted = lastedMs < timeoutSeconds * 1000 - SHORT_WATCH_MS;
  }

  #deliver(event: WatchEvent<T>): void {
    const resourceVersion = event.object.metadata?.resourceVersion;
    if (!resourceVersion) throw malformed('an event without a resourceVersion');
    if (event.type === 'BOOKMARK') {
      this.#heard(resourceVersion);
      this.#options.onBookmark?.(resourceVersion);
    } else {
      this.#options.onEvent(event);
      this.#heard(resourceVersion);
    }
  }

  #heard(resourceVersion: string): void {
    this.#resourceVersion = resourceVersion;
    this.#reached = resourceVersion;
    this.#lastContactAtMs = this.#options.clock.now();
  }

  async #pause(error: KubeError): Promise<void> {
    const waitMs = Math.max(this.#backoff.next(), error.retryAfterMs ?? 0);
    this.#options.onError?.(error, waitMs);
    await sleep(this.#options.clock, waitMs, this.#signal);
  }
}

/** The history from our resourceVersion on is gone, or the server's has never reached it: etcd was restored. */
function mustListAgain(error: KubeError): boolean {
  return isExpired(error) || error.causes.includes('ResourceVersionTooLarge');
}

/** Decimal numbers of any size that grow with every change, which Kubernetes guarantees since 1.35. */
function isOlder(one: string, other: string): boolean {
  return one.length === other.length ? one < other : one.length < other.length;
}

function wentBack(from: string, to: string): KubeError {
  return new KubeError({
    message: `watch: the server's history went back from ${from} to ${to}`,
    reason: 'Expired',
    retryable: false,
    mayHaveLanded: false,
  });
}

function malformed(what: string): KubeError {
  return new KubeError({ message: `watch: ${what}`, reason: 'Malformed', retryable: true, mayHaveLanded: false });
}

function endedAtOnce(): KubeError {
  return new KubeError({
    message: 'watch: the server ended it at once',
    reason: 'ConnectionLost',
    retryable: true,
    mayHaveLanded: false,
  });
}

function neverEnded(cause: unknown): KubeError {
  return new KubeError({
    message: 'watch: the server did not end it in time',
    reason: 'NoAnswer',
    retryable: true,
    mayHaveLanded: false,
    cause,
  });
}
