/** What must be true once faults have stopped and everything was delivered. */
import type { InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import type { Movers } from './movers.ts';
import { type Cluster, OVERHEAD_BYTES } from './world/cluster.ts';
import type { ModelProcess } from './world/model-process.ts';
import { claim } from './world/objects.ts';
import { bytes, type Counted, counted, countUsed, isClaimedOn, memoryLimit, sidesOn } from './world/recount.ts';
import type { Step } from './world/step.ts';

const MAX_STEPS = 20_000;
/** Rounds of what executors and people owe. */
const MAX_DUTIES = 60;
/** Of the world's time: longer than any deadline that a claim has, and than a Lease. */
const MAX_REST_MS = 400_000;
/** By then everything that does not wait for a deadline of its own is decided: a Lease runs out, and a few tries. */
export const LEASE_PERIOD_MS = 40_000;
const PATIENCE_MS = LEASE_PERIOD_MS + 6_000;
/** Clocks differ, and times are whole seconds. */
const TOLERANCE_MS = 6_000;

export class End {
  readonly #cluster: Cluster;
  readonly #movers: Movers;
  readonly #do: (step: Step) => void;

  constructor(cluster: Cluster, movers: Movers, perform: (step: Step) => void) {
    this.#cluster = cluster;
    this.#movers = movers;
    this.#do = perform;
  }

  /** Lets the world come to rest, and throws at what is still wrong then. */
  check(): void {
    const startedAtMs = this.#cluster.clock.nowMs;
    this.#settle();
    this.#audit();
    this.#endMigrations();
    let wrong = this.#wrong();
    while (wrong !== undefined) {
      const restedMs = this.#cluster.clock.nowMs - startedAtMs;
      if (restedMs > PATIENCE_MS) this.#throwIfUndecided();
      if (restedMs > MAX_REST_MS || !this.#passTime()) throw new Error(wrong);
      this.#settle();
      this.#endMigrations();
      wrong = this.#wrong();
    }
    this.#nothingIsWrittenWhenNothingChanges();
    this.#cordonsCount();
  }

  /** Who comes to a cordoned Node is refused. */
  #cordonsCount(): void {
    const { api, parts } = this.#cluster;
    for (const nodeName of parts.nodeNames.filter((name) => this.#cluster.isCordoned(name))) {
      const name = `late-on-${nodeName}`;
      const run = (): void => void api.claims.create(claim({ name, nodeName, memoryMi: 1 }));
      this.#do({ what: `create ${name}`, run });
      this.#settle();
      const { phase = 'Pending', conditions } = api.claims.get(name, 'default')?.status ?? {};
      if (phase !== 'Rejected' || !/NodeUnschedulable/.test(conditions?.[0]?.reason ?? ''))
        throw new Error(`${name} is ${phase}, and Node ${nodeName} is cordoned`);
    }
  }

  /** Executors and people do what they owe; agents may need time for their part. */
  #endMigrations(): void {
    for (let rounds = 0; rounds < MAX_DUTIES; rounds += 1) {
      const duties = this.#movers.duties();
      if (duties.length === 0) return;
      for (const duty of duties) {
        this.#do(duty);
        this.#settle();
      }
      if (rounds <= MAX_DUTIES / 2) continue;
      this.#passTime();
      // What was due at that moment is done before anybody looks.
      this.#settle();
    }
  }

  /** To the next moment at which time alone does something. */
  #passTime(): boolean {
    const due = this.#cluster.processes.flatMap(({ dueMs }) => dueMs ?? []);
    if (due.length === 0) return false;
    const { clock } = this.#cluster;
    const ms = Math.max(Math.min(...due), clock.nowMs + 1);
    this.#do({ what: `${ms - clock.nowMs} ms pass`, run: () => clock.advanceTo(ms) });
    return true;
  }

  #settle(): void {
    for (let count = 0; count < MAX_STEPS; count += 1) {
      const [step] = this.#cluster.steps();
      if (step === undefined) return;
      this.#do(step);
    }
    throw new Error('the world does not come to rest');
  }

  #audit(): void {
    for (const { tenure } of this.#cluster.processes)
      if (tenure !== undefined) this.#do({ what: `${tenure.name}: audit`, run: () => tenure.audit() });
    this.#settle();
  }

  #nothingIsWrittenWhenNothingChanges(): void {
    this.#audit();
    const { claims, computeNodes } = this.#cluster.api;
    const before = claims.log.length + computeNodes.log.length;
    this.#audit();
    if (claims.log.length + computeNodes.log.length !== before)
      throw new Error('an audit of an unchanged host wrote something');
    const wrong = this.#wrong();
    if (wrong !== undefined) throw new Error(wrong);
    for (const nodeName of this.#cluster.parts.nodeNames) {
      const left = claimsNamed(computeNodes.get(nodeName)?.status?.agent?.deciding);
      if (left !== '') throw new Error(`deciding of ${nodeName} still names ${left}`);
    }
    const [request] = this.#cluster.network.requests.filter(({ what }) => !/lease/.test(what));
    if (request !== undefined) throw new Error(`still under way: ${request.what}`);
  }

  #wrong(): string | undefined {
    const unfinished = this.#migrationsWrong();
    if (unfinished !== undefined) return unfinished;
    for (const nodeName of this.#cluster.parts.nodeNames) {
      const wrong =
        this.#ownersWrong(nodeName) ??
        this.#claimsWrong(nodeName) ??
        this.#figuresWrong(nodeName) ??
        this.#devicesWrong(nodeName);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  #ownersWrong(nodeName: string): string | undefined {
    const owners = this.#cluster.processes.filter((process) => process.nodeName === nodeName && isReady(process));
    const [owner] = owners;
    if (owner === undefined) return `${nodeName} has no owner that is ready`;
    if (owners.length > 1) return `${nodeName} has ${owners.length} owners`;
    const drift = owner.tenures.flatMap(({ logged }) => logged).find(({ message }) => message.includes('drifted'));
    if (drift !== undefined) throw new Error(drift.message);
    const told = this.#cluster.api.computeNodes.get(nodeName)?.status?.agent?.identity;
    return told === owner.name ? undefined : `${nodeName} says that ${told} owns it, and it is ${owner.name}`;
  }

  // --- claims ---------------------------------------------------------------------------------------------------------

  /** Bound to the node, and not refused by it last. */
  #open(nodeName: string): InstanceClaim[] {
    const { items } = this.#cluster.api.claims.list(({ spec }) => spec.nodeName === nodeName);
    return items.filter(
      ({ status }) => (status?.phase ?? 'Pending') === 'Pending' && status?.attempts?.at(-1)?.nodeName !== nodeName,
    );
  }

  #throwIfUndecided(): void {
    for (const nodeName of this.#cluster.parts.nodeNames)
      for (const { metadata, spec } of this.#open(nodeName))
        if (spec.whenInsufficient !== 'Wait')
          throw new Error(`${metadata.name} is not decided although its agent could have for a Lease period`);
  }

  #claimsWrong(nodeName: string): string | undefined {
    const { nowMs } = this.#cluster.clock;
    const open = this.#open(nodeName);
    for (const { metadata, spec } of open) {
      if (spec.whenInsufficient !== 'Wait') return `${metadata.name} is still not decided`;
      const deadlineMs = Date.parse(metadata.creationTimestamp ?? '') + (spec.waitSeconds ?? 0) * 1000;
      if (spec.waitSeconds !== undefined && nowMs >= deadlineMs + TOLERANCE_MS)
        return `${metadata.name} waits longer than its waitSeconds`;
    }
    const [first] = open.toSorted(byAge);
    if (first !== undefined && this.#fits(first, nodeName))
      return `${first.metadata.name} waits although there is room`;
    const { items } = this.#cluster.api.claims.list((claim) => isClaimedOn(nodeName, claim));
    const late = items.find((claim) => isOverdue(claim, nowMs));
    return late && `${late.metadata.name} is held although its time to appear is over`;
  }

  /** Naive: amounts, and devices by count. */
  #fits({ spec }: InstanceClaim, nodeName: string): boolean {
    const node = this.#cluster.api.computeNodes.get(nodeName);
    if (node === undefined || (spec.pciRequests ?? []).length > 0) return false;
    const { totals } = this.#cluster.host(nodeName);
    const used = this.#used(nodeName);
    const isCordoned = node.spec.unschedulable === true || this.#cluster.isCordoned(nodeName);
    return (
      !isCordoned &&
      used.memoryBytes + bytes(spec.flavor?.memory) + OVERHEAD_BYTES <= memoryLimit(node, totals) &&
      used.vcpus + BigInt(spec.flavor?.vcpus ?? 0) <= (totals.vcpus ?? 0n) &&
      used.diskBytes + bytes(spec.flavor?.rootDisk) <= totals.diskBytes
    );
  }

  /** No claim is locked any more, and every migration has an end that fits where its claim is. */
  #migrationsWrong(): string | undefined {
    const { claims, migrations } = this.#cluster.api;
    const locked = claims.list(({ status }) => status?.phase === 'Claimed' && status.migration !== undefined).items[0];
    if (locked !== undefined) return `${locked.metadata.name} is still locked for ${locked.status?.migration?.name}`;
    for (const { metadata, status } of migrations.list().items) {
      const phase = status?.phase ?? 'Pending';
      if (!['Confirmed', 'Reverted', 'Rejected', 'Failed'].includes(phase)) return `${metadata.name} is still ${phase}`;
    }
    return undefined;
  }

  // --- figures --------------------------------------------------------------------------------------------------------

  #used(nodeName: string): Counted {
    const { api } = this.#cluster;
    return countUsed({
      nodeName,
      reserved: api.computeNodes.get(nodeName)?.spec.reserved,
      claims: api.claims.list().items,
      instances: this.#cluster.host(nodeName).instances,
      overheadBytes: OVERHEAD_BYTES,
    });
  }

  #figuresWrong(nodeName: string): string | undefined {
    const published = counted(this.#cluster.api.computeNodes.get(nodeName)?.status?.used);
    const expected = this.#used(nodeName);
    const [one, other] = [published, expected].map(
      ({ vcpus, memoryBytes, diskBytes }) => `${vcpus} vCPUs, ${memoryBytes} bytes, ${diskBytes} of disk`,
    );
    return one === other ? undefined : `${nodeName} says used ${one}; a recount: ${other}`;
  }

  #devicesWrong(nodeName: string): string | undefined {
    const { items } = this.#cluster.api.claims.list();
    const given = items.flatMap((claim) => sidesOn(nodeName, claim)).flatMap(({ devices }) => devices);
    const host = this.#cluster.host(nodeName);
    const used = new Set([...given, ...host.instances.flatMap(({ devices }) => devices)]);
    const related = (host.devices ?? []).filter(
      ({ address, parentAddress }) =>
        used.has(address) ||
        (parentAddress !== undefined && used.has(parentAddress)) ||
        (host.devices ?? []).some((other) => other.parentAddress === address && used.has(other.address)),
    );
    const expected = related.map(({ address }) => address).toSorted();
    const taken = (this.#cluster.api.computeNodes.get(nodeName)?.status?.pciDevices ?? [])
      .filter(({ state }) => state !== 'Available')
      .map(({ address }) => address);
    if (taken.join() === expected.join()) return undefined;
    return `devices of ${nodeName} that are taken: ${taken}; a recount: ${expected}`;
  }
}

function isReady({ tenure, holdsLease }: ModelProcess): boolean {
  return holdsLease && tenure?.tracker.ready === true;
}

function claimsNamed(deciding: readonly { readonly name?: string }[] = []): string {
  return deciding.map(({ name }) => name).join(', ');
}

function isOverdue({ spec, status }: InstanceClaim, nowMs: number): boolean {
  if (spec.expirationSeconds === undefined) return false;
  if (status?.conditions?.some(({ type }) => type === 'InstanceRunning') === true) return false;
  const granted = status?.conditions?.find(({ type }) => type === 'Claimed')?.lastTransitionTime ?? '';
  return nowMs >= Date.parse(granted) + spec.expirationSeconds * 1000 + TOLERANCE_MS;
}

function byAge(one: InstanceClaim, other: InstanceClaim): number {
  const [a, b] = [one, other].map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? ''));
  return (a ?? 0) - (b ?? 0) || ((one.metadata.uid ?? '') < (other.metadata.uid ?? '') ? -1 : 1);
}
