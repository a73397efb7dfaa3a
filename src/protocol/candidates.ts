/** Whom a batch looks at: not all that is undecided, however much there is, and nobody's flood before everybody else. */
import { type ClaimCache, type Entry, isBusy } from './claim-cache.ts';
import { byAge } from './turns.ts';

/** How many of those that wait behind the front are looked at in one turn, when something about them has changed. */
const MAX_LOOKS = 500;

export interface Candidates {
  /** The oldest first: creation time, then UID. */
  readonly entries: readonly Entry[];
  /** Those of them that wait and have others before them that are not looked at. */
  readonly behind: ReadonlySet<Entry>;
  /** There are more to be looked at than one turn may. */
  readonly isMore: boolean;
}

export interface Bounds {
  /** Decisions. */
  readonly room: number;
  /** Notes to those that wait: without room for a single one, nobody behind the front is looked at. */
  readonly noteRoom: number;
  /** Writes of claims whose last one was refused. */
  readonly retryRoom: number;
  readonly nowMs: number;
}

/**
 * As many as there is room for: of those that do not wait a fair choice (see `Undecided.takePrompt`), and of those that wait the ones in
 * front, those whose time is over, and some of those that were not looked at since they have changed.
 */
export function candidates({ undecided }: ClaimCache, { room, noteRoom, retryRoom, nowMs }: Bounds): Candidates {
  const isReady = (entry: Entry): boolean => !isBusy(entry) && (!entry.isFailing || retryRoom > 0);
  const front = new Set(firstReady(undecided.waiting(), room, isReady));
  const behind = new Set<Entry>();
  for (const entry of undecided.overdue(nowMs)) {
    if (behind.size >= room) break;
    if (isReady(entry) && !front.has(entry)) behind.add(entry);
  }
  let isMore = false;
  for (const entry of noteRoom > 0 ? undecided.fresh() : []) {
    if (!isReady(entry) || front.has(entry)) continue;
    isMore = behind.size >= MAX_LOOKS;
    if (isMore) break;
    behind.add(entry);
  }
  const prompt = undecided.takePrompt(room, isReady);
  return { entries: [...front, ...behind, ...prompt].sort(byAge), behind, isMore };
}

/** So many that are ready, and the others between them. */
function* firstReady(entries: Iterable<Entry>, count: number, isReady: (entry: Entry) => boolean): Generator<Entry> {
  let left = count;
  for (const entry of entries) {
    if (left <= 0) return;
    if (isReady(entry)) left -= 1;
    yield entry;
  }
}

/**
 * Lets `decide` decide, in order, until the room is full. Where there are more candidates than room, neither those that wait nor those that
 * do not get more than half of it before the others had their turn.
 */
export function inShares(entries: readonly Entry[], room: number, decide: (entry: Entry) => boolean): void {
  const share = entries.length <= room ? room : Math.ceil(room / 2);
  const later: Entry[] = [];
  const spent = { Wait: 0, Reject: 0 };
  let left = room;
  for (const entry of entries) {
    if (left <= 0) return;
    const kind = entry.claim.spec.whenInsufficient === 'Wait' ? 'Wait' : 'Reject';
    if (spent[kind] >= share) later.push(entry);
    else if (decide(entry)) {
      spent[kind] += 1;
      left -= 1;
    }
  }
  for (const entry of later) {
    if (left <= 0) return;
    if (decide(entry)) left -= 1;
  }
}
