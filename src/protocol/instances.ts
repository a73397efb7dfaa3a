/** Which instance belongs to which claim, and which to none. */
import { qualifiedName } from '../api/object-meta.ts';
import type { ReportedInstance } from '../drivers/driver.ts';
import type { ClaimCache, Entry } from './claim-cache.ts';
import { instanceIdOf } from './claim-facts.ts';

/** The hypervisor's instances as of the last audit and the events since. */
export class Instances {
  readonly #cache: ClaimCache;
  readonly #byUuid = new Map<string, ReportedInstance>();
  readonly #uuidByClaimName = new Map<string, string>();
  /** How many instances name a claim. */
  readonly #namings = new Map<string, number>();
  #changes = 0;

  constructor(cache: ClaimCache) {
    this.#cache = cache;
  }

  /** Moves with every change of any instance. */
  get changes(): number {
    return this.#changes;
  }

  replaceAll(instances: readonly ReportedInstance[]): void {
    this.#changes += 1;
    this.#byUuid.clear();
    this.#uuidByClaimName.clear();
    this.#namings.clear();
    for (const instance of instances) this.see(instance);
  }

  see(instance: ReportedInstance): void {
    this.forget(instance.uuid);
    this.#changes += 1;
    this.#byUuid.set(instance.uuid, instance);
    const name = claimNameOf(instance);
    if (name === undefined) return;
    this.#countNaming(name, 1);
    if (!this.#uuidByClaimName.has(name)) this.#uuidByClaimName.set(name, instance.uuid);
  }

  forget(uuid: string): void {
    const known = this.#byUuid.get(uuid);
    if (known === undefined) return;
    this.#changes += 1;
    this.#byUuid.delete(uuid);
    const name = claimNameOf(known);
    if (name === undefined) return;
    this.#countNaming(name, -1);
    if (this.#uuidByClaimName.get(name) === uuid) this.#uuidByClaimName.delete(name);
  }

  #countNaming(name: string, change: number): void {
    const count = (this.#namings.get(name) ?? 0) + change;
    if (count > 0) this.#namings.set(name, count);
    else this.#namings.delete(name);
  }

  get(uuid: string): ReportedInstance | undefined {
    return this.#byUuid.get(uuid);
  }

  /** The instance that a claim is for: by the claim's name in the instance's metadata, else by uuid. */
  of({ ref, claim }: Entry): ReportedInstance | undefined {
    const named = this.#uuidByClaimName.get(qualifiedName(ref));
    if (named !== undefined) return this.#byUuid.get(named);
    const instance = this.#byUuid.get(instanceIdOf(claim));
    return instance === undefined || this.#namesAnother(instance) ? undefined : instance;
  }

  /** Whether any instance has the claim's uuid or names it. While none does, the claim has no part in which instance is whose. */
  concerns({ ref, claim }: Entry): boolean {
    return this.#byUuid.has(instanceIdOf(claim)) || this.#namings.has(qualifiedName(ref));
  }

  /** Claims that an event on this instance may concern. */
  *claimsOf(instance: ReportedInstance): Generator<Entry> {
    yield* this.#cache.byInstance(instance.uuid);
    const { claim } = instance;
    const named = claim === undefined ? undefined : this.#cache.byName(claim.namespace, claim.name);
    if (named !== undefined) yield named;
  }

  /** Instances that none of the claims held here explains, by uuid. */
  orphans(held: Iterable<Entry>): ReportedInstance[] {
    const explained = new Set<string>();
    for (const entry of held) {
      const instance = this.of(entry);
      if (instance !== undefined) explained.add(instance.uuid);
    }
    const orphans = [...this.#byUuid.values()].filter(({ uuid }) => !explained.has(uuid));
    return orphans.sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
  }

  /** An instance whose metadata names a claim that exists is that one's, whatever its uuid; one that was refused or expired has none. */
  #namesAnother({ claim }: ReportedInstance): boolean {
    const named = claim && this.#cache.byName(claim.namespace, claim.name);
    const phase = named?.claim.status?.phase;
    return named !== undefined && phase !== 'Rejected' && phase !== 'Expired';
  }
}

function claimNameOf({ claim }: ReportedInstance): string | undefined {
  return claim === undefined ? undefined : qualifiedName(claim);
}
