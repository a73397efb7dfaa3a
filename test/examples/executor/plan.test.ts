import { expect, it } from 'vitest';
import { type Domain, plan, type Step, type Task } from '../../../examples/executor/plan.ts';
import { LARGE, SMALL } from './world.ts';

const MARK = { uid: 'this', power: 'on' } as const;
const RUNS: Domain = { power: 'on', inMotion: false, size: SMALL };
const IS_OFF: Domain = { ...RUNS, power: 'off' };
const IS_COMING: Domain = { ...RUNS, inMotion: true };

interface Row {
  readonly what: string;
  readonly a?: Domain;
  readonly b?: Domain;
  readonly task?: Partial<Task>;
  readonly step: Step;
}

const LIVE: Partial<Task> = { live: true };
const RESIZE: Partial<Task> = { sizes: { before: SMALL, after: LARGE } };
const ABORT: Partial<Task> = { ...LIVE, decision: 'Abort' };
const WAIT: Step = { kind: 'wait' };

const ROWS: readonly Row[] = [
  { what: 'alive: is migrated', a: RUNS, task: LIVE, step: { kind: 'migrateLive', from: 'a', to: 'b' } },
  { what: 'alive: is on its way already, by whomever', a: RUNS, b: IS_COMING, task: LIVE, step: WAIT },
  { what: 'alive: has arrived', b: RUNS, task: LIVE, step: { kind: 'report', phase: 'PostMigrating' } },
  {
    what: 'alive: something else is there',
    a: RUNS,
    b: IS_OFF,
    task: LIVE,
    step: { kind: 'refuse', reason: 'b has another instance of this UUID' },
  },
  { what: 'aborted on its way', a: RUNS, b: IS_COMING, task: ABORT, step: { kind: 'abortJob', on: 'a' } },
  {
    what: 'aborted, and still where it was',
    a: RUNS,
    task: ABORT,
    step: { kind: 'report', phase: 'Failed', reason: 'aborted, as spec.decision says' },
  },
  { what: 'aborted too late', b: RUNS, task: ABORT, step: { kind: 'report', phase: 'PostMigrating' } },
  {
    what: 'failed, and still where it was',
    a: RUNS,
    task: { ...LIVE, failure: 'no route' },
    step: { kind: 'report', phase: 'Failed', reason: 'no route' },
  },
  {
    what: 'called failed, and yet arrived',
    b: RUNS,
    task: { ...LIVE, failure: 'no route' },
    step: { kind: 'report', phase: 'PostMigrating' },
  },
  { what: 'cold: whether it ran is written down first', a: RUNS, step: { kind: 'mark', on: 'a', mark: MARK } },
  { what: 'cold: is stopped', a: { ...RUNS, mark: MARK }, step: { kind: 'stop', on: 'a' } },
  { what: 'cold: is defined there', a: { ...IS_OFF, mark: MARK }, step: { kind: 'define', from: 'a', to: 'b' } },
  {
    what: 'cold: gets its size there',
    a: { ...IS_OFF, mark: MARK },
    b: { ...IS_OFF, mark: MARK },
    task: RESIZE,
    step: { kind: 'resize', on: 'b', size: LARGE },
  },
  {
    what: 'cold: has its size there, rounded up',
    a: { ...IS_OFF, mark: MARK },
    b: { ...IS_OFF, mark: MARK, size: LARGE },
    task: { sizes: { before: SMALL, after: { ...LARGE, memoryKiB: LARGE.memoryKiB - 1 } } },
    step: { kind: 'undefine', on: 'a' },
  },
  {
    what: 'cold: is undefined here',
    a: { ...IS_OFF, mark: MARK },
    b: { ...IS_OFF, mark: MARK },
    step: { kind: 'undefine', on: 'a' },
  },
  { what: 'cold: is started there', b: { ...IS_OFF, mark: MARK }, step: { kind: 'start', on: 'b' } },
  {
    what: 'cold: is not started if it did not run',
    b: { ...IS_OFF, mark: { uid: 'this', power: 'off' } },
    step: { kind: 'report', phase: 'PostMigrating' },
  },
  {
    what: 'runs on both, which nobody here has done',
    a: { ...RUNS, mark: MARK },
    b: { ...RUNS, mark: MARK },
    step: { kind: 'refuse', reason: 'it runs on a and on b' },
  },
  { what: 'nowhere', step: { kind: 'refuse', reason: 'neither a nor b has such an instance' } },
  { what: 'not taken up yet', a: RUNS, task: { phase: 'PreMigrating' }, step: { kind: 'report', phase: 'Migrating' } },
  { what: 'aborted before it began', a: RUNS, task: { phase: 'PreMigrating', decision: 'Abort' }, step: WAIT },
  {
    what: 'Finished, and unwanted',
    b: RUNS,
    task: { phase: 'Finished', decision: 'Revert' },
    step: { kind: 'mark', on: 'b', mark: MARK },
  },
  { what: 'Finished alive, and unwanted too late', b: RUNS, task: { ...ABORT, phase: 'Finished' }, step: WAIT },
  {
    what: 'Finished, and the mark of the move is still there',
    b: { ...RUNS, mark: MARK },
    task: { phase: 'Finished' },
    step: { kind: 'unmark', on: 'b' },
  },
  {
    what: 'Reverted in the books, and still to be brought back',
    b: { ...IS_OFF, mark: MARK },
    task: { phase: 'Reverted', claim: { nodeName: 'a', size: SMALL, isLocked: false } },
    step: { kind: 'define', from: 'b', to: 'a' },
  },
  {
    what: 'of another migration, whose mark says nothing here',
    a: { ...IS_OFF, mark: { uid: 'that', power: 'on' } },
    step: { kind: 'mark', on: 'a', mark: { uid: 'this', power: 'off' } },
  },
  {
    what: 'that no claim is locked for: nothing is begun',
    a: RUNS,
    task: { claim: { nodeName: 'a', size: SMALL, isLocked: false } },
    step: WAIT,
  },
  { what: 'whose claim was deleted', a: { ...IS_OFF, mark: MARK }, task: { claim: undefined }, step: WAIT },
];

it.each(ROWS)('$what: $step.kind', ({ a, b, task, step }) => {
  const domains = new Map([
    ...(a === undefined ? [] : [['a', a] as const]),
    ...(b === undefined ? [] : [['b', b] as const]),
  ]);
  const claim = { nodeName: 'a', size: SMALL, isLocked: true };
  const given = { uid: 'this', phase: 'Migrating', live: false, source: 'a', target: 'b', claim, domains };
  expect(plan({ ...given, ...task })).toEqual(step);
});
