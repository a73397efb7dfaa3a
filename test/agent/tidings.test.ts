import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { AgentMetrics } from '../../src/agent/metrics.ts';
import { Tidings } from '../../src/agent/tidings.ts';
import type { ComputeNode, ComputeNodeStatus } from '../../src/api/generated/v1alpha1.ts';
import type { EventToRecord } from '../../src/kube/event-object.ts';
import type { Notice } from '../../src/protocol/messages.ts';

type Given = Readonly<Record<string, readonly [status: 'True' | 'False', reason: string]>>;

const HEALTHY: Given = {
  Ready: ['True', 'Ready'],
  TrackingEnabled: ['True', 'Tracking'],
  OrphansDetected: ['False', 'NoOrphans'],
};
const orphan = (uuid: string) => ({ uuid, name: uuid });

function node(given: Given, orphans: ComputeNodeStatus['orphans'] = []): ComputeNode {
  const conditions = Object.entries(given).map(([type, [status, reason]]) => ({
    ...{ type, status, reason, message: type },
    lastTransitionTime: '2026-01-01T00:00:00Z',
  }));
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'ComputeNode',
    metadata: { name: 'n' },
    spec: {},
    status: { conditions, orphans },
  };
}

/** What is recorded when a node is published in these states, one after another. */
function recorded(...nodes: readonly ComputeNode[]): readonly string[] {
  const { tidings, events } = open();
  nodes.forEach((after, index) => {
    tidings.published(nodes[index - 1], after);
  });
  return events.map(({ type, reason }) => `${type} ${reason}`);
}

function open() {
  const events: EventToRecord[] = [];
  const metrics = new AgentMetrics();
  const tidings = new Tidings({ log: pino({ enabled: false }), metrics, record: (event) => events.push(event) });
  return { tidings, events, metrics };
}

describe('of a node', () => {
  const unready = { ...HEALTHY, Ready: ['False', 'NotReady'] } as const;
  const untracked = { ...unready, TrackingEnabled: ['False', 'TrackingDisabled'] } as const;
  const noReport = { ...unready, TrackingEnabled: ['False', 'NoReportYet'] } as const;
  const withOrphans = { ...HEALTHY, OrphansDetected: ['True', 'OrphansFound'] } as const;

  const cases: readonly (readonly [what: string, nodes: readonly ComputeNode[], events: readonly string[]])[] = [
    ['nothing before it is ready', [node(noReport), node(unready)], []],
    [
      'that it is ready, and what is wrong all the same',
      [node(unready), node(withOrphans)],
      ['Normal Ready', 'Warning OrphansFound'],
    ],
    ['nothing more while nothing turns', [node(HEALTHY), node(HEALTHY)], ['Normal Ready']],
    [
      'what turns, and turns back',
      [node(HEALTHY), node(unready), node(HEALTHY)],
      ['Normal Ready', 'Warning NotReady', 'Normal Ready'],
    ],
    [
      'that it does not count what it grants, although it is never ready',
      [node(untracked)],
      ['Warning NotReady', 'Warning TrackingDisabled'],
    ],
    [
      'each orphan that comes, and that none is left',
      [
        node(HEALTHY),
        node(withOrphans, [orphan('a')]),
        node(withOrphans, [orphan('a'), orphan('b')]),
        node(withOrphans, [orphan('b')]),
        node(HEALTHY),
      ],
      ['Normal Ready', 'Warning OrphansFound', 'Warning OrphansFound', 'Normal NoOrphans'],
    ],
  ];
  it.each(cases)('it is told %s', (_what, nodes, events) => {
    expect(recorded(...nodes)).toEqual(events);
  });
});

describe('of a claimed instance', () => {
  const reasons: readonly (readonly [Notice['reason'], 'Normal' | 'Warning'])[] = [
    ['InstanceAppeared', 'Normal'],
    ['InstanceMissing', 'Warning'],
    ['InstanceExceedsClaim', 'Warning'],
    ['InstanceMatchesClaim', 'Normal'],
    ['DevicesMissing', 'Warning'],
    ['DevicesChanged', 'Warning'],
    ['DevicesPresent', 'Normal'],
  ];
  it.each(reasons)('%s is an Event of type %s on the claim, and is counted', async (reason, type) => {
    const { tidings, events, metrics } = open();
    const ref = { kind: 'InstanceClaim', namespace: 'team-a', name: 'a', uid: 'u' } as const;
    tidings.noticed({ ref, reason, message: 'with figures' });
    expect(events).toMatchObject([
      {
        type,
        reason,
        note: 'with figures',
        regarding: { kind: 'InstanceClaim', metadata: { namespace: 'team-a', uid: 'u' } },
      },
    ]);
    expect(await metrics.registry.metrics()).toContain(`resource_tracker_claim_notices_total{reason="${reason}"} 1`);
  });
});
