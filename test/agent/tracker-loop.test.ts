import { expect, test } from 'vitest';
import type { Performer } from '../../src/agent/performer.ts';
import { TrackerLoop, type TrackerLoopParts } from '../../src/agent/tracker-loop.ts';
import type { Observation } from '../../src/protocol/messages.ts';
import type { Tracker } from '../../src/protocol/tracker.ts';

/** More tries than any test waits for: what never ends must not hang it. */
const ENDLESS = 10_000;

/** A loop whose tracker reads the node again whenever that failed, as where the API server is away. */
function whereEveryReadFails(): { loop: TrackerLoop; tries: () => number } {
  let tries = 0;
  const seen = {} as Observation;
  const tracker = {
    observe: () => [{ kind: 'readNode' }],
    decide: () => ({ effects: [], commit: undefined, dueMs: undefined }),
  } as unknown as Tracker;
  const performer = {
    perform: () => {
      tries += 1;
      return tries < ENDLESS ? Promise.resolve(seen) : new Promise<Observation>(() => undefined);
    },
  } as unknown as Performer;
  const ignore = (): void => undefined;
  const parts: TrackerLoopParts = {
    tracker,
    performer,
    wallClock: () => 0,
    mayDecide: () => true,
    listClaims: ignore,
    onDecided: ignore,
    onNoticed: ignore,
    onMigrated: ignore,
    onCommitted: ignore,
    onLog: ignore,
    onEnd: ({ reason }) => {
      throw new Error(reason);
    },
  };
  return { loop: new TrackerLoop(parts), tries: () => tries };
}

test('a loop that was stopped tries nothing again, though all that it began fails', async () => {
  const { loop, tries } = whereEveryReadFails();
  const seen = {} as Observation;
  loop.observe(seen);
  await loop.stop(AbortSignal.abort());
  const triesAtTheEnd = tries();
  loop.observe(seen);
  await new Promise((resolve) => setImmediate(resolve));
  expect(triesAtTheEnd).toBeGreaterThan(0);
  expect(tries()).toBeLessThan(triesAtTheEnd + 3);
});
