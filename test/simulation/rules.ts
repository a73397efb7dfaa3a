/** What must hold at every moment, seen from the objects at the API server and the instances on the hosts alone. */
import type {
  ClaimedPciDevice,
  ComputeNode,
  Flavor,
  InstanceClaim,
  MigrationLock,
} from '../../src/api/generated/v1alpha1.ts';
import { type Cluster, OVERHEAD_BYTES } from './world/cluster.ts';
import type { Change } from './world/model-api.ts';
import type { ModelProcess } from './world/model-process.ts';
import { bytes, counted, countUsed, isHeldOn, memoryLimit, sidesOn } from './world/recount.ts';

/** Looks at each change of a claim once, and throws at the first one that breaks a rule. */
export class Rules {
  readonly #cluster: Cluster;
  #checked = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** To be called after every step. */
  check(): void {
    const { log } = this.#cluster.api.claims;
    for (; this.#checked < log.length; this.#checked += 1) {
      const change = log[this.#checked];
      if (change?.before !== undefined && change.after !== undefined)
        this.#checkChange(change, change.before, change.after);
    }
  }

  #checkChange({ revision, by }: Change<InstanceClaim>, before: InstanceClaim, after: InstanceClaim): void {
    mindIsKept(before, after, this.#cluster.clock.nowMs);
    this.#isHeldSomewhere(after);
    const decider = by === undefined ? undefined : this.#cluster.process(by);
    if (decider === undefined) return;
    isOf(decider, before, after);
    if (!isDecision(before, after, decider.nodeName)) return;
    this.#isNamed(after, decider);
    if (after.status?.phase !== 'Claimed' || !takes(before, after)) return;
    this.#hasRoom(after, revision, decider);
    this.#hasItsDevicesAlone(after, decider);
    this.#hasItsInstanceAlone(after, decider);
  }

  /** A decision that lands is named in `deciding`. Where there is none to trust, the barrier covers everything. */
  #isNamed({ metadata }: InstanceClaim, { nodeName }: ModelProcess): void {
    const deciding = this.#cluster.api.computeNodes.get(nodeName)?.status?.agent?.deciding;
    if (deciding === undefined || deciding.some(({ uid }) => uid === metadata.uid)) return;
    throw new Error(`${metadata.name} was decided, and deciding of ${nodeName} does not name it`);
  }

  /** Adopted ones apart, where they were adopted: those are there, whether they fit or not. */
  #claimed(nodeName: string): readonly InstanceClaim[] {
    return this.#cluster.api.claims.list((claim) => isHeldOn(nodeName, claim) && !isAdoptedOn(nodeName, claim)).items;
  }

  /** At no moment of a migration does neither of its nodes hold: one of their agents that have their node has it in its ledger. */
  #isHeldSomewhere({ metadata, status }: InstanceClaim): void {
    const lock = status?.migration;
    if (status?.phase !== 'Claimed' || lock === undefined) return;
    const nodes = new Set([lock.sourceNodeName, lock.targetNodeName]);
    const ready = this.#cluster.processes.filter((process) => nodes.has(process.nodeName) && this.#owns(process));
    const isStaffed = [...nodes].every((node) => ready.some(({ nodeName }) => nodeName === node));
    const keys = [`claim/${metadata.uid}`, `migration/${metadata.uid}`];
    const isHeld = ready.some(({ tenure }) => keys.some((key) => tenure?.tracker.books?.ledger.get(key) !== undefined));
    if (isStaffed && !isHeld) throw new Error(`neither node of ${lock.name} holds for ${metadata.name}`);
  }

  /** By the ComputeNode's word, and with a ledger. */
  #owns({ name, nodeName, tenure }: ModelProcess): boolean {
    const owner = this.#cluster.api.computeNodes.get(nodeName)?.status?.agent?.identity;
    return owner === name && tenure?.tracker.ready === true && tenure.tracker.books !== undefined;
  }

  #hasRoom(granted: InstanceClaim, revision: number, decider: ModelProcess): void {
    const { nodeName } = decider;
    if (isAdoptedOn(nodeName, granted)) return;
    const claims = this.#claimed(nodeName);
    const used = countUsed({ nodeName, claims, instances: [], overheadBytes: OVERHEAD_BYTES });
    const { totals } = this.#cluster.host(nodeName);
    const room = this.#highestRoom(granted, revision, nodeName);
    const orphans = this.#knownOrphans(decider);
    const memoryBytes = used.memoryBytes + orphans.memoryBytes;
    const vcpus = used.vcpus + orphans.vcpus;
    const at = `on ${nodeName}, with ${granted.metadata.name}`;
    if (room !== undefined && memoryBytes > room)
      throw new Error(`over-grant: claims and orphans hold ${mebibytes(memoryBytes)} of ${mebibytes(room)} MiB ${at}`);
    if (totals.vcpus !== undefined && vcpus > totals.vcpus)
      throw new Error(`over-grant: claims and orphans hold ${vcpus} of ${totals.vcpus} vCPUs ${at}`);
    if (used.diskBytes > totals.diskBytes) throw new Error(`over-grant: claims hold ${used.diskBytes} of disk ${at}`);
  }

  /** Of the instances that no claim explains, those that were there before the decider began: it cannot have missed them. */
  #knownOrphans(decider: ModelProcess): { memoryBytes: bigint; vcpus: bigint } {
    const { nodeName } = decider;
    const claimed = this.#cluster.api.claims.list((claim) => isHeldOn(nodeName, claim)).items;
    const names = new Set(claimed.map(({ metadata }) => metadata.name));
    const uuids = new Set(claimed.map(({ spec, metadata }) => spec.instance?.uuid ?? metadata.uid));
    const sum = { memoryBytes: 0n, vcpus: 0n };
    for (const instance of this.#cluster.host(nodeName).instances) {
      const isExplained = uuids.has(instance.uuid) || (instance.claim !== undefined && names.has(instance.claim.name));
      if (isExplained || !this.#cluster.isOlderThan(instance, decider)) continue;
      sum.memoryBytes += instance.memoryBytes + OVERHEAD_BYTES;
      sum.vcpus += instance.vcpus;
    }
    return sum;
  }

  /** The most room that there was since this claim has been named in `deciding`: its grant may have been decided at any moment since. */
  #highestRoom({ metadata }: InstanceClaim, revision: number, nodeName: string): bigint | undefined {
    const { log } = this.#cluster.api.computeNodes;
    const { totals } = this.#cluster.host(nodeName);
    let highest: bigint | undefined;
    for (let index = log.length - 1; index >= 0; index -= 1) {
      const { revision: at, after } = log[index] ?? {};
      if (at === undefined || at > revision || after?.metadata.name !== nodeName) continue;
      const room = memoryLimit(after, totals) - counted(after.spec.reserved).memoryBytes;
      if (highest === undefined || room > highest) highest = room;
      if (!names(after, metadata.uid)) break;
    }
    return highest;
  }

  /** A PF is its VFs, too. */
  #hasItsDevicesAlone(granted: InstanceClaim, { nodeName }: ModelProcess): void {
    const own = devicesOn(nodeName, granted);
    const parents = new Map(
      (this.#cluster.host(nodeName).devices ?? []).map(({ address, parentAddress }) => [address, parentAddress]),
    );
    for (const other of this.#claimed(nodeName)) {
      if (other.metadata.uid === granted.metadata.uid) continue;
      for (const address of devicesOn(nodeName, other))
        for (const mine of own)
          if (mine === address || parents.get(mine) === address || parents.get(address) === mine)
            throw new Error(`${granted.metadata.name} has ${mine}, ${other.metadata.name} has ${address}`);
    }
  }

  #hasItsInstanceAlone({ metadata, spec }: InstanceClaim, { nodeName }: ModelProcess): void {
    const uuid = spec.instance?.uuid;
    if (uuid === undefined) return;
    const { items } = this.#cluster.api.claims.list((claim) => isHeldOn(nodeName, claim));
    const other = items.find((claim) => claim.spec.instance?.uuid === uuid && claim.metadata.uid !== metadata.uid);
    if (other !== undefined) throw new Error(`${metadata.name} and ${other.metadata.name} both have instance ${uuid}`);
  }
}

function mebibytes(amount: bigint): bigint {
  return amount / bytes('1Mi');
}

function names({ status }: ComputeNode, uid: string | undefined): boolean {
  return status?.agent?.deciding === undefined || status.agent.deciding.some((entry) => entry.uid === uid);
}

function phaseOf({ status }: InstanceClaim): string {
  return status?.phase ?? 'Pending';
}

function lastAttempt({ status }: InstanceClaim): string | undefined {
  return status?.attempts?.at(-1)?.nodeName;
}

/** Each agent keeps to its own node; the token alone it may write anywhere. */
function isOf({ nodeName, name }: ModelProcess, before: InstanceClaim, after: InstanceClaim): void {
  const concerned = [before, after].flatMap(({ spec, status }) => {
    const { sourceNodeName, targetNodeName } = status?.migration ?? {};
    return [spec.nodeName, status?.nodeName, sourceNodeName, targetNodeName];
  });
  if (concerned.includes(nodeName)) return;
  const rest = ({ status: { token: _token, ...status } = {} }: InstanceClaim): string => JSON.stringify(status);
  if (rest(before) !== rest(after))
    throw new Error(`${name} wrote ${after.metadata.name}, which is none of ${nodeName}'s`);
}

function isDecision(before: InstanceClaim, after: InstanceClaim, nodeName: string): boolean {
  const isAttempt = lastAttempt(after) === nodeName && lastAttempt(before) !== nodeName;
  return phaseOf(before) !== phaseOf(after) || isAttempt || lockWords(before) !== lockWords(after);
}

function lockWords({ status }: InstanceClaim): string {
  const { uid, arrived } = status?.migration ?? {};
  return `${uid} ${arrived} ${status?.nodeName}`;
}

/** A grant, or a lock. */
function takes(before: InstanceClaim, after: InstanceClaim): boolean {
  const isLock = before.status?.migration === undefined && after.status?.migration !== undefined;
  return phaseOf(before) !== 'Claimed' || isLock;
}

function isAdoptedOn(nodeName: string, { spec, status }: InstanceClaim): boolean {
  return spec.adopt === true && spec.nodeName === nodeName && status?.nodeName === nodeName;
}

function devicesOn(nodeName: string, claim: InstanceClaim): string[] {
  return sidesOn(nodeName, claim).flatMap(({ devices }) => devices);
}

/** What the clocks of two agents may differ, and the whole seconds of the API. */
const TOLERANCE_MS = 6_000;

/** A decided claim does not change its mind: Rejected and Expired are final, and Claimed only expires, in its time, with what it holds untouched. */
function mindIsKept(before: InstanceClaim, after: InstanceClaim, nowMs: number): void {
  const [from, to] = [phaseOf(before), phaseOf(after)];
  if (from === 'Pending') return;
  const { name } = after.metadata;
  const expires = from === 'Claimed' && to === 'Expired' && after.spec.expirationSeconds !== undefined;
  if (from !== to && !expires) throw new Error(`${name} went from ${from} to ${to}`);
  const granted = before.status?.conditions?.find(({ type }) => type === 'Claimed')?.lastTransitionTime ?? '';
  const lifeMs = (after.spec.expirationSeconds ?? 0) * 1000;
  if (from !== to && nowMs + TOLERANCE_MS < Date.parse(granted) + lifeMs) throw new Error(`${name} expired too soon`);
  const said = ({ status }: InstanceClaim): string =>
    JSON.stringify([status?.nodeName, status?.flavor, status?.pciDevices, status?.overhead]);
  sidesAreKept(before, after);
  if (said(before) === said(after)) return;
  if (before.status?.migration === undefined && !isFilledIn(before, after))
    throw new Error(`${name} holds something else than it was granted`);
}

/**
 * A migration has two sides, each a node, a flavor and devices. The claim is on one of them and the lock remembers the other; a write may
 * exchange the two, or forget the other. Nothing else.
 */
function sidesAreKept(before: InstanceClaim, after: InstanceClaim): void {
  const lock = before.status?.migration;
  const next = after.status?.migration;
  if (lock === undefined) return;
  const { name } = after.metadata;
  if (next !== undefined && next.uid !== lock.uid)
    throw new Error(`${name} went from ${lock.name} to ${next.name} at once`);
  const is = sideOf(after.status?.nodeName, after.status?.flavor, after.status?.pciDevices);
  const wasOther = lock.arrived === true ? 'Source' : 'Target';
  const own = sideOf(before.status?.nodeName, before.status?.flavor, before.status?.pciDevices);
  const other = lockedSide(lock, wasOther);
  if (is !== own && is !== other) throw new Error(`${name} is ${is}, neither ${own} nor ${other}`);
  if (next === undefined || is === own) return;
  const rest = lockedSide(next, next.arrived === true ? 'Source' : 'Target');
  if (rest !== own) throw new Error(`${next.name} remembers ${rest} of ${name}, which was ${own}`);
}

function lockedSide(lock: MigrationLock, side: 'Source' | 'Target'): string {
  const [nodeName, flavor] =
    side === 'Source' ? [lock.sourceNodeName, lock.oldFlavor] : [lock.targetNodeName, lock.newFlavor];
  return sideOf(nodeName, flavor, lock.pciDevices);
}

function sideOf(
  nodeName: string | undefined,
  flavor: Flavor | undefined,
  devices: readonly ClaimedPciDevice[] = [],
): string {
  const addresses = devices.map(({ address }) => address).toSorted();
  return `on ${nodeName} with ${flavor?.vcpus} vCPUs, ${flavor?.memory} and ${addresses.join(', ') || 'no device'}`;
}

/** After a way back the source tells the overhead that it has held all the time. */
function isFilledIn(before: InstanceClaim, after: InstanceClaim): boolean {
  const rest = ({ status }: InstanceClaim): string =>
    JSON.stringify([status?.nodeName, status?.flavor, status?.pciDevices]);
  return before.status?.overhead === undefined && rest(before) === rest(after);
}
