/** The controller: watches, plans and writes while it leads, and stands by while another one does. */
import type { Logger } from 'pino';
import type { ComputeNode, InstanceClaim, Migration } from '../api/generated/v1alpha1.ts';
import { COMPUTE_NODES, EVENTS, INSTANCE_CLAIMS, LEASES, MIGRATIONS, NODES, PODS } from '../api/kinds.ts';
import type { Lease } from '../api/lease.ts';
import { systemClock } from '../kube/clock.ts';
import { type Connection, connect } from '../kube/connection.ts';
import { type EventRecorder, eventRecorder } from '../kube/events.ts';
import { type KubeObject, resourceClient } from '../kube/resource.ts';
import { CONTROLLER_LEASE } from '../process/controller-lease.ts';
import { HealthServer, type HealthSource } from '../process/health-server.ts';
import { isDead, newIdentity, type PodFacts } from '../process/identity.ts';
import { LeaseLoop } from '../process/lease-loop.ts';
import { leaseTimes, type Now } from '../protocol/lease-keeper.ts';
import { VERSION } from '../version.ts';
import { ControlLoop } from './control-loop.ts';
import { ControllerMetrics } from './metrics.ts';
import type { ControllerConfig } from './options.ts';
import { Tidings } from './tidings.ts';
import { Watches } from './watches.ts';
import { type HostNode, World } from './world.ts';
import { Writer } from './writer.ts';

/** What is under way at a graceful stop is waited for at most this long. */
const STOP_TIMEOUT_MS = 5_000;
/** Bookmarks come about once a minute: this silence means that the watch is dead. */
const STALE_WATCH_SECONDS = 180;

export interface ControllerParts {
  readonly config: ControllerConfig;
  readonly log: Logger;
  /** Absent outside of a Pod. */
  readonly pod?: PodFacts | undefined;
}

/** What there is once it is connected. */
interface Running {
  readonly connection: Connection;
  readonly recorder: EventRecorder;
  readonly watches: Watches;
  readonly loop: ControlLoop;
  readonly lease: LeaseLoop;
}

export class Controller {
  /** Rejects when the controller cannot go on; resolves after `stop`. */
  readonly done: Promise<void>;
  readonly #parts: ControllerParts;
  readonly #metrics = new ControllerMetrics();
  readonly #identity: string;
  readonly #world: World;
  readonly #end = Promise.withResolvers<void>();
  readonly #lifetime = new AbortController();
  #running: Running | undefined;
  #health: HealthServer | undefined;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#identity = newIdentity(parts.pod);
    const { leaseNamespace, nodeGoneSeconds } = parts.config;
    this.#world = new World({ leaseNamespace, nodeGoneMs: nodeGoneSeconds * 1000 });
    this.done = this.#end.promise;
  }

  /** Where the health endpoints listen; undefined when they are off. */
  get healthPort(): number | undefined {
    return this.#health?.port;
  }

  /** Connects everything. Resolves once it runs, leading or not; throws when it cannot begin at all. */
  async start(): Promise<void> {
    const { kubeconfig, listenAddress } = this.#parts.config;
    const connection = await connect({
      ...(kubeconfig !== undefined && { kubeconfig }),
      userAgent: `resource-tracker-controller/${VERSION}`,
      onRequest: (report) => this.#metrics.requested(report),
    });
    if (listenAddress !== undefined) this.#health = await HealthServer.listen(listenAddress, this.#healthSource());
    const running = this.#assemble(connection);
    this.#running = running;
    running.watches.start();
    running.lease.start();
  }

  /** Ends in good order: begins nothing more, lets what is under way be answered, gives the Lease back. */
  async stop(): Promise<void> {
    if (this.#lifetime.signal.aborted) return this.done;
    const running = this.#running;
    const patience = setTimeout(() => this.#lifetime.abort(), STOP_TIMEOUT_MS);
    await running?.loop.stop();
    clearTimeout(patience);
    this.#lifetime.abort();
    // After the last write: who finds the Lease free may begin at once.
    await running?.lease.stop();
    await running?.watches.stop();
    await running?.recorder.stop();
    await running?.connection.close();
    await this.#health?.close();
    this.#end.resolve();
  }

  #assemble(connection: Connection): Running {
    const recorder = this.#recorder(connection);
    const lease: LeaseLoop = this.#leaseLoop(connection, () => this.#running?.loop.wake());
    const loop = this.#controlLoop(connection, recorder, () => lease.isValid);
    return { connection, recorder, lease, loop, watches: this.#watches(connection, loop) };
  }

  #recorder(connection: Connection): EventRecorder {
    return eventRecorder({
      client: resourceClient(connection, EVENTS),
      reportingController: 'resourcetracker.dev/controller',
      reportingInstance: this.#identity,
      clock: systemClock,
      date: () => new Date(),
      random: Math.random,
      onLost: (_event, loss) => this.#metrics.eventLost(loss),
    });
  }

  #leaseLoop(connection: Connection, wake: () => void): LeaseLoop {
    const { config, log, pod } = this.#parts;
    const pods = resourceClient<KubeObject>(connection, PODS);
    return new LeaseLoop({
      settings: {
        name: CONTROLLER_LEASE,
        namespace: config.leaseNamespace,
        identity: this.#identity,
        ...leaseTimes(config.leaseDurationSeconds),
      },
      leases: resourceClient<Lease>(connection, LEASES),
      random: Math.random,
      onGained: () => {
        log.info('leads');
        this.#world.review();
        wake();
      },
      onLost: (reason) => log.warn({ reason }, 'does not lead any more'),
      onFault: (what, error) => log.warn({ what, error }, 'the Lease could not be kept'),
      isDead: (identity) =>
        isDead(identity, pod, async (name) => (await pods.get(name, config.leaseNamespace))?.metadata?.uid),
    });
  }

  #controlLoop(connection: Connection, recorder: EventRecorder, leads: () => boolean): ControlLoop {
    const { log } = this.#parts;
    const writer = new Writer({
      nodes: resourceClient<ComputeNode>(connection, COMPUTE_NODES),
      claims: resourceClient<InstanceClaim>(connection, INSTANCE_CLAIMS),
      migrations: resourceClient<Migration>(connection, MIGRATIONS),
      leases: resourceClient<Lease>(connection, LEASES),
      clock: systemClock,
      signal: this.#lifetime.signal,
      mayWrite: leads,
      onLeaseKept: (name, error) => log.warn({ name, error }, 'the Lease of a node that is removed stays'),
    });
    return new ControlLoop({
      world: this.#world,
      writer,
      tidings: new Tidings({ log, metrics: this.#metrics, record: (event) => recorder.record(event) }),
      clock: systemClock,
      now,
      leads,
      onEnd: (error) => this.#end.reject(error),
    });
  }

  #watches(connection: Connection, loop: ControlLoop): Watches {
    const { config, log } = this.#parts;
    return new Watches({
      world: this.#world,
      computeNodes: resourceClient<ComputeNode>(connection, COMPUTE_NODES),
      claims: resourceClient<InstanceClaim>(connection, INSTANCE_CLAIMS),
      migrations: resourceClient<Migration>(connection, MIGRATIONS),
      hostNodes: resourceClient<HostNode>(connection, NODES),
      leases: resourceClient<Lease>(connection, LEASES),
      leaseNamespace: config.leaseNamespace,
      random: Math.random,
      now,
      onChange: () => loop.wake(),
      onError: (resource, error, retryInMs) => {
        this.#metrics.watchFailed(resource, error.reason);
        const fields = { resource, reason: error.reason, error: error.message, retryInMs: Math.round(retryInMs) };
        log.warn(fields, 'a watch failed');
      },
      onEnd: (error) => this.#end.reject(error),
    });
  }

  #healthSource(): HealthSource {
    return {
      obstacle: () => this.#obstacle(),
      metrics: async () => {
        this.#metrics.sampled(this.#obstacle() === undefined, this.#staleness());
        this.#metrics.leading(this.#running?.lease.isValid === true, this.#world.deadAgents);
        return { type: this.#metrics.registry.contentType, text: await this.#metrics.registry.metrics() };
      },
    };
  }

  /** One that stands by is ready, too: it can take over at once. */
  #obstacle(): string | undefined {
    if (this.#lifetime.signal.aborted) return 'stopping';
    if (!this.#world.complete) return 'not everything is listed yet';
    const stale = Object.entries(this.#staleness()).find(([, seconds]) => seconds > STALE_WATCH_SECONDS);
    return stale && `the watch of ${stale[0]} is silent for ${Math.round(stale[1])} s`;
  }

  #staleness(): Readonly<Record<string, number>> {
    const { ms } = now();
    const contacts = Object.entries(this.#running?.watches.lastContactAtMs() ?? {});
    return Object.fromEntries(contacts.map(([resource, atMs]) => [resource, (ms - (atMs ?? ms)) / 1000]));
  }
}

function now(): Now {
  return { ms: systemClock.now(), date: new Date() };
}
