/** The controller's metrics. Names and labels are an interface: docs/controller.md lists them. */
import { ProcessMetrics } from '../process/process-metrics.ts';

/** All metrics of one controller. */
export class ControllerMetrics extends ProcessMetrics {
  readonly #leader = this.gauge('leader', '1 while this controller holds the Lease and writes', []);
  readonly #conditions = this.counter('conditions_set_total', 'Conditions that were changed', [
    'kind',
    'type',
    'status',
  ]);
  readonly #claims = this.counter('claims_cleaned_total', 'Finished claims that were deleted, by phase', ['phase']);
  readonly #nodes = this.counter('nodes_cleaned_total', 'ComputeNodes that were deleted as their Node is gone', []);
  readonly #writeErrors = this.counter(
    'write_errors_total',
    'Writes that did not come about; conflict: somebody else wrote first, which is looked at again',
    ['operation', 'outcome'],
  );
  readonly #deadAgents = this.gauge('dead_agents', 'ComputeNodes whose condition AgentAlive is False', []);

  conditionSet(kind: string, type: string, status: string): void {
    this.#conditions.inc({ kind, type, status });
  }

  claimCleaned(phase: string): void {
    this.#claims.inc({ phase });
  }

  nodeCleaned(): void {
    this.#nodes.inc();
  }

  writeFailed(operation: string, outcome: string): void {
    this.#writeErrors.inc({ operation, outcome });
  }

  /** Called before each scrape. */
  leading(leads: boolean, deadAgents: number): void {
    this.#leader.set(leads ? 1 : 0);
    this.#deadAgents.set(deadAgents);
  }
}
