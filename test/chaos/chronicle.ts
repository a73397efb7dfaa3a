/** Everything that claims and nodes ever were, as watches from the outside saw it, and what in it must not be. */
import type { ComputeNode, InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { type ReflectOptions, type Reflector, reflect } from '../../src/kube/reflector.ts';
import type { KubeObject, ResourceClient } from '../../src/kube/resource.ts';
import { parseBytes } from '../../src/quantity/quantity.ts';

interface Decision {
  readonly phase: string;
  readonly nodeName: string;
  readonly devices: readonly string[];
}

interface Life {
  readonly name: string;
  /** Not created before this point of the history. */
  readonly since: bigint;
  decided?: string;
  attempts: readonly string[];
}

/** One claim that came to hold something, or ceased to, at a point of the API server's history. */
interface Step {
  readonly version: bigint;
  readonly uid: string;
  readonly grant?: { readonly nodeName: string; readonly sums: Sums };
}

interface Sums {
  readonly vcpus: bigint;
  readonly memory: bigint;
  readonly disk: bigint;
}

/** A version of a ComputeNode: the limits in force, less what is reserved, and whom it names. */
interface Commit {
  readonly version: bigint;
  readonly nodeName: string;
  readonly room: Sums;
  readonly names: ReadonlySet<string>;
}

/** Others that follow all claims, and need no watch of their own. */
export interface ClaimReader {
  see(claim: InstanceClaim): void;
  forget(claim: InstanceClaim): void;
}

const NONE: Sums = { vcpus: 0n, memory: 0n, disk: 0n };
const RESOURCES = ['vcpus', 'memory', 'disk'] as const;
const BACKOFF = { firstMs: 50, maxMs: 200 };

export class Chronicle {
  readonly violations: string[] = [];
  readonly counts = { events: 0, granted: 0, rejected: 0, attempts: 0, deleted: 0, takeOvers: 0, commits: 0 };
  readonly #reflectors: Reflector[];
  readonly #lives = new Map<string, Life>();
  /** By UID: what living claims hold, as the last event showed it. */
  readonly #holders = new Map<string, Decision>();
  readonly #byDevice = new Map<string, string>();
  readonly #steps: Step[] = [];
  readonly #commits: Commit[] = [];
  /** Parts of the nodes' history that no watch has shown: what an API server that was restarted does not have any more. */
  readonly #gaps: { readonly from: bigint; readonly to: bigint }[] = [];
  #nodesSeenUpTo = 0n;
  #claimsSeenUpTo = 0n;
  readonly #tokens = new Map<string, string>();
  readonly #readers: readonly ClaimReader[];

  constructor(
    claims: ResourceClient<InstanceClaim>,
    nodes: ResourceClient<ComputeNode>,
    readers: readonly ClaimReader[],
  ) {
    this.#readers = readers;
    this.#reflectors = [
      follow<InstanceClaim>({
        client: claims,
        onList: (items, version) => this.#listed(items, BigInt(version)),
        onEvent: ({ type, object }) => {
          this.#claimsSeenUpTo = BigInt(object.metadata.resourceVersion ?? 0);
          if (type === 'DELETED') this.#gone(object);
          else this.#see(object);
        },
      }),
      follow<ComputeNode>({
        client: nodes,
        onList: (items, version) => {
          this.#gaps.push({ from: this.#nodesSeenUpTo, to: BigInt(version) });
          this.#nodesSeenUpTo = BigInt(version);
          for (const node of items) this.#commit(node);
        },
        onEvent: ({ type, object }) => type !== 'DELETED' && this.#commit(object),
      }),
    ];
  }

  /** Whether both lists are in. */
  get begun(): boolean {
    return this.#reflectors.every(({ listed }) => listed);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  /**
   * Grants against the limits in force: when a grant lands, all that has landed on its node fits the limit of some version of the
   * ComputeNode from the one that first named the claim on. Exact, as both kinds share one history. How many grants were looked at.
   */
  checkLimits(): number {
    const held = new Map<string, NonNullable<Step['grant']>>();
    const sums = new Map<string, Sums>();
    const commits = Map.groupBy(this.#commits, ({ nodeName }) => nodeName);
    let looked = 0;
    for (const { uid, grant, version } of this.#steps.toSorted((a, b) => (a.version < b.version ? -1 : 1))) {
      const before = held.get(uid);
      if (before !== undefined) sums.set(before.nodeName, minus(sums.get(before.nodeName) ?? NONE, before.sums));
      held.delete(uid);
      if (grant === undefined) continue;
      const total = plus(sums.get(grant.nodeName) ?? NONE, grant.sums);
      sums.set(grant.nodeName, total);
      held.set(uid, grant);
      if (before !== undefined) continue;
      const rooms = roomsFor(uid, version, commits.get(grant.nodeName) ?? []);
      if (rooms.length === 0) {
        if (!this.#mayHaveMissed(uid, version)) this.violations.push(`${uid} was granted without being named before`);
        continue;
      }
      looked += 1;
      for (const resource of RESOURCES)
        if (rooms.every((room) => total[resource] > room[resource]))
          this.violations.push(
            `${resource} of ${grant.nodeName}: ${total[resource]} granted with ${uid} at ${version}, ` +
              `where at most ${rooms.map((room) => room[resource]).join(' or ')} was in force`,
          );
    }
    return looked;
  }

  /** Whether the version of a ComputeNode that names a claim may be one that no watch has shown. */
  #mayHaveMissed(uid: string, version: bigint): boolean {
    const since = this.#lives.get(uid)?.since ?? 0n;
    return this.#gaps.some(({ from, to }) => from < version && to > since);
  }

  #listed(items: readonly InstanceClaim[], version: bigint): void {
    const listed = new Set(items.map(({ metadata }) => metadata.uid));
    // It was deleted at some point that no watch has shown: what came behind the last one that was shown may have had its room.
    for (const uid of [...this.#holders.keys()]) if (!listed.has(uid)) this.#release(uid, this.#claimsSeenUpTo);
    this.#claimsSeenUpTo = version;
    // In the order in which they came to be as they are.
    const versionOf = (claim: InstanceClaim): bigint => BigInt(claim.metadata.resourceVersion ?? 0);
    for (const claim of items.toSorted((a, b) => (versionOf(a) < versionOf(b) ? -1 : 1))) this.#see(claim, 0n);
  }

  #gone(claim: InstanceClaim): void {
    const { metadata } = claim;
    for (const reader of this.#readers) reader.forget(claim);
    this.counts.events += 1;
    this.counts.deleted += 1;
    this.#release(metadata.uid ?? '', BigInt(metadata.resourceVersion ?? 0));
  }

  #release(uid: string, version: bigint): void {
    const held = this.#holders.get(uid);
    if (held === undefined) return;
    this.#holders.delete(uid);
    for (const device of held.devices) if (this.#byDevice.get(device) === uid) this.#byDevice.delete(device);
    this.#steps.push({ version, uid });
  }

  #see(claim: InstanceClaim, since = BigInt(claim.metadata.resourceVersion ?? 0)): void {
    const { metadata, status } = claim;
    for (const reader of this.#readers) reader.see(claim);
    this.counts.events += 1;
    const { uid = '', name } = metadata;
    const life: Life = this.#lives.get(uid) ?? { name, since, attempts: [] };
    this.#lives.set(uid, life);
    this.#checkAttempts(
      life,
      (status?.attempts ?? []).map(({ nodeName }) => nodeName),
    );
    const { phase = 'Pending', nodeName = '' } = status ?? {};
    const devices = (status?.pciDevices ?? []).map(({ address }) => `${nodeName}/${address}`).toSorted();
    const decision: Decision = { phase, nodeName, devices };
    const words = JSON.stringify(decision);
    if (phase === 'Pending' && life.decided === undefined) return;
    if (life.decided === words) return;
    if (life.decided !== undefined) this.violations.push(`${name} changed its mind: ${life.decided}, then ${words}`);
    life.decided = words;
    if (phase === 'Rejected') this.counts.rejected += 1;
    if (phase === 'Claimed') this.#granted(uid, life, decision, status, BigInt(metadata.resourceVersion ?? 0));
  }

  #checkAttempts(life: Life, attempts: readonly string[]): void {
    if (life.attempts.some((nodeName, index) => attempts[index] !== nodeName))
      this.violations.push(`${life.name} forgot an attempt: ${life.attempts.join()}, then ${attempts.join()}`);
    this.counts.attempts += Math.max(attempts.length - life.attempts.length, 0);
    life.attempts = attempts;
  }

  #granted(uid: string, life: Life, decision: Decision, status: InstanceClaim['status'], version: bigint): void {
    this.counts.granted += 1;
    for (const device of decision.devices) {
      const other = this.#byDevice.get(device);
      if (other !== undefined && other !== uid)
        this.violations.push(`${device} was given to ${life.name} while ${this.#lives.get(other)?.name} had it`);
      this.#byDevice.set(device, uid);
    }
    this.#holders.set(uid, decision);
    this.#steps.push({ version, uid, grant: { nodeName: decision.nodeName, sums: sumsOf(status) } });
  }

  #commit({ metadata, status }: ComputeNode): void {
    const { token, deciding = [] } = status?.agent ?? {};
    if (token !== undefined && this.#tokens.get(metadata.name) !== token) {
      this.#tokens.set(metadata.name, token);
      this.counts.takeOvers += 1;
    }
    this.counts.commits += 1;
    const version = BigInt(metadata.resourceVersion ?? 0);
    if (version > this.#nodesSeenUpTo) this.#nodesSeenUpTo = version;
    const { limit, effective } = status ?? {};
    if (limit === undefined) return;
    this.#commits.push({
      version,
      nodeName: metadata.name,
      room: minus(readSums(limit), readSums(effective?.reserved)),
      names: new Set(deciding.map(({ uid }) => uid)),
    });
  }
}

/** The limits of the versions that a grant may have been tested against, and of those that were written before it landed. */
function roomsFor(uid: string, version: bigint, commits: readonly Commit[]): readonly Sums[] {
  const earlier = commits.filter((commit) => commit.version < version);
  const first = earlier.findIndex(({ names }) => names.has(uid));
  return first === -1 ? [] : earlier.slice(first).map(({ room }) => room);
}

function follow<T extends KubeObject>(options: Pick<ReflectOptions<T>, 'client' | 'onList' | 'onEvent'>): Reflector {
  return reflect<T>({ ...options, clock: systemClock, random: Math.random, backoff: BACKOFF });
}

/** What a granted claim holds. */
export function sumsOf(status: InstanceClaim['status']): Sums {
  const { flavor, overhead } = status ?? {};
  return {
    vcpus: BigInt(flavor?.vcpus ?? 0),
    memory: parseBytes(flavor?.memory ?? 0) + parseBytes(overhead?.memory ?? 0),
    disk: parseBytes(flavor?.rootDisk ?? 0) + parseBytes(flavor?.ephemeralDisk ?? 0),
  };
}

/** Amounts as the API has them. */
export function readSums(amounts: { vcpus?: number; memory?: number | string; disk?: number | string } = {}): Sums {
  return {
    vcpus: BigInt(amounts.vcpus ?? 0),
    memory: parseBytes(amounts.memory ?? 0),
    disk: parseBytes(amounts.disk ?? 0),
  };
}

export function plus(one: Sums, other: Sums): Sums {
  return { vcpus: one.vcpus + other.vcpus, memory: one.memory + other.memory, disk: one.disk + other.disk };
}

export function minus(one: Sums, other: Sums): Sums {
  return { vcpus: one.vcpus - other.vcpus, memory: one.memory - other.memory, disk: one.disk - other.disk };
}
