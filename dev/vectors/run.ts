import type { VectorCase } from './case.ts';
import { runClaimCopy, runClaimLimits, runClaimPci, runClaimProperties } from './claim-area.ts';
import { compareOutputs, type Difference } from './compare.ts';
import { NotRunnable } from './json.ts';
import { runDuplicates, runResizeStates } from './migration-area.ts';
import type { Outcome, Ran } from './outcome.ts';
import { runPciDevice, runPciRequests, runPciTracker, runWhitelist } from './pci-area.ts';
import { RULES, type Rule } from './rules.ts';
import { runSchedulerLimits } from './scheduler-area.ts';
import { runStats } from './stats-area.ts';
import { runEveryStatus, runEveryVmState, runReserved, runTracker } from './tracker-area.ts';

type All = ReadonlyMap<string, VectorCase>;
type Runner = (subject: VectorCase, all: All) => Outcome;

/** How a case came out. `partly`: all that was checked is as given, and some outputs belong to other rooms. */
export type Verdict =
  | { readonly kind: 'asGiven' }
  | { readonly kind: 'partly'; readonly unchecked: readonly string[] }
  | { readonly kind: 'explained'; readonly explanations: readonly Explanation[] }
  | { readonly kind: 'undecided'; readonly assumed: readonly string[]; readonly differences: readonly Difference[] }
  | { readonly kind: 'unexplained'; readonly differences: readonly Difference[] }
  | { readonly kind: 'prose' | 'outside'; readonly why: string };

export interface Explanation {
  readonly difference: Difference;
  readonly rule: Rule;
}

/** Areas of which nothing is the ledger's, and whose they are. */
const OUTSIDE: readonly (readonly [area: RegExp, why: string])[] = [
  [/^(?:monitors|metrics)\b/, 'metrics: src/monitors and src/agent'],
  [/^audit\.(?:errors|disabled|node)$/, 'the driver’s report and the published object: src/drivers and src/protocol'],
  [/^(?:lifecycle|locking)\b/, 'when and by whom things are called: src/protocol and src/agent'],
  [
    /^(?:claim\.context|claim\.disabled|resize\.disabled)$/,
    'tickets and a disabled tracker: a claim is an object here, and nothing is decided before the first audit (Q6)',
  ],
  [/^flavors\b/, 'Nova’s stash of flavors: here they are in the claim’s status'],
  [/^pci\.(?:alias|address)$/, 'aliases and addresses are read by configuration and drivers'],
];

const TRACKER: Runner = (subject, all) =>
  runReserved(subject) ?? runEveryVmState(subject) ?? runEveryStatus(subject) ?? runTracker(subject, all);

const RUNNERS: readonly (readonly [area: RegExp, run: Runner])[] = [
  [/^claim\.limits$/, runClaimLimits],
  [/^claim\.pci$/, runClaimPci],
  [/^claim\.properties$/, runClaimProperties],
  [/^claim\.copy$/, runClaimCopy],
  [/^stats\b/, runStats],
  [/^scheduler\.limits$/, runSchedulerLimits],
  [/^pci\.(?:requests|pools)$/, runPciRequests],
  [/^pci\.tracker$/, runPciTracker],
  [/^pci\.device$/, runPciDevice],
  [/^pci\.whitelist$/, runWhitelist],
  [/^migration\.duplicates$/, runDuplicates],
  [/^migration\.filter$/, (subject, all) => runResizeStates(subject) ?? TRACKER(subject, all)],
  [/^(?:audit|claim|concurrency|migration|orphans|overhead|resize|tracker|update_usage)\b/, TRACKER],
];

/** Runs one case of a file. */
export function judge(subject: VectorCase, all: All): Verdict {
  const outcome = attempt(subject, all);
  if (outcome.kind !== 'ran') return outcome;
  const { differences, unchecked } = compareOutputs(subject.outputs, outcome.actual);
  if (unchecked.length === Object.keys(subject.outputs).length) {
    return { kind: 'outside', why: `outputs of other rooms: ${unchecked.join(', ')}` };
  }
  if (differences.length > 0) return judgeDifferences(differences, outcome);
  return unchecked.length > 0 ? { kind: 'partly', unchecked } : { kind: 'asGiven' };
}

function attempt(subject: VectorCase, all: All): Outcome {
  const outside = OUTSIDE.find(([area]) => area.test(subject.area));
  if (outside !== undefined) return { kind: 'outside', why: outside[1] };
  const runner = RUNNERS.find(([area]) => area.test(subject.area))?.[1];
  if (runner === undefined) return { kind: 'prose', why: `unknown area ${subject.area}` };
  try {
    return runner(subject, all);
  } catch (error) {
    if (error instanceof NotRunnable) return { kind: 'prose', why: error.message };
    throw error;
  }
}

function judgeDifferences(differences: readonly Difference[], run: Ran): Verdict {
  const explanations = differences.flatMap((difference): Explanation[] => {
    const rule = RULES.find((candidate) => candidate.explains(difference, run));
    return rule === undefined ? [] : [{ difference, rule }];
  });
  if (explanations.length === differences.length) return { kind: 'explained', explanations };
  if (run.assumed.length > 0) return { kind: 'undecided', assumed: [...new Set(run.assumed)], differences };
  return { kind: 'unexplained', differences };
}
