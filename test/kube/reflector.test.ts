import { describe, expect, it, onTestFinished } from 'vitest';
import { KubeError, type KubeErrorReason } from '../../src/kube/errors.ts';
import { type Reflector, reflect } from '../../src/kube/reflector.ts';
import type { KubeObject, ListOptions, ObjectList, WatchEvent, WatchOptions } from '../../src/kube/resource.ts';
import { ManualClock, settle } from './manual-clock.ts';

/** What the server does next; a watch that is not told to end stays open. */
type Step =
  | { readonly list: readonly string[]; readonly at: string }
  | { readonly listFails: KubeError }
  | { readonly latest: string }
  | {
      readonly watch: readonly WatchEvent<KubeObject>[];
      readonly ending: 'end' | 'stay' | KubeError;
      readonly afterMs?: number;
    };

function failure(reason: KubeErrorReason, more: { retryAfterMs?: number; causes?: string[] } = {}): KubeError {
  return new KubeError({ message: reason, reason, retryable: true, mayHaveLanded: false, ...more });
}

function object(name: string, resourceVersion: string): KubeObject {
  return { metadata: { name, resourceVersion } };
}

const added = (name: string, version: string) => ({ type: 'ADDED', object: object(name, version) }) as const;
const modified = (name: string, version: string) => ({ type: 'MODIFIED', object: object(name, version) }) as const;
const deleted = (name: string, version: string) => ({ type: 'DELETED', object: object(name, version) }) as const;
const bookmark = (version: string) => ({ type: 'BOOKMARK', object: object('', version) }) as const;

/** An API server that plays a script and writes down what it was asked and what came of it. */
class ScriptedServer {
  readonly log: string[] = [];
  readonly clock = new ManualClock();
  readonly #steps: Step[];

  constructor(steps: readonly Step[]) {
    this.#steps = [...steps];
  }

  get left(): number {
    return this.#steps.length;
  }

  async list({ resourceVersion }: ListOptions = {}): Promise<ObjectList<KubeObject>> {
    this.log.push(`list ${resourceVersion ?? 'consistent'}`);
    const step = this.#steps.shift();
    if (step && 'listFails' in step) throw step.listFails;
    if (!step || !('list' in step)) throw new Error('the script has no list here');
    return { items: step.list.map((name) => object(name, '1')), resourceVersion: step.at };
  }

  async latestResourceVersion(): Promise<string> {
    this.log.push('how far');
    const step = this.#steps.shift();
    if (step && 'listFails' in step) throw step.listFails;
    if (!step || !('latest' in step)) throw new Error('the script has no look at the history here');
    return step.latest;
  }

  async *watch({ resourceVersion, timeoutSeconds, signal }: WatchOptions): AsyncGenerator<WatchEvent<KubeObject>> {
    this.log.push(`watch ${resourceVersion}`);
    expect(timeoutSeconds).toBeGreaterThanOrEqual(300);
    expect(timeoutSeconds).toBeLessThanOrEqual(600);
    const step = this.#steps.shift();
    if (step && !('watch' in step)) throw new Error('the script has no watch here');
    for (const event of step?.watch ?? []) yield event;
    const ending = step?.ending ?? 'stay';
    await this.#wait(ending === 'stay' ? Number.MAX_SAFE_INTEGER : (step?.afterMs ?? 0), signal);
    if (signal?.aborted) throw failure('Aborted');
    if (ending instanceof KubeError) throw ending;
  }

  #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      signal?.addEventListener('abort', () => resolve());
      if (ms === 0) resolve();
      else this.clock.after(ms, resolve);
    });
  }
}

function follow(server: ScriptedServer, random = 1): Reflector {
  const reflector = reflect({
    client: server,
    clock: server.clock,
    random: () => random,
    onList: (items, version) =>
      server.log.push(`listed ${items.map(({ metadata }) => metadata?.name).join('+')} @${version}`),
    onEvent: ({ type, object: { metadata } }) =>
      server.log.push(`${type} ${metadata?.name} @${metadata?.resourceVersion}`),
    onWentBack: () => server.log.push('went back'),
    onBookmark: (version) => server.log.push(`bookmark @${version}`),
    onError: (error, retryInMs) => server.log.push(`${error.reason}, again in ${retryInMs}`),
  });
  onTestFinished(() => reflector.stop());
  return reflector;
}

const FULL_WATCH_MS = 600_000;

describe('a reflector', () => {
  it.each<{ title: string; steps: Step[]; forMs?: number; expected: string[] }>([
    {
      title: 'lists consistently, then watches from there and delivers in order',
      steps: [
        { list: ['a', 'b'], at: '10' },
        { watch: [added('c', '11'), modified('a', '12'), deleted('b', '13')], ending: 'stay' },
      ],
      expected: ['list consistent', 'listed a+b @10', 'watch 10', 'ADDED c @11', 'MODIFIED a @12', 'DELETED b @13'],
    },
    {
      title: 'goes on after a clean end from the last event, without a list',
      steps: [
        { list: ['a'], at: '10' },
        { watch: [modified('a', '12')], ending: 'end', afterMs: FULL_WATCH_MS },
        { watch: [modified('a', '13')], ending: 'stay' },
      ],
      forMs: FULL_WATCH_MS,
      expected: ['list consistent', 'listed a @10', 'watch 10', 'MODIFIED a @12', 'watch 12', 'MODIFIED a @13'],
    },
    {
      title: 'goes on from a bookmark where nothing else happened',
      steps: [
        { list: [], at: '10' },
        { watch: [bookmark('50')], ending: 'end', afterMs: FULL_WATCH_MS },
      ],
      forMs: FULL_WATCH_MS,
      expected: ['list consistent', 'listed  @10', 'watch 10', 'bookmark @50', 'watch 50'],
    },
    {
      title: 'looks at the history before it goes on after a broken watch, and goes on where it is whole',
      steps: [
        { list: [], at: '10' },
        { watch: [added('a', '11')], ending: failure('ConnectionLost') },
        { latest: '11' },
        { watch: [modified('a', '12')], ending: 'stay' },
      ],
      forMs: 200,
      expected: [
        'list consistent',
        'listed  @10',
        'watch 10',
        'ADDED a @11',
        'ConnectionLost, again in 200',
        'how far',
        'watch 11',
        'MODIFIED a @12',
      ],
    },
    {
      title: 'looks at the history after a watch that the server ended before its time',
      steps: [{ list: [], at: '10' }, { watch: [], ending: 'end', afterMs: 5_000 }, { latest: '99' }],
      forMs: 5_000,
      expected: ['list consistent', 'listed  @10', 'watch 10', 'how far', 'watch 10'],
    },
    {
      title: 'lists again when the history went back: etcd was restored, and a watch would stay silent',
      steps: [
        { list: ['a'], at: '1000' },
        { watch: [], ending: failure('ConnectionLost') },
        { latest: '999' },
        { list: [], at: '999' },
      ],
      forMs: 600,
      expected: [
        'list consistent',
        'listed a @1000',
        'watch 1000',
        'ConnectionLost, again in 200',
        'how far',
        'Expired, again in 400',
        'list consistent',
        'went back',
        'listed  @999',
        'watch 999',
      ],
    },
    {
      title: 'lists again, after a pause, when an ERROR event says that the history is gone',
      steps: [
        { list: ['a'], at: '10' },
        { watch: [], ending: failure('Expired') },
        { list: ['b'], at: '900' },
      ],
      forMs: 200,
      expected: [
        'list consistent',
        'listed a @10',
        'watch 10',
        'Expired, again in 200',
        'list consistent',
        'listed b @900',
        'watch 900',
      ],
    },
    {
      title: 'waits longer each time when every watch after a list is refused as gone',
      steps: [
        { list: [], at: '1' },
        { watch: [], ending: failure('Gone') },
        { list: [], at: '2' },
        { watch: [], ending: failure('Gone') },
        { list: [], at: '3' },
        { watch: [], ending: failure('Gone') },
      ],
      forMs: 600,
      expected: [
        'list consistent',
        'listed  @1',
        'watch 1',
        'Gone, again in 200',
        'list consistent',
        'listed  @2',
        'watch 2',
        'Gone, again in 400',
        'list consistent',
        'listed  @3',
        'watch 3',
        'Gone, again in 800',
      ],
    },
    {
      title: 'lists again when the server says that our resourceVersion is ahead of it',
      steps: [
        { list: [], at: '10' },
        { watch: [], ending: failure('Timeout', { causes: ['ResourceVersionTooLarge'] }) },
        { list: [], at: '5' },
      ],
      forMs: 200,
      expected: [
        'list consistent',
        'listed  @10',
        'watch 10',
        'Timeout, again in 200',
        'list consistent',
        'went back',
        'listed  @5',
        'watch 5',
      ],
    },
    {
      title: 'tries the first list until it works, with growing pauses',
      steps: [{ listFails: failure('Unreachable') }, { listFails: failure('Unreachable') }, { list: [], at: '1' }],
      forMs: 600,
      expected: [
        'list consistent',
        'Unreachable, again in 200',
        'list consistent',
        'Unreachable, again in 400',
        'list consistent',
        'listed  @1',
        'watch 1',
      ],
    },
    {
      title: 'does not ask earlier than the server allows',
      steps: [{ listFails: failure('TooManyRequests', { retryAfterMs: 5_000 }) }, { list: [], at: '1' }],
      forMs: 5_000,
      expected: ['list consistent', 'TooManyRequests, again in 5000', 'list consistent', 'listed  @1', 'watch 1'],
    },
    {
      title: 'treats a watch that ends at once as a failure, so that no tight loop comes of it',
      steps: [{ list: [], at: '1' }, { watch: [], ending: 'end' }, { latest: '1' }],
      forMs: 200,
      expected: ['list consistent', 'listed  @1', 'watch 1', 'ConnectionLost, again in 200', 'how far', 'watch 1'],
    },
    {
      title: 'starts with the short pause again once an event has come',
      steps: [
        { list: [], at: '1' },
        { watch: [], ending: failure('ConnectionLost') },
        { latest: '1' },
        { watch: [], ending: failure('ConnectionLost') },
        { latest: '1' },
        { watch: [added('a', '2')], ending: failure('ConnectionLost') },
      ],
      forMs: 600,
      expected: [
        'list consistent',
        'listed  @1',
        'watch 1',
        'ConnectionLost, again in 200',
        'how far',
        'watch 1',
        'ConnectionLost, again in 400',
        'how far',
        'watch 1',
        'ADDED a @2',
        'ConnectionLost, again in 200',
      ],
    },
    {
      title: 'passes on what it gets twice: only its user knows what it knows',
      steps: [
        { list: ['a'], at: '10' },
        { watch: [modified('a', '11'), modified('a', '11')], ending: 'stay' },
      ],
      expected: ['list consistent', 'listed a @10', 'watch 10', 'MODIFIED a @11', 'MODIFIED a @11'],
    },
    {
      title: 'reports an event without a resourceVersion and goes on from the last good one',
      steps: [
        { list: [], at: '10' },
        { watch: [added('a', '11'), { type: 'MODIFIED', object: { metadata: {} } }], ending: 'stay' },
        { latest: '12' },
      ],
      forMs: 200,
      expected: [
        'list consistent',
        'listed  @10',
        'watch 10',
        'ADDED a @11',
        'Malformed, again in 200',
        'how far',
        'watch 11',
      ],
    },
    {
      title: 'gives up a watch that the server forgot to end',
      steps: [{ list: [], at: '10' }, { watch: [], ending: 'stay' }, { latest: '10' }],
      forMs: 630_200,
      expected: ['list consistent', 'listed  @10', 'watch 10', 'NoAnswer, again in 200', 'how far', 'watch 10'],
    },
  ])('$title', async ({ steps, forMs = 0, expected }) => {
    const server = new ScriptedServer(steps);
    follow(server);
    await server.clock.advance(forMs);
    expect(server.log).toEqual(expected);
    expect(server.left).toBe(0);
  });

  it('never waits longer than ten seconds, and at least half of its time', async () => {
    const server = new ScriptedServer(Array.from({ length: 30 }, () => ({ listFails: failure('Unreachable') })));
    follow(server, 0);
    await server.clock.advance(40_000);
    const pauses = server.log.flatMap((line) => line.match(/again in (.*)/)?.[1] ?? []).map(Number);
    expect(pauses.slice(0, 8)).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  it('tells how fresh it is', async () => {
    const server = new ScriptedServer([
      { list: [], at: '1' },
      { watch: [], ending: failure('ConnectionLost'), afterMs: 5_000 },
    ]);
    const reflector = follow(server);
    expect(reflector.listed).toBe(false);
    await server.clock.advance(4_000);
    expect(reflector).toMatchObject({ listed: true, lastContactAtMs: 0, resourceVersion: '1' });
  });

  it.each([
    ['in a watch', [{ list: [], at: '1' }]],
    ['in a pause', [{ listFails: failure('Unreachable') }]],
  ] satisfies [string, Step[]][])('stops at once %s, and leaves no timer', async (_, steps) => {
    const server = new ScriptedServer(steps);
    const reflector = follow(server);
    await settle();
    await reflector.stop();
    const asked = server.log.length;
    await server.clock.advance(60_000);
    expect(server.log).toHaveLength(asked);
  });

  it('delivers nothing after it was stopped, not even what has arrived', async () => {
    const server = new ScriptedServer([
      { list: [], at: '1' },
      { watch: [added('a', '2'), added('b', '3')], ending: 'stay' },
    ]);
    const seen: string[] = [];
    const stopping = new AbortController();
    const reflector = reflect({
      client: server,
      clock: server.clock,
      random: () => 1,
      signal: stopping.signal,
      onList: () => {},
      onEvent: ({ object: { metadata } }) => {
        seen.push(metadata?.name ?? '');
        stopping.abort();
      },
    });
    await reflector.done;
    expect(seen).toEqual(['a']);
  });

  it('does not swallow what its user throws', async () => {
    const server = new ScriptedServer([{ list: [], at: '1' }]);
    const { done } = reflect({
      client: server,
      clock: server.clock,
      random: () => 1,
      onList: () => {
        throw new RangeError('a bug');
      },
      onEvent: () => {},
    });
    await expect(done).rejects.toThrow('a bug');
  });
});
