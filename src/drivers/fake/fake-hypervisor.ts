/** A hypervisor in memory: it has a host, can be changed and can be made to fail, and tells what changed. */
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type CpuCounters, DriverError, type DriverEvent, type HostReport } from '../driver.ts';
import { type FakeFaults, type FakeHost, type ReportKey, reportOf } from './fake-host.ts';

export interface FakeState {
  readonly host: FakeHost;
  readonly faults: FakeFaults;
}

export interface FakeHypervisor {
  state(): FakeState;
  /** Becomes this, and tells everyone who listens what is different. */
  become(next: FakeState): void;
  listen(onEvent: (event: DriverEvent) => void): void;
  /** No event arrives any more. */
  stop(): void;
  cannotReport(signal: AbortSignal | undefined): Promise<string | undefined>;
  audit(signal: AbortSignal | undefined): Promise<HostReport>;
  cpuCounters(signal: AbortSignal | undefined): Promise<CpuCounters>;
}

const AWAY = 'not connected to the fake hypervisor';

/** A hypervisor that begins in this state. */
export function createFakeHypervisor(initial: FakeState): FakeHypervisor {
  let state = initial;
  /** Absent until someone listens: the driver is not started. */
  let listener: ((event: DriverEvent) => void) | undefined;
  const lifetime = new AbortController();

  const emit = (event: DriverEvent): void => listener?.(event);
  const refuseWhileAway = (): void => {
    if (state.faults.disconnected || listener === undefined) throw new DriverError('Disconnected', AWAY);
  };
  return {
    state: () => state,
    become: (next) => {
      const previous = state;
      state = next;
      if (!next.faults.disconnected && previous.faults.disconnected) emit({ kind: 'connected' });
      if (!next.faults.disconnected) for (const event of differences(previous, next)) emit(event);
      if (next.faults.disconnected && !previous.faults.disconnected) emit({ kind: 'disconnected', message: AWAY });
    },
    listen: (onEvent) => {
      if (listener !== undefined || lifetime.signal.aborted) return;
      listener = onEvent;
      emit(state.faults.disconnected ? { kind: 'disconnected', message: AWAY } : { kind: 'connected' });
    },
    stop: () => {
      listener = undefined;
      lifetime.abort();
    },
    cannotReport: async (signal) => {
      signal?.throwIfAborted();
      refuseWhileAway();
      return state.faults.cannotReport;
    },
    audit: async (signal) => {
      signal?.throwIfAborted();
      refuseWhileAway();
      const { auditDelayMs, failAudit } = state.faults;
      if (auditDelayMs > 0)
        await delay(auditDelayMs, undefined, { signal: anyOf(lifetime.signal, signal) }).catch(ignore);
      signal?.throwIfAborted();
      refuseWhileAway();
      if (failAudit !== undefined) throw new DriverError('CallFailed', failAudit);
      return withoutKeys(reportOf(state.host), state.faults.omit ?? []);
    },
    cpuCounters: async (signal) => {
      signal?.throwIfAborted();
      refuseWhileAway();
      if (state.host.cpuCounters === undefined)
        throw new DriverError('Unsupported', 'the fake host has no cpuCounters');
      return state.host.cpuCounters;
    },
  };
}

function anyOf(lifetime: AbortSignal, signal: AbortSignal | undefined): AbortSignal {
  return signal === undefined ? lifetime : AbortSignal.any([lifetime, signal]);
}

function ignore(): void {}

/** What the compiler would not let a driver do. */
function withoutKeys(report: HostReport, keys: readonly ReportKey[]): HostReport {
  const left = Object.entries(report).filter(([key]) => !keys.some((omitted) => omitted === key));
  return Object.fromEntries(left) as unknown as HostReport;
}

function differences(previous: FakeState, next: FakeState): readonly DriverEvent[] {
  const before = new Map(reportOf(previous.host).instances.map((instance) => [instance.uuid, instance]));
  const after = reportOf(next.host).instances;
  const present = new Set(after.map(({ uuid }) => uuid));
  const gone = [...before.keys()].filter((uuid) => !present.has(uuid));
  const changed = after.filter((instance) => !isDeepStrictEqual(instance, before.get(instance.uuid)));
  return [
    ...gone.map((uuid): DriverEvent => ({ kind: 'instanceGone', uuid })),
    ...changed.map((instance): DriverEvent => ({ kind: 'instanceChanged', instance })),
    ...(sameHost(previous.host, next.host) && sameReporting(previous.faults, next.faults)
      ? []
      : [{ kind: 'hostChanged' } as const]),
  ];
}

function sameReporting(one: FakeFaults, other: FakeFaults): boolean {
  return one.cannotReport === other.cannotReport && isDeepStrictEqual(one.omit, other.omit);
}

/** As far as an audit would show it. */
function sameHost(one: FakeHost, other: FakeHost): boolean {
  const without = { instances: [], cpuCounters: undefined };
  return isDeepStrictEqual({ ...one, ...without }, { ...other, ...without });
}
