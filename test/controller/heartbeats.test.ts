import { describe, expect, it } from 'vitest';
import { Heartbeats } from '../../src/controller/heartbeats.ts';
import { lease } from './objects.ts';

type Happening = (heartbeats: Heartbeats, nowMs: number) => void;

const listed: Happening = (heartbeats, nowMs) => heartbeats.listed([lease('n')], nowMs);
const emptyList: Happening = (heartbeats, nowMs) => heartbeats.listed([], nowMs);
const renewed: Happening = (heartbeats, nowMs) => heartbeats.seen(lease('n'), nowMs);
const released: Happening = (heartbeats, nowMs) => heartbeats.seen(lease('n', ''), nowMs);
const deleted: Happening = (heartbeats, nowMs) => heartbeats.deleted('n', nowMs);
const contact: Happening = (heartbeats, nowMs) => heartbeats.contact(nowMs);
const blinded: Happening = (heartbeats) => heartbeats.blinded();

interface Row {
  readonly title: string;
  /** What happens at which second; the API server says something every 10 s beside that. */
  readonly story: Readonly<Record<number, Happening>>;
  /** No word of the API server from here on. */
  readonly silenceFrom?: number;
  readonly atSeconds: number;
  readonly is: string;
}

const rows: readonly Row[] = [
  {
    title: 'A Lease that is renewed before our eyes is a sign of life.',
    story: { 0: listed, 5: renewed },
    atSeconds: 44,
    is: 'alive',
  },
  {
    title: 'A Lease that was only listed says nothing before its duration.',
    story: { 0: listed },
    atSeconds: 39,
    is: 'unknown',
  },
  {
    title: 'A Lease that was only listed is not renewed after its duration.',
    story: { 0: listed },
    atSeconds: 40,
    is: 'AgentSilent',
  },
  {
    title: 'A Lease that is not renewed any more ends with its duration.',
    story: { 0: listed, 5: renewed },
    atSeconds: 45,
    is: 'AgentSilent',
  },
  {
    title: 'A Lease that was given back says nothing before its duration.',
    story: { 0: listed, 5: renewed, 6: released },
    atSeconds: 45,
    is: 'unknown',
  },
  {
    title: 'A Lease that was given back and not taken means a stopped agent.',
    story: { 0: listed, 6: released },
    atSeconds: 46,
    is: 'AgentStopped',
  },
  {
    title: 'A Lease that is taken again after it was given back is a sign of life.',
    story: { 0: listed, 6: released, 60: renewed },
    atSeconds: 61,
    is: 'alive',
  },
  { title: 'A Lease that was never there is missed.', story: { 0: emptyList }, atSeconds: 40, is: 'LeaseMissing' },
  {
    title: 'A Lease that was never there is not missed before an agent could have made it.',
    story: { 0: emptyList },
    atSeconds: 39,
    is: 'unknown',
  },
  {
    title: 'A Lease that was deleted is missed after its duration.',
    story: { 0: listed, 50: deleted },
    atSeconds: 90,
    is: 'LeaseMissing',
  },
  {
    title: 'A Lease that was deleted a moment ago is not missed yet.',
    story: { 0: listed, 50: deleted },
    atSeconds: 89,
    is: 'unknown',
  },
  {
    title: 'A Lease that a second list lacks is missed after its duration.',
    story: { 0: listed, 50: emptyList },
    atSeconds: 90,
    is: 'LeaseMissing',
  },
  {
    title: 'A Lease that changed between two lists proves nothing.',
    story: { 0: listed, 50: listed },
    atSeconds: 51,
    is: 'unknown',
  },
  {
    title: 'A watch that failed and says nothing calls nobody silent.',
    story: { 0: listed, 5: renewed, 20: blinded },
    silenceFrom: 20,
    atSeconds: 500,
    is: 'unknown',
  },
  {
    title: 'After a watch that failed the duration counts anew.',
    story: { 0: listed, 5: renewed, 20: blinded, 60: contact },
    silenceFrom: 20,
    atSeconds: 75,
    is: 'unknown',
  },
  {
    title: 'A watch that is silent without a failure calls nobody silent either.',
    story: { 0: listed, 5: renewed },
    silenceFrom: 10,
    atSeconds: 100,
    is: 'unknown',
  },
  {
    title: 'After a pause of our own the duration counts anew.',
    story: { 0: listed, 5: renewed, 100: contact, 110: contact },
    silenceFrom: 10,
    atSeconds: 120,
    is: 'unknown',
  },
  {
    title: 'After a pause of our own an agent that stays silent is found.',
    story: { 0: listed, 5: renewed, 100: contact, 120: contact, 140: contact },
    silenceFrom: 10,
    atSeconds: 140,
    is: 'AgentSilent',
  },
];

describe('Heartbeats', () => {
  it.each(rows)('$title', ({ story, silenceFrom = Number.POSITIVE_INFINITY, atSeconds, is }) => {
    const heartbeats = new Heartbeats();
    for (let second = 0; second <= atSeconds; second += 1) {
      if (second > 0 && second % 10 === 0 && second < silenceFrom) heartbeats.contact(second * 1000);
      story[second]?.(heartbeats, second * 1000);
    }
    const judged = heartbeats.judge('n', 0, atSeconds * 1000);
    expect(judged.kind === 'dead' ? judged.reason : judged.kind).toBe(is);
  });

  it('A node that nobody knew is not missed at once.', () => {
    const heartbeats = new Heartbeats();
    heartbeats.listed([], 0);
    heartbeats.contact(999_000);
    heartbeats.contact(1_000_000);
    expect(heartbeats.judge('new', 1_000_000, 1_000_000)).toEqual({ kind: 'unknown', dueMs: 1_040_000 });
  });

  it("Another holder's duration is the Lease's own.", () => {
    const heartbeats = new Heartbeats();
    heartbeats.listed([], 0);
    heartbeats.seen(lease('n', 'an agent', 3), 0);
    expect(heartbeats.judge('n', 0, 2_999)).toEqual({ kind: 'alive', dueMs: 3_000 });
    expect(heartbeats.judge('n', 0, 3_000)).toEqual({ kind: 'dead', reason: 'AgentSilent', afterMs: 3_000 });
  });
});
