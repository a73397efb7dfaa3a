/** One run: real servers and agents, claims without a pause, faults in the order of a seed; then the reckoning. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installCrds } from '../../dev/control-plane/crds.ts';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane.ts';
import type { ComputeNode, InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { COMPUTE_NODES, INSTANCE_CLAIMS, LEASES } from '../../src/api/kinds.ts';
import type { Lease } from '../../src/api/lease.ts';
import { connect } from '../../src/kube/connection.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { type KubeObject, resourceClient } from '../../src/kube/resource.ts';
import { until } from '../bench/until.ts';
import { Chronicle } from './chronicle.ts';
import { NAMESPACE, runClient, Scheduler } from './clients.ts';
import { CpuShares } from './cpu-shares.ts';
import { Dice } from './dice.ts';
import { type Battlefield, type Fault, planFaults, strike } from './faults.ts';
import { ChangingHost, type Host, libvirtHost } from './host.ts';
import { Meter } from './meter.ts';
import { differences } from './recount.ts';
import { Slot } from './slot.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly report: (line: string) => void;
}

export interface ChaosResult {
  readonly faults: readonly Fault[];
  readonly counts: Readonly<Record<string, number>>;
  /** How much was asked of the machine, and what it was busy with. */
  readonly rates: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

const CLIENTS = 48;
const NODES = ['fake-1', 'fake-2', 'libvirt-1'] as const;
const NAMESPACES = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false } as const;
/** An agent that hears nothing gives a request up after 15 s; a claim waits for 7 s at most; a Lease lasts 4. */
const SETTLE_MS = 90_000;
/** What is equal has to stay so. */
const STEADY_LOOKS = 3;

/** Runs once. Rejects only when the run itself cannot be made; what is wrong with the agents is in `violations`. */
export async function runChaos({ seed, seconds, report }: ChaosOptions): Promise<ChaosResult> {
  await using stack = new AsyncDisposableStack();
  const controlPlane = stack.use(await startControlPlane({ controllerManager: false, unsafeNoFsync: true }));
  await installCrds(controlPlane);
  const folder = join(controlPlane.directory, 'chaos');
  await mkdir(folder);
  const connection = await connect({ kubeconfig: controlPlane.kubeconfigPath, userAgent: 'chaos/0' });
  stack.defer(() => connection.close());
  await resourceClient<KubeObject>(connection, NAMESPACES).create({ metadata: { name: NAMESPACE } });
  const claims = resourceClient<InstanceClaim>(connection, INSTANCE_CLAIMS);
  const nodes = resourceClient<ComputeNode>(connection, COMPUTE_NODES);
  const leases = resourceClient<Lease>(connection, LEASES);
  const fakes = [await ChangingHost.create(NODES[0], folder), await ChangingHost.create(NODES[1], folder)];
  const hosts: readonly Host[] = [...fakes, await libvirtHost(NODES[2], folder)];
  const slots = await openSlots(hosts, controlPlane, folder, stack);
  for (const slot of slots) slot.start();
  const schedulers = [1, 2].map((number) => new Scheduler(claims, NODES, new Dice(seed + number)));
  stack.defer(async () => void (await Promise.all(schedulers.map((scheduler) => scheduler.stop()))));
  const chronicle = new Chronicle(claims, nodes, schedulers);
  stack.defer(() => chronicle.stop());
  await until('the chronicle has begun', () => chronicle.begun);
  const work = new AbortController();
  stack.defer(() => work.abort());
  const meter = new Meter();
  const clients = Array.from({ length: CLIENTS }, (_, index) => {
    const dice = new Dice(seed * 100 + index);
    const onCreated = (): void => meter.count();
    return runClient({ claims, name: `c${index}`, nodes: NODES, dice, signal: work.signal, onCreated });
  });
  const field: Battlefield = { controlPlane, slots, hosts: fakes, nodes, claims, leases };
  const cpuShares = new CpuShares(() => ({
    ...Object.fromEntries(Object.entries(controlPlane.processIds()).map(([name, pid]) => [name, [pid]])),
    agents: slots.map(({ processId }) => processId),
    'clients, proxies and reckoning': [process.pid],
  }));
  const faults = await throwFaults(field, planFaults(new Dice(seed), seconds * 10), seconds, report);
  const shares = await cpuShares.stop();
  const rates = {
    ...meter.rates(),
    ...Object.fromEntries(Object.entries(shares).map(([role, share]) => [`% of the CPUs: ${role}`, share])),
  };
  work.abort();
  await Promise.all(clients);
  report('faults are over; waiting until everything settles');
  const settledMs = await settled(slots, async () => {
    const [shown, all] = await Promise.all([nodes.list(), claims.list()]);
    return differences(hosts, shown.items, all.items);
  });
  const unsettled = settledMs.left.map((difference) => `after ${SETTLE_MS} ms still: ${difference}`);
  const checkedAgainstLimits = chronicle.checkLimits();
  const counts = {
    ...chronicle.counts,
    'grants checked against limits': checkedAgainstLimits,
    'starts of agents': slots.reduce((sum, { starts }) => sum + starts, 0),
    'ms until settled': Math.round(settledMs.ms),
  };
  return { faults, counts, rates, violations: [...chronicle.violations, ...unsettled] };
}

async function openSlots(
  hosts: readonly Host[],
  { kubeconfigPath }: ControlPlane,
  folder: string,
  stack: AsyncDisposableStack,
): Promise<Slot[]> {
  const slots: Slot[] = [];
  for (const host of hosts)
    for (const letter of ['a', 'b']) {
      const slot = await Slot.open(`${host.nodeName}-${letter}`, host, kubeconfigPath, folder);
      stack.defer(() => slot.close());
      slots.push(slot);
    }
  return slots;
}

/** One fault after the other until the time is over, then until all are over. Those that struck. */
async function throwFaults(
  field: Battlefield,
  plan: readonly Fault[],
  seconds: number,
  report: (line: string) => void,
): Promise<Fault[]> {
  const deadlineMs = performance.now() + seconds * 1000;
  const struck: Fault[] = [];
  const underWay: Promise<unknown>[] = [];
  for (const fault of plan) {
    if (performance.now() > deadlineMs) break;
    await sleep(fault.pauseMs);
    report(`${struck.length + 1}. ${fault.kind} (${fault.where}, ${fault.how})`);
    const { over } = await strike(field, fault);
    // An object that is not there, or a server that is down, is a fault that did nothing.
    underWay.push(over.catch(ignoreKubeError));
    struck.push(fault);
  }
  await Promise.all(underWay);
  return struck;
}

function ignoreKubeError(error: unknown): void {
  if (!(error instanceof KubeError)) throw error;
}

/** Ends all faults, and waits until nothing differs any more, several times in a row. */
async function settled(
  slots: readonly Slot[],
  look: () => Promise<readonly string[]>,
): Promise<{ readonly ms: number; readonly left: readonly string[] }> {
  for (const slot of slots) {
    slot.proxy.setReachable(true);
    slot.proxy.clearRules();
    slot.resume();
    slot.start();
  }
  const startedAtMs = performance.now();
  let left: readonly string[] = [];
  let steady = 0;
  while (performance.now() - startedAtMs < SETTLE_MS) {
    left = await look();
    steady = left.length === 0 ? steady + 1 : 0;
    if (steady === STEADY_LOOKS) break;
    await sleep(300);
  }
  return { ms: performance.now() - startedAtMs, left };
}
