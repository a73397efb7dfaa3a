/** The agent of one node: connects the driver, the API server and the tracker, and ends them in good order. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ComputeNode, InstanceClaim, Migration } from '../api/generated/v1alpha1.ts';
import { COMPUTE_NODES, EVENTS, INSTANCE_CLAIMS, LEASES, MIGRATIONS, NODES, PODS } from '../api/kinds.ts';
import type { Lease } from '../api/lease.ts';
import type { Driver } from '../drivers/driver.ts';
import { systemClock } from '../kube/clock.ts';
import { type Connection, connect } from '../kube/connection.ts';
import { type EventRecorder, eventRecorder } from '../kube/events.ts';
import { type KubeObject, resourceClient } from '../kube/resource.ts';
import { HealthServer } from '../process/health-server.ts';
import { isDead, newIdentity, type PodFacts } from '../process/identity.ts';
import { LeaseLoop } from '../process/lease-loop.ts';
import { leaseTimes } from '../protocol/lease-keeper.ts';
import { VERSION } from '../version.ts';
import type { AgentConfig } from './config.ts';
import type { CoreNode } from './core-node.ts';
import { HostWatch } from './host-watch.ts';
import { NO_PLUGINS, type Plugins } from './load-plugins.ts';
import { AgentMetrics } from './metrics.ts';
import type { MonitorLoop } from './monitor-loop.ts';
import { openMonitors } from './open-monitors.ts';
import { settingsOf } from './settings-of.ts';
import { Tenure } from './tenure.ts';
import { Tidings } from './tidings.ts';

/** Before competing again after stepping down. */
const PAUSE_BETWEEN_TENURES_MS = 1_000;
/** What is under way at a graceful stop is waited for at most this long. */
const STOP_TIMEOUT_MS = 5_000;
/** After a failure, all that is to be closed together. */
const CLOSE_TIMEOUT_MS = 15_000;
/** Bookmarks come about once a minute: this silence means that the watch is dead. */
const STALE_WATCH_SECONDS = 180;

export interface AgentParts {
  readonly config: AgentConfig;
  readonly driver: Driver;
  readonly log: Logger;
  /** Absent outside of a Pod. */
  readonly pod?: PodFacts | undefined;
  /** Absent: none. */
  readonly plugins?: Plugins;
}

/** The agent cannot go on. Its message says all there is to say, with a stack only where the program is at fault. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
}

export class Agent {
  /** Rejects with an AgentError when the agent cannot go on; resolves after `stop`. */
  readonly done: Promise<void>;
  readonly #parts: AgentParts;
  readonly #metrics = new AgentMetrics();
  readonly #identity: string;
  readonly #end = Promise.withResolvers<void>();
  readonly #hostWatch: HostWatch;
  readonly #monitorLoop: MonitorLoop;
  #connection: Connection | undefined;
  #recorder: EventRecorder | undefined;
  #health: HealthServer | undefined;
  #lease: LeaseLoop | undefined;
  #tenure: Tenure | undefined;
  /** The history of the API server went back while this process was there: no ComputeNode's `deciding` is trusted any more. */
  #restored = false;
  /** Settled once the last tenure is over. */
  #ending: Promise<void> = Promise.resolve();
  readonly #lifetime = new AbortController();

  constructor(parts: AgentParts) {
    const { config, driver, log, pod } = parts;
    this.#parts = parts;
    this.#identity = newIdentity(pod);
    this.done = this.#end.promise;
    this.#monitorLoop = openMonitors({
      ...parts,
      metrics: this.#metrics,
      observe: (observation) => this.#tenure?.observe(observation),
    });
    this.#hostWatch = new HostWatch({
      driver,
      auditMs: config.auditSeconds * 1000,
      random: Math.random,
      observe: (observation) => this.#tenure?.observe(observation),
      onAudit: (durationMs) => {
        this.#metrics.audited(durationMs);
        // The first one: before it, the hypervisor could not answer.
        this.#monitorLoop.start();
      },
      onError: (error) => {
        this.#metrics.driverFailed(error.code);
        log.warn({ code: error.code, error: error.message }, 'the driver failed');
      },
      log: (level, message, fields = {}) => log[level](fields, message),
    });
  }

  /** Where the health endpoints listen; undefined when they are off. */
  get healthPort(): number | undefined {
    return this.#health?.port;
  }

  /** Connects everything. Resolves once it runs, ready or not; throws when it cannot begin at all. */
  async start(): Promise<void> {
    const { config } = this.#parts;
    this.#connection = await connect({
      ...(config.kubeconfig !== undefined && { kubeconfig: config.kubeconfig }),
      userAgent: `resource-tracker/${VERSION}`,
      onRequest: (report) => this.#metrics.requested(report),
    });
    this.#recorder = eventRecorder({
      client: resourceClient(this.#connection, EVENTS),
      reportingController: 'resourcetracker.dev/agent',
      reportingInstance: config.nodeName,
      clock: systemClock,
      date: () => new Date(),
      random: Math.random,
      onLost: (_event, loss) => this.#metrics.eventLost(loss),
    });
    if (config.listenAddress !== undefined)
      this.#health = await HealthServer.listen(config.listenAddress, this.#healthSource());
    this.#compete(this.#connection);
    await this.#hostWatch.start();
  }

  /** Ends in good order: decides nothing more, lets what is under way be answered, closes everything. */
  async stop(): Promise<void> {
    if (this.#stopping) return this.done;
    await this.#close();
    this.#end.resolve();
  }

  async #close(): Promise<void> {
    this.#lifetime.abort();
    this.#endTenure();
    await this.#ending;
    // After the last write: who finds the Lease free may begin at once.
    await this.#lease?.stop();
    await this.#monitorLoop.stop();
    await this.#hostWatch.stop();
    await this.#recorder?.stop();
    await this.#connection?.close();
    await this.#health?.close();
  }

  get #stopping(): boolean {
    return this.#lifetime.signal.aborted;
  }

  /** Competes for the node's Lease; who holds it may act for the node. */
  #compete(connection: Connection): void {
    const { config, log, pod } = this.#parts;
    const pods = resourceClient<KubeObject>(connection, PODS);
    const times = leaseTimes(config.leaseDurationSeconds);
    const lease = new LeaseLoop({
      settings: {
        name: config.nodeName,
        namespace: config.leaseNamespace,
        identity: this.#identity,
        ...times,
        // Outside of a Pod it is a look into /proc, which costs nothing.
        ...(pod === undefined && { probeMs: times.retryMs }),
      },
      leases: resourceClient<Lease>(connection, LEASES),
      random: Math.random,
      onGained: () => {
        log.info('holds the Lease of the node');
        this.#ending
          .then(() => this.#beginTenure(connection, lease))
          .catch((error: unknown) => this.#fail(String(error)));
      },
      onLost: (reason, restored) => {
        this.#restored ||= restored;
        log.warn({ reason }, 'lost the Lease of the node; decides nothing until it holds it again');
        this.#endTenure();
      },
      onWaiting: (holder) => log.info({ holder }, 'stands by: another agent holds the Lease of the node'),
      onFault: (what, error) => log.warn({ what, error }, 'the Lease could not be kept'),
      isDead: (identity) =>
        isDead(identity, pod, async (name) => (await pods.get(name, config.leaseNamespace))?.metadata?.uid),
    });
    this.#lease = lease;
    lease.start();
  }

  #beginTenure(connection: Connection, lease: LeaseLoop): void {
    if (this.#stopping || this.#lease !== lease || !lease.isValid) return;
    const { config, driver, log, plugins = NO_PLUGINS } = this.#parts;
    const tidings = new Tidings({ log, metrics: this.#metrics, record: (event) => this.#recorder?.record(event) });
    const tenure = new Tenure({
      settings: settingsOf(config, driver, this.#identity, plugins.statistics),
      token: randomUUID(),
      restored: this.#restored,
      random: Math.random,
      mayDecide: () => lease.isValid,
      computeNodes: resourceClient<ComputeNode>(connection, COMPUTE_NODES),
      claims: resourceClient<InstanceClaim>(connection, INSTANCE_CLAIMS),
      migrations: resourceClient<Migration>(connection, MIGRATIONS),
      leases: resourceClient<Lease>(connection, LEASES),
      coreNodes: resourceClient<CoreNode>(connection, NODES),
      onDecided: (outcome) => tidings.decided(outcome),
      onMigrated: (outcome) => tidings.migrated(outcome),
      onNoticed: (notice) => tidings.noticed(notice),
      onCommitted: (before, after) => {
        tidings.published(before, after);
        this.#showBooks();
      },
      onLog: ({ level, message, fields }) => log[level](fields, message),
      onWatchError: (resource, error, retryInMs) => {
        this.#metrics.watchFailed(resource, error.reason);
        const fields = { resource, reason: error.reason, error: error.message, retryInMs: Math.round(retryInMs) };
        log.warn(fields, 'a watch failed');
      },
      onEnd: ({ fatal, reason, restored = false }) => {
        this.#restored ||= restored;
        if (fatal) this.#fail(reason);
        else if (this.#tenure === tenure) this.#steppedDown(connection, reason);
      },
    });
    this.#tenure = tenure;
    tenure.start();
    this.#hostWatch.retell();
    this.#monitorLoop.retell();
  }

  #endTenure(): void {
    const tenure = this.#tenure;
    if (tenure === undefined) return;
    this.#tenure = undefined;
    const before = this.#ending;
    this.#ending = before.then(() => tenure.stop(AbortSignal.timeout(STOP_TIMEOUT_MS)));
    this.#ending.catch((error: unknown) => this.#fail(String(error)));
  }

  /** Another agent wrote ComputeNode, or it is gone: gives the Lease back, and competes again. */
  #steppedDown(connection: Connection, reason: string): void {
    this.#parts.log.warn({ reason }, 'stepped down; everything is rebuilt from the API server');
    this.#endTenure();
    this.#competeAgain(connection).catch((error: unknown) => this.#fail(String(error)));
  }

  async #competeAgain(connection: Connection): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    await this.#ending;
    await lease?.stop();
    await delay(PAUSE_BETWEEN_TENURES_MS, undefined, { signal: this.#lifetime.signal }).catch(() => undefined);
    if (!this.#stopping) this.#compete(connection);
  }

  /** The first failure ends the agent: in good order as far as that goes, so that nobody waits for its Lease. */
  #fail(reason: string): void {
    if (this.#stopping) return;
    const end = (): void => this.#end.reject(new AgentError(reason));
    const patience = delay(CLOSE_TIMEOUT_MS, undefined, { ref: false });
    Promise.race([this.#close(), patience]).then(end, end);
  }

  #showBooks(): void {
    const books = this.#tenure?.tracker.books;
    if (books !== undefined) this.#metrics.published(books.ledger.view(), books.orphans.length);
  }

  #healthSource(): Parameters<typeof HealthServer.listen>[1] {
    return {
      obstacle: () => this.#obstacle(),
      metrics: async () => {
        this.#metrics.sampled(this.#obstacle() === undefined, this.#staleness());
        if (this.#tenure !== undefined) this.#metrics.troubled(this.#tenure.tracker.troubles);
        return { type: this.#metrics.registry.contentType, text: await this.#metrics.registry.metrics() };
      },
    };
  }

  #obstacle(): string | undefined {
    if (this.#stopping) return 'stopping';
    if (this.#lease?.isValid !== true) return `does not hold the Lease of the node${holderOf(this.#lease)}`;
    const obstacle = this.#tenure === undefined ? 'takes the node over' : this.#tenure.tracker.obstacle;
    if (obstacle !== undefined) return obstacle;
    const stale = Object.entries(this.#staleness()).find(([, seconds]) => seconds > STALE_WATCH_SECONDS);
    return stale && `the watch of ${stale[0]} is silent for ${Math.round(stale[1])} s`;
  }

  #staleness(): Readonly<Record<string, number>> {
    const now = performance.now();
    const contacts = Object.entries(this.#tenure?.lastContactAtMs() ?? {});
    return Object.fromEntries(contacts.map(([resource, atMs]) => [resource, (now - (atMs ?? now)) / 1000]));
  }
}

function holderOf(lease: LeaseLoop | undefined): string {
  return lease === undefined || lease.holder === '' ? '' : `; ${lease.holder} does`;
}
