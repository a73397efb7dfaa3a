/** What must be true of one node once faults have stopped and everything was delivered. */
import type { InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { bytes, type Counted, counted, countUsed, isClaimedOn, memoryLimit } from './world/recount.ts';
import type { Step } from './world/step.ts';
import type { World } from './world/world.ts';

const NODE = 'node-a';
const MAX_STEPS = 5_000;
const MAX_WAITS = 50;

export class OneNodeEnd {
  readonly #world: World;
  readonly #do: (step: Step) => void;

  constructor(world: World, perform: (step: Step) => void) {
    this.#world = world;
    this.#do = perform;
  }

  /** Lets the world come to rest, and throws at the first thing that is wrong then. */
  check(): void {
    this.#settleWithTime();
    this.#everyClaimIsDecidedOrWaitsRightly();
    this.#statusIsExact();
    this.#devicesAreExact();
    this.#nothingIsWrittenWhenNothingChanges();
    this.#nothingLeaks();
  }

  #settleWithTime(): void {
    for (let waits = 0; waits < MAX_WAITS; waits += 1) {
      this.#settle();
      const due = this.#world.agents.flatMap(({ dueMs }) => dueMs ?? []);
      if (due.length === 0) return;
      this.#do({
        what: 'time passes until the next deadline',
        run: () => this.#world.clock.advanceTo(Math.min(...due)),
      });
    }
    throw new Error('time alone changes something again and again');
  }

  #settle(): void {
    for (let count = 0; count < MAX_STEPS; count += 1) {
      this.#replaceDeposed();
      const [step] = this.#world.steps();
      if (step === undefined) return;
      this.#do(step);
    }
    throw new Error('the world does not come to rest');
  }

  /** A token that was sent long ago by a process that is gone may land only now; who is deposed by it competes again. */
  #replaceDeposed(): void {
    for (const agent of this.#world.agents) if (agent.end !== undefined) agent.kill();
    if (this.#world.agents.length > 0) return;
    this.#do({ what: 'an agent starts', run: () => void this.#world.startAgent() });
  }

  #claims(): readonly InstanceClaim[] {
    return this.#world.api.claims.list(({ spec }) => spec.nodeName === NODE).items;
  }

  #everyClaimIsDecidedOrWaitsRightly(): void {
    const pending = this.#claims().filter(({ status }) => (status?.phase ?? 'Pending') === 'Pending');
    const open = pending.filter(({ status }) => status?.attempts?.at(-1)?.nodeName !== NODE);
    for (const { metadata, spec } of open) {
      if (spec.whenInsufficient !== 'Wait') throw new Error(`${metadata.name} is still not decided`);
      const deadlineMs = Date.parse(metadata.creationTimestamp ?? '') + (spec.waitSeconds ?? 0) * 1000;
      if (spec.waitSeconds !== undefined && this.#world.clock.nowMs >= deadlineMs)
        throw new Error(`${metadata.name} waits longer than its waitSeconds`);
    }
    const [first] = open.toSorted(byAge);
    if (first !== undefined && this.#fits(first))
      throw new Error(`${first.metadata.name} waits although there is room`);
    for (const { metadata, spec, status } of this.#claims()) this.#hasExpiredRightly(metadata.name, spec, status);
  }

  #hasExpiredRightly(
    name: string,
    { expirationSeconds }: InstanceClaim['spec'],
    status: InstanceClaim['status'],
  ): void {
    if (expirationSeconds === undefined || status?.phase !== 'Claimed') return;
    if (status.conditions?.some(({ type }) => type === 'InstanceRunning') === true) return;
    const granted = status.conditions?.find(({ type }) => type === 'Claimed')?.lastTransitionTime ?? '';
    if (this.#world.clock.nowMs >= Date.parse(granted) + expirationSeconds * 1000)
      throw new Error(`${name} is held although its time to appear is over`);
  }

  /** Naive: amounts, and GPUs by count. */
  #fits({ spec }: InstanceClaim): boolean {
    const node = this.#world.api.computeNodes.get(NODE);
    if (node === undefined) return false;
    const { totals } = this.#world.host;
    const used = this.#used();
    const gpus = (spec.pciRequests ?? []).reduce((sum, { count }) => sum + count, 0);
    return (
      used.memoryBytes + bytes(spec.flavor?.memory) <= memoryLimit(node, totals) &&
      used.vcpus + BigInt(spec.flavor?.vcpus ?? 0) <= (totals.vcpus ?? 0n) &&
      used.diskBytes + bytes(spec.flavor?.rootDisk) <= totals.diskBytes &&
      gpus <= (node.status?.pciDevices ?? []).filter(({ state }) => state === 'Available').length
    );
  }

  #used(): Counted {
    const node = this.#world.api.computeNodes.get(NODE);
    const { api, host } = this.#world;
    return countUsed({
      nodeName: NODE,
      reserved: node?.spec.reserved,
      claims: api.claims.list().items,
      instances: host.instances,
    });
  }

  #statusIsExact(): void {
    const published = counted(this.#world.api.computeNodes.get(NODE)?.status?.used);
    const expected = this.#used();
    const [one, other] = [published, expected].map((amounts) =>
      JSON.stringify(amounts, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    );
    if (one !== other) throw new Error(`the status says used ${one}, a recount ${other}`);
  }

  #devicesAreExact(): void {
    const given = this.#world.api.claims
      .list((claim) => isClaimedOn(NODE, claim))
      .items.flatMap(({ status }) => status?.pciDevices?.map(({ address }) => address) ?? []);
    const attached = this.#world.host.instances.flatMap(({ devices }) => devices);
    const expected = [...new Set([...given, ...attached])].toSorted();
    const taken = (this.#world.api.computeNodes.get(NODE)?.status?.pciDevices ?? [])
      .filter(({ state }) => state !== 'Available')
      .map(({ address }) => address);
    if (taken.join() !== expected.join()) throw new Error(`devices taken: ${taken}; a recount: ${expected}`);
  }

  /** The audit after the first one finds nothing to write: not even names in `deciding` are left. */
  #nothingIsWrittenWhenNothingChanges(): void {
    this.#audit();
    const before = this.#world.api.claims.list().revision;
    this.#audit();
    if (this.#world.api.claims.list().revision !== before)
      throw new Error('an audit of an unchanged host wrote something');
    const left = this.#world.api.computeNodes.get(NODE)?.status?.agent?.deciding ?? [];
    if (left.length > 0) throw new Error(`deciding still names ${left.map(({ name }) => name).join(', ')}`);
  }

  #audit(): void {
    for (const agent of this.#world.agents) this.#do({ what: `${agent.name}: audit`, run: () => agent.audit() });
    this.#settle();
  }

  #nothingLeaks(): void {
    const [agent] = this.#world.agents;
    if (agent?.tracker.ready !== true) throw new Error('no agent is ready');
    const drift = agent.logged.find(({ message }) => message.includes('drifted'));
    if (drift !== undefined) throw new Error(drift.message);
    const [request] = this.#world.network.requests;
    if (request !== undefined) throw new Error(`still under way: ${request.what}`);
  }
}

function byAge(one: InstanceClaim, other: InstanceClaim): number {
  const [a, b] = [one, other].map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? ''));
  return (a ?? 0) - (b ?? 0) || ((one.metadata.uid ?? '') < (other.metadata.uid ?? '') ? -1 : 1);
}
