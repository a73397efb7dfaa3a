/** What must hold on one node at every moment, seen from the objects at the API server alone. */
import type { ComputeNode, InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import type { Change } from './world/model-api.ts';
import { counted, countUsed, isClaimedOn, memoryLimit } from './world/recount.ts';
import type { World } from './world/world.ts';

const NODE = 'node-a';

/** Looks at each change of a claim once, and throws at the first one that breaks a rule. */
export class OneNodeRules {
  readonly #world: World;
  #checked = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** To be called after every step. */
  check(): void {
    const { log } = this.#world.api.claims;
    for (; this.#checked < log.length; this.#checked += 1) {
      const change = log[this.#checked];
      if (change?.after !== undefined) this.#checkChange(change, change.after);
    }
  }

  #checkChange({ revision, before }: Change<InstanceClaim>, after: InstanceClaim): void {
    if (before !== undefined) mindIsKept(before, after);
    if (before === undefined || !isDecision(before, after)) return;
    this.#isNamed(after);
    if (after.status?.phase !== 'Claimed') return;
    this.#hasRoom(after, revision);
    this.#hasItsDevicesAlone(after);
  }

  /** A decision that lands is named in `deciding`. Where there is none to trust, the barrier covers everything. */
  #isNamed({ metadata }: InstanceClaim): void {
    const deciding = this.#world.api.computeNodes.get(NODE)?.status?.agent?.deciding;
    if (deciding === undefined || deciding.some(({ uid }) => uid === metadata.uid)) return;
    throw new Error(`${metadata.name} was decided, and deciding does not name it`);
  }

  #claimed(): InstanceClaim[] {
    return [...this.#world.api.claims.list((claim) => isClaimedOn(NODE, claim)).items];
  }

  #hasRoom(granted: InstanceClaim, revision: number): void {
    if (granted.spec.adopt === true) return;
    const limit = this.#highestLimit(granted, revision);
    const { totals } = this.#world.host;
    const claimed = this.#claimed().filter(({ spec }) => spec.adopt !== true);
    const used = countUsed({ nodeName: NODE, claims: claimed, instances: [] });
    if (limit !== undefined && used.memoryBytes > limit)
      throw new Error(`claims hold ${used.memoryBytes} bytes, the limit is ${limit}, with ${granted.metadata.name}`);
    if (totals.vcpus !== undefined && used.vcpus > totals.vcpus)
      throw new Error(`claims hold ${used.vcpus} vCPUs of ${totals.vcpus}, with ${granted.metadata.name}`);
    if (used.diskBytes > totals.diskBytes)
      throw new Error(`claims hold ${used.diskBytes} bytes of disk, with ${granted.metadata.name}`);
  }

  /**
   * The highest memory limit that was in force since this claim has been named in `deciding`, less what was reserved: its grant may
   * have been decided at any moment since.
   */
  #highestLimit({ metadata }: InstanceClaim, revision: number): bigint | undefined {
    const { log } = this.#world.api.computeNodes;
    let highest: bigint | undefined;
    for (let index = log.length - 1; index >= 0; index -= 1) {
      const change = log[index];
      if (change === undefined || change.revision > revision) continue;
      const limit = change.after === undefined ? undefined : roomUnder(change.after, this.#world);
      if (limit !== undefined && (highest === undefined || limit > highest)) highest = limit;
      if (change.after !== undefined && !names(change.after, metadata.uid)) break;
    }
    return highest;
  }

  #hasItsDevicesAlone(granted: InstanceClaim): void {
    const own = new Set(granted.status?.pciDevices?.map(({ address }) => address));
    for (const other of this.#claimed()) {
      if (other.metadata.uid === granted.metadata.uid || other.spec.adopt === true) continue;
      const twice = other.status?.pciDevices?.find(({ address }) => own.has(address));
      if (twice !== undefined)
        throw new Error(`${granted.metadata.name} and ${other.metadata.name} both have ${twice.address}`);
    }
  }
}

function roomUnder(node: ComputeNode, { host }: World): bigint {
  return memoryLimit(node, host.totals) - counted(node.spec.reserved).memoryBytes;
}

function names({ status }: ComputeNode, uid: string | undefined): boolean {
  return status?.agent?.deciding === undefined || status.agent.deciding.some((entry) => entry.uid === uid);
}

function phaseOf({ status }: InstanceClaim): string {
  return status?.phase ?? 'Pending';
}

function attemptsHere({ status }: InstanceClaim): boolean {
  return status?.attempts?.at(-1)?.nodeName === NODE;
}

function isDecision(before: InstanceClaim, after: InstanceClaim): boolean {
  return phaseOf(before) !== phaseOf(after) || (attemptsHere(after) && !attemptsHere(before));
}

/** A decided claim does not change its mind: Rejected and Expired are final, and Claimed only expires, with what it holds untouched. */
function mindIsKept(before: InstanceClaim, after: InstanceClaim): void {
  const [from, to] = [phaseOf(before), phaseOf(after)];
  if (from === 'Pending') return;
  const expires = from === 'Claimed' && to === 'Expired' && after.spec.expirationSeconds !== undefined;
  if (from !== to && !expires) throw new Error(`${after.metadata.name} went from ${from} to ${to}`);
  const said = ({ status }: InstanceClaim): string =>
    JSON.stringify([status?.nodeName, status?.flavor, status?.pciDevices, status?.overhead]);
  if (said(before) !== said(after)) throw new Error(`${after.metadata.name} holds something else than it was granted`);
}
