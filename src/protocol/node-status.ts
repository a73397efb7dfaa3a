/** ComputeNode.status from what is known. Sorted and canonical: an unchanged world gives a byte-identical status. Pure. */

import { nodeColumns } from '../api/columns.ts';
import { findCondition, formatTimestamp, setCondition } from '../api/conditions.ts';
import type {
  ComputeNode,
  ComputeNodeStatus,
  Condition,
  EffectivePolicy,
  HostMetric,
  Orphan,
  PciDevice,
} from '../api/generated/v1alpha1.ts';
import type { HostReport, ReportedInstance, ReportProblem } from '../drivers/driver.ts';
import type { LedgerView } from '../ledger/ledger.ts';
import type { NodePolicy } from '../ledger/types.ts';
import { formatBytes, formatRatio } from '../quantity/quantity.ts';
import { type HostReading, publishedMetrics, showable } from './host-metrics.ts';
import type { ObjectRef } from './messages.ts';
import { pluginHealth } from './plugin-health.ts';
import { bytesOf } from './readable.ts';
import type { TrackerSettings } from './settings.ts';
import { bounded } from './status-size.ts';

/** Everything that the status is made of. */
export interface NodeFacts {
  readonly node: ComputeNode;
  readonly settings: TrackerSettings;
  readonly token: string;
  readonly policy: NodePolicy;
  readonly hostIP?: string;
  /** The last good report; absent before the first. */
  readonly report?: HostReport;
  readonly reportedAt?: Date;
  /** Why the hypervisor cannot tell what the host has: nothing is counted. */
  readonly untracked?: string;
  readonly view?: LedgerView;
  /** Of the monitors; absent before the first: the former owner's figures stand. */
  readonly hostReading?: HostReading;
  readonly orphans: readonly ReportedInstance[];
  /** Absent: connected. */
  readonly driverFault?: string;
  /** Why the last report could not be had. */
  readonly reportFault?: string;
  readonly deciding: readonly ObjectRef[];
  /** Claim UID of a holding's key; absent for an orphan. */
  readonly claimOf: (key: string) => string | undefined;
  /** Namespace and name of the claim with this UID. */
  readonly nameOf: (uid: string) => string | undefined;
  readonly now: Date;
}

/** CPU numbers as the kernel lists them: 0-3,8. */
function formatCpuList(cpus: readonly number[]): string {
  const ranges: string[] = [];
  for (let start = 0; start < cpus.length; ) {
    let end = start;
    while (cpus[end + 1] === (cpus[end] ?? 0) + 1) end += 1;
    ranges.push(end === start ? `${cpus[start]}` : `${cpus[start]}-${cpus[end]}`);
    start = end + 1;
  }
  return ranges.join(',');
}

/** The status to publish. Conditions of other writers (AgentAlive, NodeExists) are left as they are. */
export function nodeStatus(facts: NodeFacts): ComputeNodeStatus {
  const { node, settings, token, deciding, report } = facts;
  const own = {
    effective: effectiveOf(facts.policy),
    agent: {
      identity: settings.identity,
      token,
      leaseNamespace: settings.leaseNamespace,
      version: settings.version,
      deciding: deciding,
    },
    conditions: conditionsOf(facts),
    observedGeneration: node.metadata.generation ?? 0,
  };
  // Until the first audit the figures of the former owner stand: a restart must not take them from schedulers and people.
  if (report === undefined) return { columns: nodeColumns({}), ...node.status, ...own };
  return bounded({ ...figuresOf(facts, report), ...own });
}

function figuresOf(facts: NodeFacts, report: HostReport): Partial<ComputeNodeStatus> {
  const sums = facts.view === undefined ? {} : sumsOf(facts, facts.view);
  const orphans = orphansOf(facts);
  const columns = nodeColumns({ ...sums, orphans });
  return { ...hostOf(facts, report), ...sums, columns, orphans, ...metricsOf(facts) };
}

function metricsOf({ node, settings, hostReading, now }: NodeFacts): Pick<ComputeNodeStatus, 'metrics' | 'omitted'> {
  const { metrics: last = [], omitted: former } = node.status ?? {};
  if (hostReading === undefined) return withOmitted(last, former?.metrics ?? 0);
  if (settings.hostMetrics === undefined) return {};
  const { shown, omitted } = showable(hostReading.figures);
  return withOmitted(publishedMetrics(last, shown, settings.hostMetrics, now.getTime()), omitted);
}

function withOmitted(metrics: readonly HostMetric[], omitted: number): Pick<ComputeNodeStatus, 'metrics' | 'omitted'> {
  return { ...(metrics.length > 0 && { metrics }), ...(omitted > 0 && { omitted: { metrics: omitted } }) };
}

function orphansOf({ orphans, settings }: NodeFacts): Orphan[] {
  return orphans.map((orphan) => orphanOf(orphan, settings.overheadMemoryBytes(orphan)));
}

/** All that a claim for it needs, as far as the hypervisor tells it. */
function orphanOf({ uuid, name, memoryBytes, vcpus, devices, claim }: ReportedInstance, overheadBytes: bigint): Orphan {
  return {
    uuid,
    name,
    memory: formatBytes(memoryBytes + overheadBytes),
    vcpus: count(vcpus),
    ...(overheadBytes > 0n && { overhead: { memory: formatBytes(overheadBytes) } }),
    ...(devices.length > 0 && { pciDevices: devices }),
    ...(claim !== undefined && { claim: { ...claim } }),
  };
}

function effectiveOf(policy: NodePolicy): EffectivePolicy {
  const { reserved, allocationRatios: ratios, limitPolicy } = policy;
  return {
    reserved: amounts(reserved),
    allocationRatios: {
      vcpus: formatRatio(ratios.vcpus),
      memory: formatRatio(ratios.memory),
      disk: formatRatio(ratios.disk),
    },
    limitPolicy,
  };
}

function amounts(of: { vcpus?: bigint; memoryBytes: bigint; diskBytes: bigint }): {
  vcpus?: number;
  memory: string;
  disk: string;
} {
  return {
    ...(of.vcpus !== undefined && { vcpus: count(of.vcpus) }),
    memory: formatBytes(of.memoryBytes),
    disk: formatBytes(of.diskBytes),
  };
}

/** A JSON number holds no more; no host has as many, whatever it says. */
function count(of: bigint): number {
  const [most, least] = [BigInt(Number.MAX_SAFE_INTEGER), BigInt(Number.MIN_SAFE_INTEGER)];
  if (of > most) return Number.MAX_SAFE_INTEGER;
  return of < least ? Number.MIN_SAFE_INTEGER : Number(of);
}

function hostOf(facts: NodeFacts, report: HostReport): Partial<ComputeNodeStatus> {
  return {
    hostname: report.hostname,
    ...(facts.hostIP !== undefined && { hostIP: facts.hostIP }),
    hypervisor: { ...report.hypervisor },
    cpuInfo: report.cpuInfo,
    numaCells: report.numaCells.map(({ id, memoryBytes, cpus }) => ({
      id,
      memory: formatBytes(memoryBytes),
      cpus: formatCpuList(cpus),
    })),
    hypervisorView: hypervisorView(facts.node.status?.hypervisorView, report),
  };
}

type HypervisorView = NonNullable<ComputeNodeStatus['hypervisorView']>;

/**
 * What the driver measured. It moves all the time, so a figure is published anew only when it left the last one by more than
 * a 32nd of the total: an idle host writes nothing.
 */
function hypervisorView(last: HypervisorView | undefined, { used, totals }: HostReport): HypervisorView {
  const memory = steady(last?.memoryUsed, used.memoryBytes, totals.memoryBytes);
  const disk = steady(last?.diskUsed, used.diskBytes, totals.diskBytes);
  return {
    ...(memory !== undefined && { memoryUsed: memory }),
    ...(disk !== undefined && { diskUsed: disk }),
    ...(used.vcpus !== undefined && { vcpusUsed: count(used.vcpus) }),
  };
}

const MEBIBYTE = 1n << 20n;

function steady(last: number | string | undefined, measured: bigint | undefined, total: bigint): string | undefined {
  if (measured === undefined) return undefined;
  const before = bytesOf(last);
  const distance = before === undefined ? undefined : measured > before ? measured - before : before - measured;
  if (before !== undefined && distance !== undefined && distance * 32n <= total) return formatBytes(before);
  return formatBytes((measured / MEBIBYTE) * MEBIBYTE);
}

function sumsOf(facts: NodeFacts, view: LedgerView): Partial<ComputeNodeStatus> {
  const { currentWorkload, runningInstances, ...stats } = view.stats;
  const custom = view.customStats.counters;
  return {
    total: amounts(view.total),
    used: amounts(view.used),
    free: amounts(view.free),
    limit: amounts(view.limit),
    available: amounts(view.available),
    pciPools: view.pciPools.map((pool) => ({ ...pool })),
    pciDevices: devicesOf(facts, view),
    stats: {
      ...stats,
      vcpusUsed: Math.min(stats.vcpusUsed, Number.MAX_SAFE_INTEGER),
      ...(Object.keys(custom).length > 0 && { custom }),
    },
    runningInstances,
    currentWorkload,
  };
}

const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}[.][0-7]$/;

/** The devices of the host, and those that claims were given and that are gone from it. */
function devicesOf({ claimOf }: NodeFacts, { pciDevices, missingDevices }: LedgerView): PciDevice[] {
  const present = pciDevices.map(({ holder, ...device }): PciDevice => {
    const claimUID = holder === undefined ? undefined : claimOf(holder);
    return { ...device, ...(claimUID !== undefined && { claimUID }) };
  });
  const gone = missingDevices.flatMap(({ address, holder }): PciDevice[] => {
    const claimUID = claimOf(holder);
    const isToTell = claimUID !== undefined && PCI_ADDRESS.test(address);
    return isToTell ? [{ address, state: 'Unavailable', claimUID }] : [];
  });
  return [...present, ...gone].toSorted((one, other) => (one.address < other.address ? -1 : 1));
}

/** What is wrong with devices although the report is in order: given ones that are gone, and addresses that are there twice. */
function deviceProblems({ claimOf, nameOf, view }: NodeFacts): readonly ReportProblem[] {
  const gone = (view?.missingDevices ?? []).map(({ address, holder }) => {
    const uid = claimOf(holder);
    const user = uid === undefined ? 'an instance that nothing claims' : `InstanceClaim ${nameOf(uid) ?? uid}`;
    return { subject: `device ${address}`, message: `gone from the host, and ${user} has it` };
  });
  const twice = (view?.duplicateAddresses ?? []).map((address) => ({
    subject: `device ${address}`,
    message: 'reported more than once; the first report counts',
  }));
  return [...gone, ...twice];
}

/** Problems named in a condition's message; the rest is counted. */
const MAX_PROBLEMS_NAMED = 5;

function conditionsOf(facts: NodeFacts): readonly Condition[] {
  const { node, report, driverFault, orphans, now } = facts;
  const observedGeneration = node.metadata.generation ?? 0;
  let conditions: readonly Condition[] = node.status?.conditions ?? [];
  const set = (type: string, good: boolean, reason: string, message: string): void => {
    conditions = setCondition(
      conditions,
      { type, status: good ? 'True' : 'False', reason, message, observedGeneration },
      now,
    );
  };
  set('HypervisorConnected', driverFault === undefined, ...connection(driverFault));
  set('TrackingEnabled', report !== undefined, ...tracking(facts));
  set('HardwareReportCurrent', report !== undefined && facts.reportFault === undefined, ...hardware(facts));
  if (report !== undefined) set('OrphansDetected', orphans.length > 0, ...orphaned(orphans));
  const health = pluginHealth(facts.hostReading?.failing ?? [], facts.view?.customStats.faults ?? []);
  // Most nodes have nothing to say here, now or ever. What a former owner said of its monitors stands until ours have been read.
  const isDue = !health.good || (facts.hostReading !== undefined && findCondition(conditions, PLUGINS) !== undefined);
  if (isDue) set(PLUGINS, health.good, health.reason, health.message);
  const unready = conditions
    .filter(({ type, status }) => REQUIRED.has(type) && status !== 'True')
    .map(({ type }) => type);
  const ready = unready.length === 0;
  set('Ready', ready, ready ? 'Ready' : 'NotReady', ready ? 'claims are decided' : `not True: ${unready.join(', ')}`);
  return conditions;
}

const PLUGINS = 'PluginsHealthy';
const REQUIRED = new Set([
  'HypervisorConnected',
  'TrackingEnabled',
  'HardwareReportCurrent',
  'AgentAlive',
  'NodeExists',
]);

function connection(fault: string | undefined): [string, string] {
  return fault === undefined ? ['Connected', 'the driver is connected'] : ['Disconnected', fault];
}

function tracking({ report, untracked }: NodeFacts): [string, string] {
  if (untracked !== undefined) return ['TrackingDisabled', `claims are granted without accounting: ${untracked}`];
  return report === undefined ? ['NoReportYet', 'the first audit is not done'] : ['Tracking', 'the host is audited'];
}

function hardware(facts: NodeFacts): [string, string] {
  const { report, reportedAt, reportFault, untracked } = facts;
  if (untracked !== undefined) return ['CannotReport', untracked];
  if (reportFault !== undefined) return ['AuditFailed', `${reportFault}${asOf(reportedAt)}`];
  const problems = [...(report?.problems ?? []), ...deviceProblems(facts)];
  if (report === undefined) return ['NoReportYet', 'the first audit is not done'];
  if (problems.length === 0) return ['Current', 'everything could be read'];
  const named = problems.slice(0, MAX_PROBLEMS_NAMED).map(({ subject, message }) => `${subject}: ${message}`);
  const more = problems.length > named.length ? `; and ${problems.length - named.length} more` : '';
  return ['CurrentWithProblems', `${named.join('; ')}${more}`];
}

/** How old the figures are; those of a former agent are as old as its last words. */
function asOf(reportedAt: Date | undefined): string {
  return reportedAt === undefined ? '' : `; the figures are as of ${formatTimestamp(reportedAt)}`;
}

function orphaned(orphans: readonly ReportedInstance[]): [string, string] {
  if (orphans.length === 0) return ['NoOrphans', 'every instance on the host is claimed'];
  const names = orphans.slice(0, MAX_PROBLEMS_NAMED).map(({ name }) => name);
  const more = orphans.length > names.length ? ` and ${orphans.length - names.length} more` : '';
  const count = orphans.length === 1 ? '1 instance' : `${orphans.length} instances`;
  return ['OrphansFound', `${count} that no claim explains: ${names.join(', ')}${more}`];
}
