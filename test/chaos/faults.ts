/** What goes wrong in a run: the order of it is the seed's, and each kind says what it does. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from '../../dev/control-plane.ts';
import type { Rule } from '../../dev/fault-proxy/rules.ts';
import type { ComputeNode, InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import type { Lease } from '../../src/api/lease.ts';
import type { ResourceClient } from '../../src/kube/resource.ts';
import { decides } from '../integration/agent/writes.ts';
import { NAMESPACE } from './clients.ts';
import type { Dice } from './dice.ts';
import type { ChangingHost } from './host.ts';
import { LEASE_SECONDS, type Slot } from './slot.ts';

export interface Battlefield {
  readonly controlPlane: ControlPlane;
  readonly slots: readonly Slot[];
  readonly hosts: readonly ChangingHost[];
  readonly nodes: ResourceClient<ComputeNode>;
  readonly claims: ResourceClient<InstanceClaim>;
  readonly leases: ResourceClient<Lease>;
}

/** One fault with all that chance has to say in it: a number that is read as each kind likes. */
export interface Fault {
  readonly kind: FaultKind;
  readonly where: number;
  readonly how: number;
  /** Until the next one. */
  readonly pauseMs: number;
}

/** Weight in the choice, and what happens. Resolves when it is over; the next one does not wait for it, but for the servers'. */
interface Kind {
  readonly weight: number;
  readonly alone?: true;
  readonly strike: (field: Battlefield, fault: Fault) => Promise<unknown>;
}

const PAST_LEASE_MS = LEASE_SECONDS * 1000 + 1_000;

const KINDS = {
  'kill -9 of an agent': {
    weight: 5,
    strike: async (field, fault) => {
      const slot = slotOf(field, fault);
      await slot.end();
      await sleep(fault.how % 1_500);
      slot.start();
    },
  },
  'SIGTERM of an agent': {
    weight: 2,
    strike: async (field, fault) => {
      const slot = slotOf(field, fault);
      await slot.end('SIGTERM');
      slot.start();
    },
  },
  'SIGSTOP past the Lease': {
    weight: 4,
    strike: async (field, fault) => {
      const slot = slotOf(field, fault);
      slot.pause();
      await sleep(PAST_LEASE_MS + (fault.how % 1_000));
      slot.resume();
    },
  },
  'API server killed and restarted': {
    weight: 1,
    alone: true,
    strike: ({ controlPlane }) => controlPlane.restartApiServer(),
  },
  'etcd killed and restarted': {
    weight: 1,
    alone: true,
    strike: async ({ controlPlane }, fault) => {
      await controlPlane.stopEtcd();
      await sleep(fault.how % 500);
      await controlPlane.startEtcd();
    },
  },
  'connections cut': { weight: 3, strike: async (field, fault) => slotOf(field, fault).proxy.cut() },
  'API server unreachable for one agent': {
    weight: 2,
    strike: async (field, fault) => {
      const { proxy } = slotOf(field, fault);
      proxy.setReachable(false);
      await sleep(fault.how % (PAST_LEASE_MS + 1_000));
      proxy.setReachable(true);
    },
  },
  'watches stalled': {
    weight: 3,
    strike: (field, fault) =>
      forAWhile(field, fault, 3_000, {
        at: 'answer',
        fault: { kind: 'hold' },
        matches: ({ isWatch }) => isWatch,
        times: Number.POSITIVE_INFINITY,
      }),
  },
  'answers delayed': {
    weight: 2,
    strike: (field, fault) =>
      forAWhile(field, fault, 3_000, {
        at: 'answer',
        fault: { kind: 'delay', ms: 100 + (fault.how % 700) },
        matches: ({ isWatch }) => !isWatch,
        times: Number.POSITIVE_INFINITY,
      }),
  },
  'decisions held back, then let go': {
    weight: 4,
    strike: (field, fault) =>
      forAWhile(field, fault, PAST_LEASE_MS * 2, {
        at: 'request',
        fault: { kind: 'hold' },
        matches: decides,
        times: 20,
      }),
  },
  '429, 500 or 503': {
    weight: 4,
    strike: async (field, fault) =>
      slotOf(field, fault).proxy.add({
        at: fault.how % 2 === 0 ? 'request' : 'answer',
        fault: { kind: 'fail', status: [429, 500, 503][fault.how % 3] ?? 500 },
        matches: ({ isWatch }) => !isWatch,
        times: 1 + (fault.how % 30),
      }),
  },
  'answers lost': {
    weight: 4,
    strike: async (field, fault) =>
      slotOf(field, fault).proxy.add({
        at: 'answer',
        fault: { kind: fault.how % 5 === 0 ? 'silence' : 'reset' },
        matches: ({ method }) => method === 'PUT',
        times: 1 + (fault.how % 10),
      }),
  },
  'ComputeNode deleted': { weight: 2, strike: ({ nodes, slots }, fault) => nodes.delete(nodeOf(slots, fault)) },
  'Lease deleted': {
    weight: 1,
    strike: ({ leases, slots }, fault) => leases.delete(nodeOf(slots, fault), { namespace: 'resource-tracker' }),
  },
  'limits changed': {
    weight: 3,
    strike: ({ nodes, slots }, fault) =>
      nodes.patch(
        nodeOf(slots, fault),
        {
          spec: {
            reserved: { memory: `${fault.how % 5}Gi` },
            allocationRatios: { memory: ['0.5', '1', '1.5'][fault.how % 3] },
          },
        },
        { type: 'merge' },
      ),
  },
  'device vanishes or comes back': {
    weight: 3,
    strike: (field, fault) => hostOf(field, fault).toggleDevice(fault.how),
  },
  'memory of the host changes': { weight: 1, strike: (field, fault) => hostOf(field, fault).toggleMemory() },
  'instance appears that nobody claims': {
    weight: 2,
    strike: (field, fault) => hostOf(field, fault).addInstance(randomUUID(), '2Gi'),
  },
  'instance of a claim appears, too large': {
    weight: 2,
    strike: async (field, fault) => {
      const host = hostOf(field, fault);
      const { items } = await field.claims.list({
        namespace: NAMESPACE,
        fieldSelector: `spec.nodeName=${host.nodeName}`,
      });
      const granted = items.filter(({ status }) => status?.phase === 'Claimed');
      const uid = granted[fault.how % Math.max(granted.length, 1)]?.metadata.uid;
      if (uid !== undefined) await host.addInstance(uid, '1537Mi');
    },
  },
} as const satisfies Record<string, Kind>;

export type FaultKind = keyof typeof KINDS;
export const FAULT_KINDS = Object.keys(KINDS) as FaultKind[];

/** The faults of a seed, in their order: longer runs get more of the same list. */
export function planFaults(dice: Dice, count: number): Fault[] {
  const bag = FAULT_KINDS.flatMap((kind) => Array.from({ length: KINDS[kind].weight }, () => kind));
  return Array.from({ length: count }, () => ({
    kind: dice.pick(bag),
    where: dice.between(0, 1_000_000),
    how: dice.between(0, 1_000_000),
    pauseMs: dice.between(100, 800),
  }));
}

/** Lets a fault strike. Resolves when the next one may: after a server is back, else at once; `over` when it is over. */
export async function strike(field: Battlefield, fault: Fault): Promise<{ readonly over: Promise<unknown> }> {
  const kind: Kind = KINDS[fault.kind];
  const over = kind.strike(field, fault);
  if (kind.alone) await over;
  else over.catch(() => undefined);
  return { over };
}

async function forAWhile(field: Battlefield, fault: Fault, mostMs: number, rule: Rule): Promise<void> {
  const active = slotOf(field, fault).proxy.add(rule);
  await sleep(fault.how % mostMs);
  active.release();
}

function slotOf({ slots }: Battlefield, { where }: Fault): Slot {
  return chosen(slots, where);
}

function hostOf({ hosts }: Battlefield, { where }: Fault): ChangingHost {
  return chosen(hosts, where);
}

function nodeOf(slots: readonly Slot[], { where }: Fault): string {
  return chosen(slots, where).host.nodeName;
}

function chosen<T>(items: readonly T[], number: number): T {
  const item = items[number % items.length];
  if (item === undefined) throw new Error('there is nothing to choose from');
  return item;
}
