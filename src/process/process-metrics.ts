/** The metrics that every process of an installation has, and how others are made. Names and labels are an interface: docs/metrics.md lists them. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';

/** Metrics in a registry of their own. */
export class ProcessMetrics {
  readonly registry = new Registry();
  readonly #ready = this.gauge('ready', '1 while the process does what it is for, as /readyz says', []);
  readonly #apiRequests = this.counter('api_requests_total', 'Requests to the API server', [
    'method',
    'resource',
    'status',
  ]);
  readonly #watchErrors = this.counter('watch_errors_total', 'Watches that failed, by reason', ['resource', 'reason']);
  readonly #staleness = this.gauge('watch_staleness_seconds', 'Since the API server last told something on a watch', [
    'resource',
  ]);
  readonly #eventsLost = this.counter('events_lost_total', 'Events that were not written, by why', ['loss']);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
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

  /** Called before each scrape. */
  sampled(ready: boolean, stalenessSeconds: Readonly<Record<string, number>>): void {
    this.#ready.set(ready ? 1 : 0);
    for (const [resource, seconds] of Object.entries(stalenessSeconds)) this.#staleness.set({ resource }, seconds);
  }

  protected counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name: `resource_tracker_${name}`, help, labelNames, registers: [this.registry] });
  }

  protected gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
    return new Gauge({ name: `resource_tracker_${name}`, help, labelNames, registers: [this.registry] });
  }

  protected histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name: `resource_tracker_${name}`, help, buckets, registers: [this.registry] });
  }
}
