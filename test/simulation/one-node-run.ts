/**
 * One random life of one node: tenants create and delete claims, instances come and go, agents are killed and started, and whatever
 * can go wrong on the way to the API server does. Then faults stop, and everything must come to rest and be right.
 */
import type { InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { BrokenRule } from './broken-rule.ts';
import { OneNodeEnd } from './one-node-end.ts';
import { OneNodeRules } from './one-node-rules.ts';
import type { Protocol } from './world/model-process.ts';
import { type ClaimParts, claim, GIBIBYTE, gpu, instance, MEBIBYTE } from './world/objects.ts';
import { Random } from './world/random.ts';
import type { Step } from './world/step.ts';
import { World } from './world/world.ts';

export interface RunResult {
  readonly steps: number;
  readonly granted: number;
  readonly refused: number;
  /** Agents that were started. */
  readonly agents: number;
}

const STEPS = 260;
const TRACED_STEPS = 40;
const NAMES = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'];
/** Claims that are there from the beginning and bound to the node at any time: older than what was decided before. */
const LATE_NAMES = ['l0', 'l1', 'l2', 'l3', 'l4', 'l5'];
const UUIDS = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];

export class OneNodeRun {
  readonly #seed: number;
  readonly #random: Random;
  readonly #world: World;
  readonly #rules: OneNodeRules;
  readonly #trace: string[] = [];
  /** Two agents that both believe that the node is theirs, or one after the other. */
  readonly #maxAgents: number;
  /** Whether administrators change the ComputeNode while it runs. */
  readonly #administered: boolean;
  #steps = 0;
  #agents = 0;

  constructor(seed: number, { Tracker, tampering }: Protocol = {}) {
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#maxAgents = this.#random.chance(0.4) ? 2 : 1;
    this.#administered = this.#random.chance(0.3);
    this.#world = new World({
      host: { devices: [gpu(1), gpu(2), gpu(3)] },
      settings: { maxBatch: 1 + this.#random.below(6) },
      ...(tampering !== undefined && { tampering }),
      ...(Tracker !== undefined && { Tracker }),
    });
    this.#rules = new OneNodeRules(this.#world);
    for (const name of LATE_NAMES) this.#createForLater(name);
  }

  /** Two agents must not agree by luck, as they would if both met all claims in the same order. */
  #createForLater(name: string): void {
    this.#world.create(claim({ ...this.#wishes(name), schedulerName: 'sched', nodeName: 'node-b' }));
    const attempts = [{ nodeName: 'node-b' }];
    this.#world.api.claims.change(name, 'default', () => ({ status: { attempts } }));
  }

  /** Throws BrokenRule. */
  run(): RunResult {
    try {
      this.#live();
      this.#rest();
    } catch (error) {
      throw new BrokenRule(this.#report(error), { cause: error });
    }
    const { log } = this.#world.api.claims;
    const became = (phase: string): number =>
      log.filter(({ before, after }) => after?.status?.phase === phase && before?.status?.phase !== phase).length;
    return { steps: this.#steps, granted: became('Claimed'), refused: became('Rejected'), agents: this.#agents };
  }

  #live(): void {
    for (let count = 0; count < STEPS; count += 1) {
      this.#replaceDeadAgents();
      if (this.#random.chance(0.04)) this.#do(this.#mischief());
      const chance = this.#random.fraction();
      if (chance < 0.14) this.#do(this.#pick(this.#deeds()));
      else if (chance < 0.24) this.#do(this.#pick(this.#world.faults()));
      else this.#do(this.#pick(this.#world.steps()));
    }
  }

  /** Faults stop: what is on its way arrives, one agent is there, and time passes until nothing more happens by itself. */
  #rest(): void {
    const { host, network } = this.#world;
    const run = (): void => {
      host.connect();
      network.hurry();
      for (const agent of this.#world.agents) agent.unstall();
    };
    this.#do({ what: 'faults stop', run });
    this.#keepOneAgent();
    new OneNodeEnd(this.#world, (step) => this.#do(step)).check();
  }

  #do(step: Step | undefined): void {
    if (step === undefined) return;
    this.#steps += 1;
    this.#trace.push(step.what);
    if (this.#trace.length > TRACED_STEPS) this.#trace.shift();
    step.run();
    this.#rules.check();
  }

  #pick(steps: readonly Step[]): Step | undefined {
    return steps.length === 0 ? undefined : this.#random.pick(steps);
  }

  // --- agents ---------------------------------------------------------------------------------------------------------

  #replaceDeadAgents(): void {
    for (const agent of this.#world.agents) if (agent.end !== undefined) agent.kill();
    if (this.#world.agents.length === 0) this.#do(this.#startAgent());
  }

  /** What is worst for a decision that is being written: its agent dies, or waits no longer, and it arrives late. */
  #mischief(): Step | undefined {
    const { network, agents } = this.#world;
    const writes = network.requests.filter(({ isUnderWay, what }) => isUnderWay && / write claim /.test(what));
    if (writes.length === 0) return undefined;
    const write = this.#random.pick(writes);
    const victim = agents.find(({ name }) => name === write.sender);
    if (this.#random.chance(0.5)) {
      const run = (): void => {
        write.delay();
        write.giveUp();
      };
      return { what: `${write.what} is stuck, and given up`, run };
    }
    const run = (): void => {
      for (const request of network.requests) if (request.sender === write.sender) request.delay();
      victim?.kill();
    };
    return { what: `${write.sender} is killed, and what it sent is stuck`, run };
  }

  #startAgent(): Step {
    return {
      what: 'an agent starts',
      run: () => {
        this.#agents += 1;
        this.#world.startAgent();
      },
    };
  }

  /** Of two that fight one wins by itself. Half of the time a new one has to make do with what the others left. */
  #keepOneAgent(): void {
    if (this.#random.chance(0.5)) for (const agent of this.#world.agents) agent.kill();
    const owner = this.#world.api.computeNodes.get('node-a')?.status?.agent?.identity;
    for (const agent of this.#world.agents) if (agent.name !== owner || agent.end !== undefined) agent.kill();
    this.#replaceDeadAgents();
  }

  // --- what people and hypervisors do ---------------------------------------------------------------------------------

  #deeds(): Step[] {
    const { claims } = this.#world.api;
    const present = claims.list().items;
    const deeds: Step[] = [this.#startOrKill(), this.#passTime(), ...this.#administer()];
    for (const name of NAMES) {
      if (claims.get(name, 'default') === undefined) deeds.push(this.#create(name));
    }
    if (present.length > 0) {
      const some = this.#random.pick(present);
      deeds.push(this.#delete(some), this.#delete(some), this.#recreate(some), this.#label(some), this.#respec(some));
      const placed = present.filter(
        ({ spec, status }) => spec.schedulerName !== undefined && status?.phase !== 'Claimed',
      );
      if (placed.length > 0)
        deeds.push(this.#schedule(this.#random.pick(placed)), this.#schedule(this.#random.pick(placed)));
      if (some.status?.phase === 'Claimed') deeds.push(this.#boot(some), this.#boot(some));
    }
    return [...deeds, ...this.#hypervisor()];
  }

  #startOrKill(): Step {
    const { agents } = this.#world;
    const [first] = agents;
    if (first === undefined || (agents.length < this.#maxAgents && this.#random.chance(0.7))) return this.#startAgent();
    const victim = this.#random.pick(agents);
    return { what: `${victim.name} is killed`, run: () => victim.kill() };
  }

  #passTime(): Step {
    const seconds = 1 + this.#random.below(20);
    return { what: `${seconds} s pass`, run: () => this.#world.clock.advance(seconds * 1000) };
  }

  #create(name: string): Step {
    const parts = this.#wishes(name);
    const words = `${parts.memoryMi} MiB, ${parts.vcpus} vCPUs, ${parts.pciRequests?.[0]?.count ?? 0} GPUs`;
    return { what: `create ${name}: ${words}`, run: () => this.#world.create(claim(parts)) };
  }

  #wishes(name: string): ClaimParts {
    const random = this.#random;
    const gpus = random.chance(0.3) ? 1 + random.below(2) : 0;
    return {
      name,
      memoryMi: random.chance(0.3) ? 3072 + 1024 * random.below(7) : 512 * (1 + random.below(4)),
      vcpus: 1 + random.below(3),
      ...(random.chance(0.3) && { diskGi: 10 * (1 + random.below(4)) }),
      ...(gpus > 0 && { pciRequests: [{ name: 'gpus', count: gpus, alias: random.chance(0.95) ? 'gpu' : 'unknown' }] }),
      ...(random.chance(0.35) && {
        whenInsufficient: 'Wait' as const,
        ...(random.chance(0.3) && { waitSeconds: 5 + random.below(60) }),
      }),
      ...(random.chance(0.25) && { schedulerName: 'sched', nodeName: random.pick(['node-a', 'node-b']) }),
      ...(random.chance(0.2) && { expirationSeconds: 5 + random.below(60) }),
      ...(random.chance(0.3) && { instance: { uuid: random.pick(UUIDS) } }),
      ...(random.chance(0.1) && { adopt: true }),
    };
  }

  #delete({ metadata }: InstanceClaim): Step {
    return { what: `delete ${metadata.name}`, run: () => this.#world.api.claims.delete(metadata.name, 'default') };
  }

  #recreate({ metadata }: InstanceClaim): Step {
    const parts = this.#wishes(metadata.name);
    const run = (): void => {
      this.#world.api.claims.delete(metadata.name, 'default');
      this.#world.create(claim(parts));
    };
    return { what: `delete ${metadata.name} and create it anew`, run };
  }

  #label({ metadata: { name } }: InstanceClaim): Step {
    const labels = { step: String(this.#steps) };
    const run = (): void => {
      this.#world.api.claims.change(name, 'default', ({ metadata }) => ({ metadata: { ...metadata, labels } }));
    };
    return { what: `label ${name}`, run };
  }

  #respec({ metadata: { name } }: InstanceClaim): Step {
    const whenInsufficient = this.#random.chance(0.5) ? 'Wait' : 'Reject';
    const run = (): void => {
      this.#world.api.claims.change(name, 'default', ({ spec }) => ({ spec: { ...spec, whenInsufficient } }));
    };
    return { what: `${name}: ${whenInsufficient}`, run };
  }

  /** A scheduler names another node only after the present one has refused; node-b refuses everything. */
  #schedule({ metadata: { name } }: InstanceClaim): Step {
    const run = (): void => {
      this.#world.api.claims.change(name, 'default', ({ spec, status }) => {
        if ((status?.phase ?? 'Pending') !== 'Pending') return {};
        const [here, there] = spec.nodeName === 'node-a' ? ['node-a', 'node-b'] : ['node-b', 'node-a'];
        const attempts = status?.attempts ?? [];
        if (attempts.at(-1)?.nodeName === here) return { spec: { ...spec, nodeName: there } };
        return here === 'node-b' ? { status: { ...status, attempts: [...attempts, { nodeName: 'node-b' }] } } : {};
      });
    };
    return { what: `the scheduler looks at ${name}`, run };
  }

  #boot({ metadata, spec, status }: InstanceClaim): Step {
    const bonus = this.#random.chance(0.1) ? 512n * MEBIBYTE : 0n;
    const uuid = spec.instance?.uuid ?? metadata.uid ?? '';
    const booted = instance({
      uuid,
      vcpus: BigInt(status?.flavor?.vcpus ?? 1),
      memoryBytes: BigInt(parseInt(String(spec.flavor?.memory), 10)) * MEBIBYTE + bonus,
      devices: (status?.pciDevices ?? []).map(({ address }) => address),
      vmState: this.#random.pick(['Active', 'Paused', 'Stopped']),
    });
    return { what: `the instance of ${metadata.name} runs`, run: () => this.#world.host.put(booted) };
  }

  #hypervisor(): Step[] {
    const { host } = this.#world;
    const steps: Step[] = [];
    const uuid = this.#random.pick(UUIDS);
    if (this.#random.chance(0.3))
      steps.push({
        what: `an instance ${uuid.slice(0, 4)} is there`,
        run: () => host.put(instance({ uuid, memoryBytes: GIBIBYTE })),
      });
    const { instances } = host;
    if (instances.length > 0) {
      const gone = this.#random.pick(instances);
      steps.push({ what: `instance ${gone.uuid.slice(0, 8)} is gone`, run: () => host.remove(gone.uuid) });
    }
    if (host.fault !== undefined) steps.push({ what: 'driver connects', run: () => host.connect() });
    else if (this.#random.chance(0.3))
      steps.push({ what: 'driver disconnects', run: () => host.disconnect('connection reset') });
    return steps;
  }

  #administer(): Step[] {
    if (!this.#administered || this.#random.chance(0.5)) return [];
    const { computeNodes } = this.#world.api;
    const memory = `${this.#random.below(4)}Gi`;
    const ratio = this.#random.pick(['1', '1.5', '0.5']);
    const respec = (): void => {
      computeNodes.change('node-a', undefined, () => ({
        spec: { reserved: { memory }, allocationRatios: { memory: ratio } },
      }));
    };
    const steps: Step[] = [{ what: `reserve ${memory}, ratio ${ratio}`, run: respec }];
    if (this.#random.chance(0.15))
      steps.push({ what: 'the ComputeNode is deleted', run: () => computeNodes.delete('node-a') });
    return steps;
  }

  #report(error: unknown): string {
    const { message } = error instanceof Error ? error : new Error(String(error));
    const steps = this.#trace.map((what, index) => `  ${this.#steps - this.#trace.length + index + 1}. ${what}`);
    return [`${message} (replay with SEED=${this.#seed})`, `the last of ${this.#steps} steps:`, ...steps].join('\n');
  }
}
