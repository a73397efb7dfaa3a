import { expect, test } from 'vitest';
import type { Performer } from '../../src/agent/performer.ts';
import { TrackerLoop, type TrackerLoopParts } from '../../src/agent/tracker-loop.ts';
import type { Observation } from '../../src/protocol/messages.ts';
import { Tracker } from '../../src/protocol/tracker.ts';
import { settings } from '../simulation/world/objects.ts';

/** More tries than any test waits for: what never ends must not hang it. */
const ENDLESS = 10_000;
const SEEN: Observation = { kind: 'lead', token: 'token' };

/** A loop whose tracker reads the node again whenever that failed, as where the API server is away. */
function whereEveryReadFails(): { loop: TrackerLoop; tries: () => number } {
  let tries = 0;
  const failed: Observation = { kind: 'nodeRead', answer: { kind: 'unanswered', message: 'away' } };
  const performer = {
    perform: () => {
      tries += 1;
      return tries < ENDLESS ? Promise.resolve(failed) : new Promise<Observation>(() => undefined);
    },
  } as unknown as Performer;
  const ignore = (): void => undefined;
  const parts: TrackerLoopParts = {
    tracker: new Tracker(settings()),
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
  loop.observe(SEEN);
  await loop.stop(AbortSignal.abort());
  const triesAtTheEnd = tries();
  loop.observe(SEEN);
  await new Promise((resolve) => setImmediate(resolve));
  expect(triesAtTheEnd).toBeGreaterThan(0);
  expect(tries()).toBeLessThan(triesAtTheEnd + 3);
});
