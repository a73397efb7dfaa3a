import { describe, expect, it } from 'vitest';
import type { ComputeNode } from '../../src/api/generated/v1alpha1.ts';
import type { Heartbeat } from '../../src/controller/heartbeats.ts';
import { type NodeFacts, planNode } from '../../src/controller/plan-node.ts';
import { at, computeNode, condition, lease, NAMESPACE, shown } from './objects.ts';

const ALIVE: Heartbeat = { kind: 'alive', dueMs: at(40).ms };
const UNKNOWN: Heartbeat = { kind: 'unknown', dueMs: at(40).ms };
const SILENT: Heartbeat = { kind: 'dead', reason: 'AgentSilent', afterMs: 40_000 };
const STOPPED: Heartbeat = { kind: 'dead', reason: 'AgentStopped', afterMs: 40_000 };

const WELL = [
  { ...condition('AgentAlive', 'True', 'LeaseRenewed'), message: 'the agent renews its Lease' },
  { ...condition('NodeExists', 'True', 'NodeFound'), message: 'Kubernetes has the Node n' },
];
const GONE = [
  {
    ...condition('AgentAlive', 'False', 'AgentSilent'),
    message: 'the agent has not renewed its Lease resource-tracker/n for 40 s',
  },
  { ...condition('NodeExists', 'False', 'NodeGone'), message: 'Kubernetes has no Node n' },
];
const READY = condition('Ready', 'True', 'Ready');

interface Row {
  readonly title: string;
  readonly node: ComputeNode;
  readonly facts?: Partial<NodeFacts>;
  /** Nothing is written where it is absent. */
  readonly conditions?: readonly string[];
}

const rows: readonly Row[] = [
  {
    title: 'a new node whose agent lives has both conditions',
    node: computeNode('n'),
    conditions: ['AgentAlive=True(LeaseRenewed)', 'NodeExists=True(NodeFound)'],
  },
  { title: 'a node that is told right is left alone', node: computeNode('n', { conditions: [READY, ...WELL] }) },
  {
    title: 'an agent that is not known for long enough is neither alive nor silent',
    node: computeNode('n'),
    facts: { heartbeat: UNKNOWN },
    conditions: ['NodeExists=True(NodeFound)'],
  },
  {
    title: 'what was said of an agent stands while it is not known',
    node: computeNode('n', { conditions: [GONE[0] ?? READY, WELL[1] ?? READY] }),
    facts: { heartbeat: UNKNOWN },
  },
  {
    title: 'a silent agent is told, and Ready with it',
    node: computeNode('n', { conditions: [READY, ...WELL] }),
    facts: { heartbeat: SILENT },
    conditions: ['AgentAlive=False(AgentSilent)', 'NodeExists=True(NodeFound)', 'Ready=False(AgentSilent)'],
  },
  {
    title: 'a stopped agent is told as such',
    node: computeNode('n', { conditions: [READY, ...WELL] }),
    facts: { heartbeat: STOPPED },
    conditions: ['AgentAlive=False(AgentStopped)', 'NodeExists=True(NodeFound)', 'Ready=False(AgentStopped)'],
  },
  {
    title: 'a Ready that is False already keeps its own reason',
    node: computeNode('n', { conditions: [condition('Ready', 'False', 'NotReady'), ...WELL] }),
    facts: { heartbeat: SILENT },
    conditions: ['AgentAlive=False(AgentSilent)', 'NodeExists=True(NodeFound)', 'Ready=False(NotReady)'],
  },
  {
    title: 'a Ready that a late write of the agent brought back is ended again',
    node: computeNode('n', { conditions: [GONE[0] ?? READY, WELL[1] ?? READY, READY] }),
    facts: { heartbeat: SILENT },
    conditions: ['AgentAlive=False(AgentSilent)', 'NodeExists=True(NodeFound)', 'Ready=False(AgentSilent)'],
  },
  {
    title: 'an agent that came back is told, and Ready left to it',
    node: computeNode('n', {
      conditions: [GONE[0] ?? READY, WELL[1] ?? READY, condition('Ready', 'False', 'AgentSilent')],
    }),
    conditions: ['AgentAlive=True(LeaseRenewed)', 'NodeExists=True(NodeFound)', 'Ready=False(AgentSilent)'],
  },
  {
    title: 'a Node that is gone under a living agent ends Ready, too',
    node: computeNode('n', { conditions: [READY, ...WELL] }),
    facts: { exists: false },
    conditions: ['AgentAlive=True(LeaseRenewed)', 'NodeExists=False(NodeGone)', 'Ready=False(NodeGone)'],
  },
  {
    title: 'a ComputeNode that an administrator made before any agent came is ours to tell of',
    node: { ...computeNode('n'), status: {} },
    facts: { heartbeat: { kind: 'dead', reason: 'LeaseMissing', afterMs: 40_000 } },
    conditions: ['AgentAlive=False(LeaseMissing)', 'NodeExists=True(NodeFound)'],
  },
  {
    title: "another installation's node is left alone",
    node: computeNode('n', { agent: { leaseNamespace: 'another' } }),
    facts: { heartbeat: SILENT, exists: false },
  },
];

const factsOf = (node: ComputeNode, facts: Partial<NodeFacts> = {}): NodeFacts => ({
  node,
  exists: true,
  heartbeat: ALIVE,
  isHeld: () => false,
  leaseNamespace: NAMESPACE,
  nodeGoneMs: 600_000,
  now: at(100),
  ...facts,
});

describe('planNode', () => {
  it.each(rows)('$title', ({ node, facts, conditions }) => {
    const { work } = planNode(factsOf(node, facts));
    const written = work?.kind === 'writeNode' ? shown(work.node.status?.conditions) : undefined;
    expect(written).toEqual(conditions);
  });

  it('leaves everything else in the status as it is, and moves lastTransitionTime with the status only', () => {
    const node = computeNode('n', {
      hostname: 'host',
      conditions: [condition('OrphansDetected', 'False'), READY, ...WELL],
    });
    const { work } = planNode(factsOf(node, { heartbeat: SILENT }));
    expect(work).toMatchObject({
      kind: 'writeNode',
      node: {
        metadata: node.metadata,
        status: {
          hostname: 'host',
          conditions: [
            { type: 'AgentAlive', lastTransitionTime: '2031-05-01T12:01:40Z' },
            { type: 'NodeExists', lastTransitionTime: '2031-05-01T12:00:00Z' },
            condition('OrphansDetected', 'False'),
            { type: 'Ready', lastTransitionTime: '2031-05-01T12:01:40Z' },
          ],
        },
      },
    });
  });

  const removable = computeNode('n', { conditions: GONE });
  const removals: readonly { title: string; node?: ComputeNode; facts?: Partial<NodeFacts>; removed: boolean }[] = [
    { title: 'when its Node has been gone for long enough', removed: true },
    { title: 'not a moment before', facts: { now: at(599.9) }, removed: false },
    { title: 'not while something is held there', facts: { isHeld: () => true }, removed: false },
    { title: 'not while an agent lives there', facts: { heartbeat: ALIVE }, removed: false },
    { title: 'not while an agent may live there', facts: { heartbeat: UNKNOWN }, removed: false },
    { title: 'not when its Node is back', facts: { exists: true }, removed: false },
    {
      title: "not with an administrator's spec",
      node: computeNode('n', { spec: { unschedulable: false }, conditions: GONE }),
      removed: false,
    },
    {
      title: 'also with a spec that says nothing',
      node: computeNode('n', { spec: { reserved: {}, pciDevices: [] }, conditions: GONE }),
      removed: true,
    },
    {
      title: 'not twice',
      node: { ...removable, metadata: { ...removable.metadata, deletionTimestamp: '2031-05-01T12:00:00Z' } },
      removed: false,
    },
  ];

  it.each(removals)('A ComputeNode is removed $title.', ({ node = removable, facts, removed }) => {
    const left = lease('n');
    const { work } = planNode(factsOf(node, { heartbeat: SILENT, exists: false, now: at(600), lease: left, ...facts }));
    if (removed) expect(work).toEqual({ kind: 'deleteNode', node, lease: left });
    else expect(work?.kind).not.toBe('deleteNode');
  });

  it('says when the removal is due', () => {
    const { dueMs } = planNode(factsOf(removable, { heartbeat: SILENT, exists: false, now: at(590) }));
    expect(dueMs).toBe(at(600).ms);
  });
});
