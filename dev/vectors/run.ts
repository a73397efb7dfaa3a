import type { VectorCase } from './case.ts';
import { runClaimCopy, runClaimLimits, runClaimPci, runClaimProperties } from './claim-area.ts';
import { compareOutputs, type Difference } from './compare.ts';
import { runAddresses, runAliases, runMatch } from './config-area.ts';
import { NotRunnable } from './json.ts';
import { runDuplicates, runResizeStates } from './migration-area.ts';
import { runCpuMonitor, runInheritedMetrics, runMetrics, runMonitorChoice } from './monitor-area.ts';
import { runDisabled, runLifecycle, runNodeRecord, runPlace, runReportKeys } from './node-area.ts';
import type { Figure, Outcome, Ran } from './outcome.ts';
import { runOverheadFormula } from './overhead-area.ts';
import { runPciDevice, runPciRequests, runPciTracker, runWhitelist } from './pci-area.ts';
import { RULES, type Rule } from './rules.ts';
import { runSchedulerLimits } from './scheduler-area.ts';
import { runStats } from './stats-area.ts';
import { runEveryStatus, runEveryVmState, runReserved, runTracker } from './tracker-area.ts';

type All = ReadonlyMap<string, VectorCase>;
type Runner = (subject: VectorCase, all: All) => Outcome | Promise<Outcome>;

/** How a case came out. `partly`: all that was checked is as given, and some outputs belong to other rooms. */
export type Verdict =
  | { readonly kind: 'asGiven' }
  | { readonly kind: 'partly'; readonly unchecked: readonly string[] }
  | { readonly kind: 'explained'; readonly explanations: readonly Explanation[] }
  | { readonly kind: 'undecided' | 'unexplained'; readonly differences: readonly Difference[] }
  | { readonly kind: 'prose' | 'outside'; readonly why: string };

interface Crash {
  readonly kind: 'crashed';
  readonly why: string;
}

export interface Explanation {
  readonly difference: Difference;
  readonly rule: Rule;
}

/** Areas of which nothing is the ledger's, and whose they are. */
const OUTSIDE: readonly (readonly [area: RegExp, why: string])[] = [
  [/^locking\b/, 'several nodes on one host are out of scope: an agent has one node'],
  [/^claim\.context$/, 'tickets: a claim is an object here, and is aborted by deleting it'],
  [/^resize\.disabled$/, 'tickets: a migration’s record is an object of its own, which its author creates'],
  [/^flavors\b/, 'Nova’s stash of flavors: here they are in the claim’s status'],
];

/** Cases whose scenario speaks of what is not the ledger's, whatever their area. */
const OUTSIDE_BY_WORDS: readonly (readonly [words: RegExp, why: string])[] = [
  [/\bstash\b/, 'Nova’s stash in the instance’s metadata: here it is in the claim’s status'],
  [/writes? its record|record is written/, 'records and tickets: src/protocol'],
];

const TRACKER: Runner = (subject, all) =>
  runReserved(subject) ??
  runOverheadFormula(subject) ??
  runEveryVmState(subject) ??
  runEveryStatus(subject) ??
  runTracker(subject, all);

const CLAIM_INSTANCE: Runner = (subject, all) => runPlace(subject) ?? TRACKER(subject, all);

const RUNNERS: readonly (readonly [area: RegExp, run: Runner])[] = [
  [/^claim\.limits$/, runClaimLimits],
  [/^claim\.pci$/, runClaimPci],
  [/^claim\.properties$/, runClaimProperties],
  [/^claim\.copy$/, runClaimCopy],
  [/^stats\b/, runStats],
  [/^monitors\.choose$/, runMonitorChoice],
  [/^monitors\.metrics$/, runInheritedMetrics],
  [/^monitors\.cpu$/, runCpuMonitor],
  [/^metrics$/, runMetrics],
  [/^scheduler\.limits$/, runSchedulerLimits],
  [/^pci\.(?:requests|pools)$/, runPciRequests],
  [/^pci\.tracker$/, runPciTracker],
  [/^pci\.device$/, runPciDevice],
  [/^pci\.whitelist$/, runWhitelist],
  [/^pci\.alias$/, runAliases],
  [/^pci\.address$/, runAddresses],
  [/^pci\.match$/, runMatch],
  [/^audit\.errors$/, runReportKeys],
  [/^(?:audit|claim)\.disabled$/, runDisabled],
  [/^audit\.node$/, runNodeRecord],
  [/^lifecycle\b/, runLifecycle],
  [/^claim\.instance$/, CLAIM_INSTANCE],
  [/^migration\.duplicates$/, runDuplicates],
  [/^migration\.filter$/, (subject, all) => runResizeStates(subject) ?? TRACKER(subject, all)],
  [/^(?:audit|claim|concurrency|migration|orphans|overhead|resize|tracker|update_usage)\b/, TRACKER],
];

/** Runs one case of a file. */
export async function judge(subject: VectorCase, all: All): Promise<Verdict> {
  const outcome = await attempt(subject, all);
  if (outcome.kind === 'crashed') return crashed(outcome);
  if (outcome.kind !== 'ran') return outcome;
  const { differences, unchecked } = compareOutputs(subject.outputs, outcome.actual);
  if (unchecked.length === Object.keys(subject.outputs).length) {
    return { kind: 'outside', why: `outputs of other rooms: ${unchecked.join(', ')}` };
  }
  if (differences.length > 0) return judgeDifferences(differences, outcome);
  return unchecked.length > 0 ? { kind: 'partly', unchecked } : { kind: 'asGiven' };
}

async function attempt(subject: VectorCase, all: All): Promise<Outcome | Crash> {
  const outside =
    OUTSIDE.find(([area]) => area.test(subject.area)) ??
    OUTSIDE_BY_WORDS.find(([words]) => words.test(`${subject.given}; ${subject.when}`));
  if (outside !== undefined) return { kind: 'outside', why: outside[1] };
  const runner = RUNNERS.find(([area]) => area.test(subject.area))?.[1];
  if (runner === undefined) return { kind: 'prose', why: `unknown area ${subject.area}` };
  try {
    return await runner(subject, all);
  } catch (error) {
    if (error instanceof NotRunnable) return { kind: 'prose', why: error.message };
    return { kind: 'crashed', why: String(error) };
  }
}

/** An error that nobody foresaw may be the ledger's. */
function crashed({ why }: Crash): Verdict {
  return { kind: 'unexplained', differences: [{ path: 'the run', expected: 'an outcome', actual: why }] };
}

function judgeDifferences(differences: readonly Difference[], run: Ran): Verdict {
  const explanations = differences.flatMap((difference): Explanation[] => {
    const rule = RULES.find((candidate) => candidate.explains(difference, run));
    return rule === undefined ? [] : [{ difference, rule }];
  });
  if (explanations.length === differences.length) return { kind: 'explained', explanations };
  const left = differences.filter(
    (difference) => !explanations.some((explanation) => explanation.difference === difference),
  );
  const isAssumed = left.every((difference) => dependsOn(difference, run.assumed));
  return { kind: isAssumed ? 'undecided' : 'unexplained', differences: left };
}

const FIGURES: readonly (readonly [figure: Figure, path: RegExp])[] = [
  ['mem', /(?:^|\.)(?:mem|free_ram_mb|after_audit)$/],
  ['disk', /(?:^|\.)(?:disk|free_disk_gb)$/],
  ['vcpus', /(?:^|\.)(?:vcpus|stats_vcpus)$/],
  ['labels', /^num_(?:vm|task|os_type|proj|vcpus)_/],
  ['all', /./],
];

/** Whether a figure follows from something that the case does not tell, so that it says nothing about the ledger. */
function dependsOn({ path }: Difference, assumed: ReadonlySet<Figure>): boolean {
  return FIGURES.some(([figure, pattern]) => assumed.has(figure) && pattern.test(path));
}
