import type { ComputeNode, InstanceClaim, Migration } from '../../src/api/generated/v1alpha1.ts';
import type { Lease } from '../../src/api/lease.ts';
import type { HostReport } from '../../src/drivers/driver.ts';
import type { Answer, Effect, MigrationOutcome, Observation, Outcome } from '../../src/protocol/messages.ts';
import type { TrackerSettings } from '../../src/protocol/settings.ts';
import { Tracker } from '../../src/protocol/tracker.ts';
import { settings } from '../simulation/world/objects.ts';

export const START_MS = Date.parse('2026-01-01T00:00:00Z');
const TOKEN = 'token';

export interface DrivenParts {
  readonly settings?: Partial<TrackerSettings>;
  readonly report?: Partial<HostReport>;
  /** What the API server lists at the take-over. */
  readonly claims?: readonly InstanceClaim[];
  readonly migrations?: readonly Migration[];
  /** The Lease of every other node's agent; absent: there is none. */
  readonly peer?: Lease;
  /** Names of objects whose status the API server never accepts. After the first try the pauses become longer than a test lasts. */
  readonly refuses?: (name: string) => boolean;
  /** What an administrator wrote. */
  readonly node?: Partial<ComputeNode>;
}

/** A Tracker that owns its node, before an API server that accepts every write; each turn's writes are answered before the next one. */
export class DrivenTracker {
  readonly tracker: Tracker;
  readonly claims = new Map<string, InstanceClaim>();
  readonly migrations = new Map<string, Migration>();
  readonly decided: Outcome[] = [];
  readonly migrated: MigrationOutcome[] = [];
  readonly logged: string[] = [];
  readonly report: HostReport;
  node: ComputeNode;
  /** How often ComputeNode.status was written. */
  nodeWrites = 0;
  nowMs = START_MS;
  /** Writes of claims that the last turn asked for. */
  written: readonly InstanceClaim[] = [];
  /** Statuses of migrations that were written. */
  writtenMigrations: Migration[] = [];
  /** All that was asked of the API server since the last turn began, that turn's writes among it. */
  asked: Effect['kind'][] = [];
  readonly #peer: Lease | undefined;
  readonly #refuses: (name: string) => boolean;
  #readsLate = false;
  #lateReads: Effect[] = [];
  readonly #tried = new Set<string>();
  #revision = 0;

  constructor(parts: DrivenParts = {}) {
    this.tracker = new Tracker(settings({ maxBatch: 100, ...parts.settings }));
    this.#peer = parts.peer;
    this.#refuses = parts.refuses ?? (() => false);
    this.report = { ...PLAIN_HOST, ...parts.report };
    const empty: ComputeNode = {
      apiVersion: 'resourcetracker.dev/v1alpha1',
      kind: 'ComputeNode',
      metadata: { name: 'node-a', uid: 'node-uid', generation: 1 },
      spec: {},
    };
    this.node = this.#stored({ ...empty, ...parts.node });
    for (const claim of parts.claims ?? []) this.#keep(claim);
    for (const migration of parts.migrations ?? []) this.#keepMigration(migration);
    this.observe({ kind: 'driverConnected' });
    this.observe({ kind: 'lead', token: TOKEN });
    this.audit();
  }

  observe(observation: Observation): void {
    this.#perform(this.tracker.observe(observation, this.nowMs));
  }

  audit(report: Partial<HostReport> = {}): void {
    this.observe({ kind: 'hostReported', report: { ...this.report, ...report } });
  }

  /** The claim is created, or has changed. */
  see(claim: InstanceClaim): InstanceClaim {
    const stored = this.#keep(claim);
    this.observe({ kind: 'claimSeen', claim: stored });
    return stored;
  }

  /** From now on reads of claims are answered by `answerReads` only. */
  delayReads(): void {
    this.#readsLate = true;
  }

  answerReads(): void {
    const reads = this.#lateReads;
    this.#lateReads = [];
    for (const read of reads) this.observe(this.#answer(read));
  }

  /** The claim was written by somebody else, and no watch tells yet. */
  changeUnseen(claim: InstanceClaim): void {
    this.#keep(claim);
  }

  /** An administrator changes the spec of the ComputeNode. */
  respec(spec: ComputeNode['spec']): void {
    const { metadata } = this.node;
    this.node = this.#stored({
      ...this.node,
      metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 },
      spec,
    });
    this.observe({ kind: 'nodeSeen', node: this.node });
  }

  /** The claim is deleted, and the watch says so. */
  delete(name: string): void {
    const claim = this.claim(name);
    this.claims.delete(claim.metadata.uid ?? '');
    this.observe({ kind: 'claimUnmatched', claim: this.#stored(claim) });
  }

  /** One turn with all its answers; what it wants done is in `written`. Returns when time alone may change something. */
  turn(): number | undefined {
    this.asked = [];
    this.writtenMigrations = [];
    const { effects, commit, dueMs } = this.tracker.decide(this.nowMs);
    const all = [...effects];
    if (commit !== undefined) {
      this.node = this.#stored(commit);
      this.nodeWrites += 1;
      all.push(...this.tracker.committed({ kind: 'ok', object: this.node }));
    }
    this.written = all.flatMap((effect) => (effect.kind === 'writeClaim' ? [effect.claim] : []));
    this.#perform(all);
    return dueMs;
  }

  /** Turns until nothing is asked of the API server any more; how many there were. */
  settle(most = 1_000): number {
    for (let turns = 1; turns <= most; turns += 1) {
      const before = this.#revision;
      const dueMs = this.turn();
      const isQuiet = this.#revision === before && this.asked.length === 0;
      if (isQuiet && (dueMs ?? Number.POSITIVE_INFINITY) > this.nowMs) return turns;
    }
    throw new Error(`still writes after ${most} turns`);
  }

  claim(name: string, namespace = 'default'): InstanceClaim {
    const found = [...this.claims.values()].find(
      ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
    );
    if (found === undefined) throw new Error(`there is no claim ${namespace}/${name}`);
    return found;
  }

  migration(name: string, namespace = 'default'): Migration {
    const found = [...this.migrations.values()].find(
      ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
    );
    if (found === undefined) throw new Error(`there is no migration ${namespace}/${name}`);
    return found;
  }

  #keep(claim: InstanceClaim): InstanceClaim {
    const stored = this.#stored(claim);
    this.claims.set(claim.metadata.uid ?? '', stored);
    return stored;
  }

  /** Somebody creates a migration, or writes it. */
  seeMigration(migration: Migration): void {
    this.observe({ kind: 'migrationSeen', migration: this.#keepMigration(migration) });
  }

  #keepMigration(migration: Migration): Migration {
    const stored = this.#stored(migration);
    this.migrations.set(migration.metadata.uid ?? '', stored);
    return stored;
  }

  #stored<T extends { readonly metadata: ComputeNode['metadata'] }>(object: T): T {
    this.#revision += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: `${this.#revision}` } };
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'decided') this.decided.push(effect.outcome);
      else if (effect.kind === 'migrated') this.migrated.push(effect.outcome);
      else if (effect.kind === 'log') this.logged.push(effect.message);
      else if (effect.kind !== 'noticed') {
        this.asked.push(effect.kind);
        if (this.#isRefused(effect)) this.#refuse(effect);
        else if (effect.kind === 'readClaim' && this.#readsLate) this.#lateReads.push(effect);
        else this.observe(this.#answer(effect));
      }
    }
  }

  #isRefused(effect: Effect): effect is StatusWrite {
    return (effect.kind === 'writeClaim' || effect.kind === 'writeMigration') && this.#refuses(effect.ref.name);
  }

  #refuse({ kind, ref }: StatusWrite): void {
    if (this.#tried.has(ref.uid)) return;
    this.#tried.add(ref.uid);
    const answer = { kind: 'refused', message: 'the request is too large' } as const;
    this.observe({ kind: kind === 'writeClaim' ? 'claimWritten' : 'migrationWritten', ref, answer });
  }

  #answer(effect: Effect): Observation {
    switch (effect.kind) {
      case 'readNode':
        return { kind: 'nodeRead', answer: { kind: 'ok', object: this.node } };
      case 'writeNode':
        this.node = this.#stored(effect.node);
        return { kind: 'nodeWritten', answer: { kind: 'ok', object: this.node } };
      case 'listClaims':
        return {
          kind: 'claimsListed',
          claims: [...this.claims.values()],
          migrations: [...this.migrations.values()],
        };
      case 'readClaim':
        return { kind: 'claimRead', ref: effect.ref, answer: answerOf(this.claims.get(effect.ref.uid)) };
      case 'writeClaim':
        return {
          kind: 'claimWritten',
          ref: effect.ref,
          answer: { kind: 'ok', object: this.#keep({ ...this.claims.get(effect.ref.uid), ...effect.claim }) },
        };
      case 'readMigration':
        return { kind: 'migrationRead', ref: effect.ref, answer: answerOf(this.migrations.get(effect.ref.uid)) };
      case 'writeMigration':
      case 'ownMigration':
        if (effect.kind === 'writeMigration') this.writtenMigrations.push(effect.migration);
        return {
          kind: 'migrationWritten',
          ref: effect.ref,
          answer: { kind: 'ok', object: this.#keepMigration(effect.migration) },
        };
      case 'lookUpClaim': {
        const { name, namespace } = effect.name;
        const isIt = ({ metadata }: InstanceClaim) => metadata.name === name && metadata.namespace === namespace;
        return { kind: 'claimLookedUp', name: effect.name, answer: answerOf([...this.claims.values()].find(isIt)) };
      }
      case 'readPeer':
        return { kind: 'peerRead', nodeName: effect.nodeName, answer: answerOf(this.#peer) };
      default:
        throw new Error(`${effect.kind}: ${JSON.stringify(effect)}`);
    }
  }
}

type StatusWrite = Extract<Effect, { kind: 'writeClaim' | 'writeMigration' }>;

function answerOf<T>(object: T | undefined): Answer<T> {
  return object === undefined ? { kind: 'missing' } : { kind: 'ok', object };
}

const PLAIN_HOST: HostReport = {
  hostname: 'host-a',
  hypervisor: { type: 'Model', version: '1.0' },
  cpuInfo: { arch: 'x86_64', features: [] },
  numaCells: [],
  totals: { vcpus: 1_000_000n, memoryBytes: 1n << 50n, diskBytes: 1n << 50n },
  used: {},
  instances: [],
  problems: [],
};
