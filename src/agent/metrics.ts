/** The agent's metrics. Names and labels are an interface: docs/metrics.md lists them. */
import type { LedgerView } from '../ledger/ledger.ts';
import type { HostFigures } from '../ledger/limits.ts';
import type { MonitorRound } from '../monitors/monitor-reader.ts';
import { ProcessMetrics } from '../process/process-metrics.ts';
import type { MigrationOutcome, Notice, Outcome } from '../protocol/messages.ts';
import type { Troubles } from '../protocol/troubles.ts';

const GRANT_BUCKETS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30];
const AUDIT_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];

/** All metrics of one agent, in a registry of their own. */
export class AgentMetrics extends ProcessMetrics {
  readonly #decisions = this.counter('decisions_total', 'Claims decided, by outcome', ['outcome']);
  readonly #refusals = this.counter(
    'refusals_total',
    'Reasons of refusals; a claim refused for two reasons counts under both',
    ['reason'],
  );
  readonly #migrations = this.counter('migrations_total', 'Phases that this agent has given migrations', ['phase']);
  readonly #grantSeconds = this.histogram(
    'grant_duration_seconds',
    'From seeing a claim to its grant accepted',
    GRANT_BUCKETS,
  );
  readonly #auditSeconds = this.histogram('audit_duration_seconds', 'Duration of an audit of the host', AUDIT_BUCKETS);
  readonly #driverErrors = this.counter('driver_errors_total', 'Failures of the hypervisor driver, by code', ['code']);
  readonly #notices = this.counter(
    'claim_notices_total',
    'What happened to claimed instances, by reason of the Event',
    ['reason'],
  );
  readonly #troubles = this.gauge(
    'claims_in_trouble',
    'Claims whose instance is missing or has more than was claimed, or whose devices are gone or were changed, by reason',
    ['reason'],
  );
  readonly #amounts = this.gauge('amount', 'Figures of ComputeNode.status; memory and disk in bytes', [
    'resource',
    'figure',
  ]);
  readonly #devices = this.gauge(
    'pci_devices',
    'Assignable PCI devices, by state; given ones that are gone are Missing',
    ['state'],
  );
  readonly #instances = this.gauge('instances', 'Instances on the host, claimed or orphan', ['kind']);
  readonly #hostMetrics = this.gauge('host_metric', 'What monitors measure of the host: shares and levels', [
    'metric',
    'monitor',
  ]);
  readonly #hostCounters = this.counter('host_counter_total', 'What monitors measure of the host: what only grows', [
    'metric',
    'monitor',
  ]);
  readonly #monitorUp = this.gauge('monitor_up', '1 while the last reading of a monitor succeeded', ['monitor']);
  readonly #monitorFailures = this.counter('monitor_failures_total', 'Readings of a monitor that failed', ['monitor']);
  readonly #customStats = this.gauge('custom_stat', 'Counters of the statistics of plug-ins', ['name']);
  readonly #uncounted = this.gauge(
    'statistic_uncounted_instances',
    'Instances that a statistic could not count; none of its counters are told then',
    ['statistic'],
  );

  decided({ phase, reasons, latencyMs }: Outcome): void {
    this.#decisions.inc({ outcome: phase });
    if (phase === 'Claimed') this.#grantSeconds.observe(latencyMs / 1000);
    else for (const reason of reasons) this.#refusals.inc({ reason });
  }

  migrated(phase: MigrationOutcome['phase']): void {
    this.#migrations.inc({ phase });
  }

  noticed(reason: Notice['reason']): void {
    this.#notices.inc({ reason });
  }

  /** Called before each scrape. */
  troubled(troubles: Troubles): void {
    for (const [reason, count] of Object.entries(troubles)) this.#troubles.set({ reason }, count);
  }

  audited(durationMs: number): void {
    this.#auditSeconds.observe(durationMs / 1000);
  }

  driverFailed(code: string): void {
    this.#driverErrors.inc({ code });
  }

  /** Shows the books as they were last published. */
  published(view: LedgerView, orphans: number): void {
    const { total, used, free, limit, available } = view;
    for (const [figure, amounts] of Object.entries({ total, used, free, limit, available }))
      this.#show(figure, amounts);
    this.#devices.reset();
    for (const { state } of view.pciDevices) this.#devices.inc({ state });
    this.#devices.set({ state: 'Missing' }, view.missingDevices.length);
    this.#instances.set({ kind: 'claimed' }, view.stats.instances);
    this.#instances.set({ kind: 'orphan' }, orphans);
    this.#customStats.reset();
    for (const [name, count] of Object.entries(view.customStats.counters)) this.#customStats.set({ name }, count);
    this.#uncounted.reset();
    for (const { statistic, instances } of view.customStats.faults) this.#uncounted.set({ statistic }, instances);
  }

  /** A monitor that is wanted and does not run. */
  monitorRefused(monitor: string): void {
    this.#monitorUp.set({ monitor }, 0);
  }

  /** Shows what the monitors measured last: all that is known now, and nothing of one that failed. */
  measured({ figures, outcomes }: MonitorRound): void {
    this.#hostMetrics.reset();
    this.#hostCounters.reset();
    for (const { name: metric, kind, value, source: monitor } of figures) {
      if (kind === 'counter') this.#hostCounters.inc({ metric, monitor }, Math.max(0, Number(value)));
      else this.#hostMetrics.set({ metric, monitor }, Number(value));
    }
    for (const { monitor, kind } of outcomes) {
      this.#monitorUp.set({ monitor }, kind === 'read' ? 1 : 0);
      if (kind === 'failed') this.#monitorFailures.inc({ monitor });
    }
  }

  #show(figure: string, { vcpus, memoryBytes, diskBytes }: HostFigures): void {
    const amounts = { vcpus, memory: memoryBytes, disk: diskBytes };
    for (const [resource, amount] of Object.entries(amounts)) {
      if (amount !== undefined) this.#amounts.set({ resource, figure }, Number(amount));
    }
  }
}
