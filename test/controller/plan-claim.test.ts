import { describe, expect, it } from 'vitest';
import type { InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { planClaim } from '../../src/controller/plan-claim.ts';
import type { Standing } from '../../src/controller/standing.ts';
import { at, claim, condition, shown, stamp } from './objects.ts';

const SERVED: Standing = { kind: 'served', exists: true };
const SERVED_WITHOUT_NODE: Standing = { kind: 'served', exists: false };
const UNKNOWN: Standing = { kind: 'unknown', exists: false };
const SILENT: Standing = { kind: 'unserved', exists: true, reason: 'AgentSilent', message: 'silent' };
const GONE: Standing = { kind: 'unserved', exists: false, reason: 'AgentSilent', message: 'silent' };
const NOBODY: Standing = { kind: 'unserved', exists: false, reason: 'NoComputeNode', message: 'nobody' };

const granted = (...conditions: ReturnType<typeof condition>[]): InstanceClaim =>
  claim('c', { nodeName: 'n' }, { phase: 'Claimed', nodeName: 'n', conditions });
const pending = (...conditions: ReturnType<typeof condition>[]): InstanceClaim =>
  claim('c', { nodeName: 'n' }, { conditions });

interface Row {
  readonly title: string;
  readonly claim: InstanceClaim;
  readonly standing: Standing;
  /** Nothing is written where it is absent. */
  readonly conditions?: readonly string[];
}

const rows: readonly Row[] = [
  { title: 'a granted claim on a node that is well is left alone', claim: granted(), standing: SERVED },
  { title: 'a granted claim whose agent is silent is left alone: its node tells', claim: granted(), standing: SILENT },
  {
    title: 'a granted claim whose node is gone is told so',
    claim: granted(),
    standing: GONE,
    conditions: ['NodeGone=True(NodeGone)'],
  },
  {
    title: 'a granted claim is told that even its ComputeNode is gone',
    claim: granted(),
    standing: NOBODY,
    conditions: ['NodeGone=True(NodeGone)'],
  },
  {
    title: 'a Node that registers anew under a living agent is not gone',
    claim: granted(),
    standing: SERVED_WITHOUT_NODE,
  },
  { title: 'a node that is not known for long enough is not gone', claim: granted(), standing: UNKNOWN },
  {
    title: 'a node that came back is told',
    claim: granted(condition('NodeGone', 'True', 'NodeGone')),
    standing: SERVED,
    conditions: ['NodeGone=False(NodeFound)'],
  },
  {
    title: 'an agent that came back before its Node is told',
    claim: granted(condition('NodeGone', 'True', 'NodeGone')),
    standing: SERVED_WITHOUT_NODE,
    conditions: ['NodeGone=False(AgentAlive)'],
  },
  {
    title: 'a node that came back without its agent is told',
    claim: granted(condition('NodeGone', 'True', 'NodeGone')),
    standing: SILENT,
    conditions: ['NodeGone=False(NodeFound)'],
  },
  {
    title: 'what was said of a node stands while it is not known',
    claim: granted(condition('NodeGone', 'True')),
    standing: UNKNOWN,
  },
  { title: 'what is over is said once', claim: granted(condition('NodeGone', 'False', 'Whatever')), standing: SERVED },
  { title: 'a new claim on a served node is left alone', claim: pending(), standing: SERVED },
  {
    title: 'a claim without a status is pending',
    claim: claim('c', { nodeName: 'n' }),
    standing: NOBODY,
    conditions: ['NodeNotServed=True(NoComputeNode)'],
  },
  {
    title: 'a claim on a node with a silent agent is told',
    claim: pending(),
    standing: SILENT,
    conditions: ['NodeNotServed=True(AgentSilent)'],
  },
  {
    title: 'a claim whose node is served now is told',
    claim: pending(condition('NodeNotServed', 'True')),
    standing: SERVED,
    conditions: ['NodeNotServed=False(NodeServed)'],
  },
  {
    title: 'a claim that was decided meanwhile is told',
    claim: granted(condition('NodeNotServed', 'True')),
    standing: SERVED,
    conditions: ['NodeNotServed=False(Decided)'],
  },
  {
    title: 'a claim that names no node waits for its scheduler',
    claim: claim('c', { schedulerName: 's' }),
    standing: NOBODY,
  },
  {
    title: 'a claim that the node has refused waits for its scheduler',
    claim: claim('c', { nodeName: 'n', schedulerName: 's' }, { attempts: [{ nodeName: 'n', reasons: [] }] }),
    standing: SILENT,
  },
  {
    title: 'a claim that is being deleted is left alone',
    claim: { ...pending(), metadata: { ...pending().metadata, deletionTimestamp: stamp(0) } },
    standing: NOBODY,
  },
];

describe('planClaim', () => {
  it.each(rows)('$title', ({ claim: object, standing, conditions }) => {
    const { work } = planClaim({ claim: object, standingOf: () => standing, now: at(100) });
    expect(work?.kind === 'writeClaim' ? shown(work.claim.status?.conditions) : undefined).toEqual(conditions);
  });

  const rejected = claim(
    'c',
    { ttlSecondsAfterFinished: 60 },
    { phase: 'Rejected', conditions: [condition('Claimed', 'False', 'InsufficientMemory', 10)] },
  );
  const waited = { whenInsufficient: 'Wait', waitSeconds: 300 } as const;
  const removals: readonly {
    title: string;
    claim?: InstanceClaim;
    finishedAt?: Date;
    dueSeconds: number | undefined;
  }[] = [
    { title: 'a Rejected claim, from the time of its refusal', dueSeconds: 70 },
    {
      title: 'an Expired claim, from the time of its end',
      claim: { ...rejected, status: { ...rejected.status, phase: 'Expired' } },
      dueSeconds: 70,
    },
    {
      title: 'a claim with no time left, at once',
      claim: { ...rejected, spec: { ttlSecondsAfterFinished: 0 } },
      dueSeconds: 10,
    },
    {
      title: 'a claim that waited in vain, from the end of its waiting: its condition was False before',
      claim: { ...rejected, spec: { ...rejected.spec, ...waited } },
      dueSeconds: 360,
    },
    { title: 'a claim that we saw finish, from then', finishedAt: at(200).date, dueSeconds: 260 },
    { title: 'a claim without a time to live, never', claim: { ...rejected, spec: {} }, dueSeconds: undefined },
    { title: 'a granted claim, never', claim: { ...rejected, status: { phase: 'Claimed' } }, dueSeconds: undefined },
    { title: 'a pending claim, never', claim: { ...rejected, status: { phase: 'Pending' } }, dueSeconds: undefined },
  ];

  it.each(removals)('removes $title.', ({ claim: object = rejected, finishedAt, dueSeconds }) => {
    const facts = { claim: object, standingOf: () => SERVED, ...(finishedAt !== undefined && { finishedAt }) };
    const due = dueSeconds ?? 1_000_000;
    const before = planClaim({ ...facts, now: at(due - 0.001) });
    const after = planClaim({ ...facts, now: at(due) });
    expect(before.work).toBeUndefined();
    expect(before.dueMs).toBe(dueSeconds === undefined ? undefined : at(dueSeconds).ms);
    expect(after.work).toEqual(dueSeconds === undefined ? undefined : { kind: 'deleteClaim', claim: object });
  });
});
