/** What tenants, schedulers, administrators and hypervisors do, whatever state the cluster is in. */
import type { InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import type { Cluster } from './world/cluster.ts';
import { type ClaimParts, claim, GIBIBYTE, instance, MEBIBYTE } from './world/objects.ts';
import type { Random } from './world/random.ts';
import { bytes } from './world/recount.ts';
import type { Step } from './world/step.ts';

const NAMES = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'];
/** Claims that are there from the beginning and bound at any time: older than what was decided before. */
const LATE_NAMES = ['l0', 'l1', 'l2', 'l3', 'l4', 'l5'];
const UUIDS = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
/** Where no agent is, and no claim is ever decided. */
const NOWHERE = 'node-z';

export class People {
  readonly #cluster: Cluster;
  readonly #random: Random;
  /** Whether administrators change ComputeNodes. */
  readonly #administered: boolean;
  #labels = 0;

  constructor(cluster: Cluster, random: Random) {
    this.#cluster = cluster;
    this.#random = random;
    this.#administered = random.chance(0.4);
    for (const name of LATE_NAMES) this.#createForLater(name);
  }

  /** All that one of them may do next, each picked anew. */
  deeds(): Step[] {
    const { claims } = this.#cluster.api;
    const present = claims.list().items;
    const busy = this.#random.pick(this.#cluster.parts.nodeNames);
    const deeds: Step[] = [...this.#hypervisor(), ...this.#administer(), this.burst(busy), this.burst(busy)];
    for (const name of NAMES) if (claims.get(name, 'default') === undefined) deeds.push(this.#create(name));
    const placed = present.filter((one) => one.spec.schedulerName !== undefined && isPending(one));
    for (let count = 0; count < 3 && placed.length > 0; count += 1)
      deeds.push(this.#schedule(this.#random.pick(placed)));
    if (present.length === 0) return deeds;
    const some = this.#random.pick(present);
    deeds.push(this.#delete(some), this.#delete(some), this.#recreate(some), this.#label(some), this.#respec(some));
    const granted = present.filter(({ status }) => status?.phase === 'Claimed');
    for (let count = 0; count < 2 && granted.length > 0; count += 1) deeds.push(this.#boot(this.#random.pick(granted)));
    return deeds;
  }

  /** The same where claims live for long: mostly creations, and instances that boot. */
  calmDeeds(): Step[] {
    const { claims } = this.#cluster.api;
    const present = claims.list().items;
    const deeds: Step[] = this.#random.chance(0.2) ? [...this.#hypervisor(), ...this.#administer()] : [];
    for (const name of NAMES)
      if (claims.get(name, 'default') === undefined)
        deeds.push(this.#create(name, { memoryMi: 512 * (1 + this.#random.below(3)) }));
    const granted = present.filter(({ status }) => status?.phase === 'Claimed');
    for (let count = 0; count < 3 && granted.length > 0; count += 1) deeds.push(this.#boot(this.#random.pick(granted)));
    const refused = present.filter(({ status }) => status?.phase === 'Rejected' || status?.phase === 'Expired');
    for (const one of refused) deeds.push(this.#delete(one));
    if (present.length > 0 && this.#random.chance(0.3)) deeds.push(this.#delete(this.#random.pick(present)));
    return deeds;
  }

  /** Many want the same room at once, the oldest of them last: whoever decides then must know of every grant. */
  burst(nodeName: string): Step {
    const [now, late] = [this.wantNow(nodeName), this.wantLate(nodeName)];
    const run = (): void => {
      now.run();
      late.run();
    };
    return { what: `${now.what}; ${late.what}`, run };
  }

  /** Some are created, or created anew. */
  wantNow(nodeName: string): Step {
    const wanted = this.#someOf(NAMES).map((name) => ({ ...this.#wishes(name), nodeName }));
    const { claims } = this.#cluster.api;
    const run = (): void => {
      for (const parts of wanted) {
        claims.delete(parts.name, 'default');
        claims.create(claim(parts));
      }
    };
    return { what: `${wanted.map(({ name }) => name).join(', ')} want ${nodeName}`, run };
  }

  /** Some are bound that were there before all others. */
  wantLate(nodeName: string): Step {
    const wanted = this.#someOf(LATE_NAMES).map((name) => this.#wishes(name));
    const run = (): void => {
      for (const parts of wanted) this.#bindLate(parts, nodeName);
    };
    return { what: `${wanted.map(({ name }) => name).join(', ')} want ${nodeName}`, run };
  }

  /** Half of all claims are deleted. */
  makeRoom(): Step {
    const { claims } = this.#cluster.api;
    const names = claims.list(() => this.#random.chance(0.5)).items.map(({ metadata }) => metadata.name);
    const run = (): void => {
      for (const name of names) claims.delete(name, 'default');
    };
    return { what: `delete ${names.join(', ')}`, run };
  }

  #someOf(names: readonly string[]): readonly string[] {
    return names.filter(() => this.#random.chance(0.4));
  }

  #bindLate(parts: ClaimParts, nodeName: string): void {
    const { claims } = this.#cluster.api;
    const present = claims.get(parts.name, 'default');
    if (present === undefined || !isPending(present)) {
      claims.delete(parts.name, 'default');
      this.#createForLater(parts.name);
    }
    claims.change(parts.name, 'default', ({ spec, status }) =>
      status?.attempts?.at(-1)?.nodeName === spec.nodeName ? { spec: { ...spec, nodeName } } : {},
    );
  }

  /** Of ComputeNodes: one cordon must not make all that follows a refusal. */
  uncordon(): void {
    for (const name of this.#cluster.parts.nodeNames)
      this.#cluster.api.computeNodes.change(name, undefined, ({ spec }) => ({
        spec: { ...spec, unschedulable: false },
      }));
  }

  #cordon(nodeName: string): Step[] {
    const isCordoned = this.#cluster.isCordoned(nodeName);
    if (!isCordoned && this.#random.chance(0.7)) return [];
    const what = `Node ${nodeName} is ${isCordoned ? 'uncordoned' : 'cordoned'}`;
    return [{ what, fault: 'cordon', run: () => this.#cluster.cordon(nodeName, !isCordoned) }];
  }

  // --- tenants --------------------------------------------------------------------------------------------------------

  /** Two agents must not agree by luck, as they would if both met all claims in the same order. */
  #createForLater(name: string): void {
    this.#cluster.api.claims.create(claim({ ...this.#wishes(name), schedulerName: 'sched', nodeName: NOWHERE }));
    this.#refuseNowhere(name);
  }

  #refuseNowhere(name: string): void {
    this.#cluster.api.claims.change(name, 'default', () => ({ status: { attempts: [{ nodeName: NOWHERE }] } }));
  }

  #create(name: string, given: Partial<ClaimParts> = {}): Step {
    const parts = { ...this.#wishes(name), ...given };
    const words = `${parts.memoryMi} MiB, ${parts.vcpus} vCPUs, ${parts.pciRequests?.[0]?.alias ?? 'no device'}`;
    const run = (): void => {
      this.#cluster.api.claims.create(claim(parts));
    };
    return { what: `create ${name} for ${parts.nodeName}: ${words}`, run };
  }

  #wishes(name: string): ClaimParts {
    const random = this.#random;
    const wantsDevice = random.chance(0.35);
    const alias = random.chance(0.97) ? random.pick(['gpu', 'gpu', 'nic', 'card']) : 'unknown';
    return {
      name,
      nodeName: random.pick(this.#cluster.parts.nodeNames),
      memoryMi: random.chance(0.4) ? 2048 + 1024 * random.below(4) : 512 * (1 + random.below(4)),
      vcpus: 1 + random.below(3),
      ...(random.chance(0.3) && { diskGi: 10 * (1 + random.below(4)) }),
      ...(wantsDevice && { pciRequests: [{ name: 'devices', count: 1 + random.below(2), alias }] }),
      ...(random.chance(0.3) && {
        whenInsufficient: 'Wait' as const,
        ...(random.chance(0.3) && { waitSeconds: 5 + random.below(60) }),
      }),
      ...(random.chance(0.4) && { schedulerName: 'sched' }),
      ...(random.chance(0.35) && { expirationSeconds: 3 + random.below(15) }),
      ...(random.chance(0.3) && { instance: { uuid: random.pick(UUIDS) } }),
      ...(random.chance(0.1) && { adopt: true }),
    };
  }

  #delete({ metadata }: InstanceClaim): Step {
    const run = (): void => void this.#cluster.api.claims.delete(metadata.name, 'default');
    return { what: `delete ${metadata.name}`, run };
  }

  #recreate({ metadata }: InstanceClaim): Step {
    const parts = this.#wishes(metadata.name);
    const run = (): void => {
      this.#cluster.api.claims.delete(metadata.name, 'default');
      this.#cluster.api.claims.create(claim(parts));
    };
    return { what: `delete ${metadata.name} and create it anew for ${parts.nodeName}`, run };
  }

  #label({ metadata: { name } }: InstanceClaim): Step {
    this.#labels += 1;
    const labels = { count: String(this.#labels) };
    const run = (): void => {
      this.#cluster.api.claims.change(name, 'default', ({ metadata }) => ({ metadata: { ...metadata, labels } }));
    };
    return { what: `label ${name}`, run };
  }

  #respec({ metadata: { name } }: InstanceClaim): Step {
    const whenInsufficient = this.#random.chance(0.4) ? 'Wait' : 'Reject';
    const run = (): void => {
      this.#cluster.api.claims.change(name, 'default', ({ spec }) => ({ spec: { ...spec, whenInsufficient } }));
    };
    return { what: `${name}: ${whenInsufficient}`, run };
  }

  /** One of many schedulers: it names another node only after the present one has refused, and may come back to one. */
  #schedule({ metadata: { name } }: InstanceClaim): Step {
    const target = this.#random.pick([...this.#cluster.parts.nodeNames, NOWHERE]);
    const run = (): void => {
      this.#cluster.api.claims.change(name, 'default', (present) => {
        const { spec, status } = present;
        if (!isPending(present) || status?.attempts?.at(-1)?.nodeName !== spec.nodeName) return {};
        return { spec: { ...spec, nodeName: target } };
      });
      const { spec, status } = this.#cluster.api.claims.get(name, 'default') ?? {};
      if (spec?.nodeName === NOWHERE && status?.attempts?.at(-1)?.nodeName !== NOWHERE) this.#refuseThere(name);
    };
    return { what: `a scheduler wants ${name} on ${target}`, run };
  }

  #refuseThere(name: string): void {
    this.#cluster.api.claims.change(name, 'default', ({ status }) => ({
      status: { ...status, attempts: [...(status?.attempts ?? []), { nodeName: NOWHERE }] },
    }));
  }

  // --- hypervisors ----------------------------------------------------------------------------------------------------

  #boot({ metadata, spec, status }: InstanceClaim): Step {
    const random = this.#random;
    const nodeName = status?.nodeName ?? '';
    // Some drivers know an instance only by the name of its claim.
    const isNamed = random.chance(0.3);
    const ownUuid = spec.instance?.uuid ?? metadata.uid ?? '';
    const booted = instance({
      uuid: isNamed ? `named-${metadata.name}` : ownUuid,
      vcpus: BigInt(status?.flavor?.vcpus ?? 1),
      memoryBytes: bytes(status?.flavor?.memory) + (random.chance(0.1) ? 512n * MEBIBYTE : 0n),
      devices: (status?.pciDevices ?? []).map(({ address }) => address).toSorted(),
      vmState: random.pick(['Active', 'Paused', 'Stopped']),
      ...(isNamed && { claim: { namespace: 'default', name: metadata.name } }),
    });
    const run = (): void => this.#cluster.putInstance(nodeName, booted);
    return { what: `the instance of ${metadata.name} runs on ${nodeName}`, run };
  }

  #hypervisor(): Step[] {
    const nodeName = this.#random.pick(this.#cluster.parts.nodeNames);
    const host = this.#cluster.host(nodeName);
    const steps: Step[] = [];
    if (this.#random.chance(0.3)) steps.push(this.#stray(nodeName));
    const { instances } = host;
    if (instances.length > 0) {
      const { uuid } = this.#random.pick(instances);
      steps.push({ what: `instance ${uuid.slice(0, 8)} is gone from ${nodeName}`, run: () => host.remove(uuid) });
    }
    const fault = 'driver disconnect';
    if (host.fault !== undefined) steps.push({ what: `driver of ${nodeName} connects`, run: () => host.connect() });
    else if (this.#random.chance(0.3))
      steps.push({ what: `driver of ${nodeName} disconnects`, fault, run: () => host.disconnect('connection reset') });
    return steps;
  }

  #stray(nodeName: string): Step {
    const uuid = this.#random.pick([...UUIDS, '99999999-9999-4999-8999-999999999999']);
    const stray = instance({ uuid, memoryBytes: GIBIBYTE });
    const run = (): void => this.#cluster.putInstance(nodeName, stray);
    return { what: `an instance ${uuid.slice(0, 4)} is on ${nodeName}`, fault: 'orphan', run };
  }

  // --- administrators -------------------------------------------------------------------------------------------------

  #administer(): Step[] {
    if (!this.#administered || this.#random.chance(0.4)) return [];
    const { computeNodes } = this.#cluster.api;
    const nodeName = this.#random.pick(this.#cluster.parts.nodeNames);
    const memory = `${this.#random.below(3)}Gi`;
    const ratio = this.#random.pick(['1', '1.5', '0.5']);
    const unschedulable = this.#random.chance(0.2);
    const respec = (): void => {
      computeNodes.change(nodeName, undefined, () => ({
        spec: { reserved: { memory }, allocationRatios: { memory: ratio }, ...(unschedulable && { unschedulable }) },
      }));
    };
    const what = `${nodeName}: reserve ${memory}, ratio ${ratio}${unschedulable ? ', cordoned' : ''}`;
    const steps: Step[] = [{ what, fault: 'changed limits', run: respec }];
    if (this.#random.chance(0.2)) {
      const run = (): void => void computeNodes.delete(nodeName);
      steps.push({ what: `ComputeNode ${nodeName} is deleted`, fault: 'ComputeNode deleted', run });
    }
    return [...steps, ...this.#cordon(nodeName)];
  }
}

function isPending({ status }: InstanceClaim): boolean {
  return (status?.phase ?? 'Pending') === 'Pending';
}
