/** The agent's metrics. Names and labels are an interface: docs/metrics.md lists them. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { LedgerView } from '../ledger/ledger.ts';
import type { HostFigures } from '../ledger/limits.ts';
import type { Outcome } from '../protocol/messages.ts';

const GRANT_BUCKETS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30];
const AUDIT_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];

/** All metrics of one agent, in a registry of their own. */
export class AgentMetrics {
  readonly registry = new Registry();
  readonly #decisions = this.#counter('decisions_total', 'Claims decided, by outcome', ['outcome']);
  readonly #refusals = this.#counter(
    'refusals_total',
    'Reasons of refusals; a claim refused for two reasons counts under both',
    ['reason'],
  );
  readonly #grantSeconds = this.#histogram(
    'grant_duration_seconds',
    'From seeing a claim to its grant accepted',
    GRANT_BUCKETS,
  );
  readonly #auditSeconds = this.#histogram('audit_duration_seconds', 'Duration of an audit of the host', AUDIT_BUCKETS);
  readonly #driverErrors = this.#counter('driver_errors_total', 'Failures of the hypervisor driver, by code', ['code']);
  readonly #apiRequests = this.#counter('api_requests_total', 'Requests to the API server', [
    'method',
    'resource',
    'status',
  ]);
  readonly #watchErrors = this.#counter('watch_errors_total', 'Watches that failed, by reason', ['resource', 'reason']);
  readonly #eventsLost = this.#counter('events_lost_total', 'Events that were not written, by why', ['loss']);
  readonly #amounts = this.#gauge('amount', 'Figures of ComputeNode.status; memory and disk in bytes', [
    'resource',
    'figure',
  ]);
  readonly #devices = this.#gauge('pci_devices', 'Assignable PCI devices, by state', ['state']);
  readonly #instances = this.#gauge('instances', 'Instances on the host, claimed or orphan', ['kind']);
  readonly #staleness = this.#gauge('watch_staleness_seconds', 'Since the API server last told something on a watch', [
    'resource',
  ]);
  readonly #ready = this.#gauge('ready', '1 while claims are decided', []);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  decided({ phase, reasons, latencyMs }: Outcome): void {
    this.#decisions.inc({ outcome: phase });
    if (phase === 'Claimed') this.#grantSeconds.observe(latencyMs / 1000);
    else for (const reason of reasons) this.#refusals.inc({ reason });
  }

  audited(durationMs: number): void {
    this.#auditSeconds.observe(durationMs / 1000);
  }

  driverFailed(code: string): void {
    this.#driverErrors.inc({ code });
  }

  requested(report: { method: string; resource: string; status: number | string }): void {
    const { method, resource, status } = report;
    this.#apiRequests.inc({ method, resource, status: String(status) });
  }

  watchFailed(resource: string, reason: string): void {
    this.#watchErrors.inc({ resource, reason });
  }

  eventLost(loss: string): void {
    this.#eventsLost.inc({ loss });
  }

  /** Shows the books as they were last published. */
  published(view: LedgerView, orphans: number): void {
    const { total, used, free, limit, available } = view;
    for (const [figure, amounts] of Object.entries({ total, used, free, limit, available }))
      this.#show(figure, amounts);
    this.#devices.reset();
    for (const { state } of view.pciDevices) this.#devices.inc({ state });
    this.#instances.set({ kind: 'claimed' }, view.stats.instances);
    this.#instances.set({ kind: 'orphan' }, orphans);
  }

  /** Called before each scrape. */
  sampled(ready: boolean, stalenessSeconds: Readonly<Record<string, number>>): void {
    this.#ready.set(ready ? 1 : 0);
    for (const [resource, seconds] of Object.entries(stalenessSeconds)) this.#staleness.set({ resource }, seconds);
  }

  #show(figure: string, { vcpus, memoryBytes, diskBytes }: HostFigures): void {
    const amounts = { vcpus, memory: memoryBytes, disk: diskBytes };
    for (const [resource, amount] of Object.entries(amounts)) {
      if (amount !== undefined) this.#amounts.set({ resource, figure }, Number(amount));
    }
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name: `resource_tracker_${name}`, help, labelNames, registers: [this.registry] });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
    return new Gauge({ name: `resource_tracker_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name: `resource_tracker_${name}`, help, buckets, registers: [this.registry] });
  }
}
