/** Keeps the ledger equal to what is known: every holding follows from a claim, a write under way, or an orphan. */
import type { ReportedInstance } from '../drivers/driver.ts';
import { Ledger } from '../ledger/ledger.ts';
import { orphanHolding } from '../ledger/orphan.ts';
import type { Holding, Host } from '../ledger/types.ts';
import type { ClaimCache, Entry } from './claim-cache.ts';
import { heldFor, orphanKey } from './held.ts';
import type { Instances } from './instances.ts';
import type { TrackerSettings } from './settings.ts';

export class Books {
  readonly #settings: TrackerSettings;
  readonly #cache: ClaimCache;
  readonly #instances: Instances;
  readonly #keysByUid = new Map<string, readonly string[]>();
  /** Claims that hold something here. */
  readonly #holders = new Set<string>();
  #orphans: readonly ReportedInstance[] = [];
  /** Something happened by which an instance may have become an orphan, or one no more. */
  #orphansDue = true;
  /** The instances' count of changes when the orphans were last looked for. */
  #seenChanges = -1;
  #host: Host;
  #ledger: Ledger;

  constructor(host: Host, cache: ClaimCache, instances: Instances, settings: TrackerSettings) {
    this.#host = host;
    this.#cache = cache;
    this.#instances = instances;
    this.#settings = settings;
    this.#ledger = new Ledger(host, [], settings.statistics);
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  /** Instances that no claim explains, by uuid. */
  get orphans(): readonly ReportedInstance[] {
    return this.#orphans;
  }

  isOrphan({ uuid }: ReportedInstance): boolean {
    return this.#orphans.some((orphan) => orphan.uuid === uuid);
  }

  /** Whether a claim holds something here, or will once its write is answered. */
  holds(uid: string): boolean {
    return this.#holders.has(uid);
  }

  setHost(host: Host): void {
    this.#host = host;
    this.#ledger.setHost(host);
    this.#orphansDue = true;
  }

  /** Brings the ledger up to what the cache says of the claims that have changed, and of the orphans. */
  settle(): void {
    for (const uid of this.#cache.dirty) this.#replace(uid);
    this.#cache.dirty.clear();
    this.#settleOrphans();
  }

  /** Takes a decision that takes something into the ledger before its write is sent. */
  hold(entry: Entry): void {
    this.#hold(entry.ref.uid, this.#holdingsOf(entry));
    this.#settleOrphans();
  }

  /** The audit: a recount from nothing. Returns false when the running ledger had come to say something else. */
  recount(): boolean {
    this.settle();
    const running = this.#ledger.view().used;
    this.#ledger = new Ledger(this.#host, [], this.#settings.statistics);
    this.#keysByUid.clear();
    this.#holders.clear();
    for (const entry of this.#cache.entries()) this.#hold(entry.ref.uid, this.#holdingsOf(entry));
    this.#orphansDue = true;
    this.#settleOrphans();
    const { used } = this.#ledger.view();
    return (
      used.vcpus === running.vcpus && used.memoryBytes === running.memoryBytes && used.diskBytes === running.diskBytes
    );
  }

  #replace(uid: string): void {
    const entry = this.#cache.get(uid);
    this.#hold(uid, entry === undefined ? [] : this.#holdingsOf(entry));
  }

  #hold(uid: string, holdings: readonly Holding[]): void {
    const entry = this.#cache.get(uid);
    this.#orphansDue ||= entry === undefined || this.#instances.concerns(entry);
    const keys = holdings.map(({ key }) => key);
    for (const key of this.#keysByUid.get(uid) ?? []) if (!keys.includes(key)) this.#ledger.release(key);
    for (const holding of holdings) this.#ledger.hold(holding);
    if (keys.length === 0) {
      this.#keysByUid.delete(uid);
      this.#holders.delete(uid);
      return;
    }
    this.#keysByUid.set(uid, keys);
    this.#holders.add(uid);
  }

  /** What gives back is held until its write is answered, what takes is held from its decision on. */
  #holdingsOf(entry: Entry): readonly Holding[] {
    const { claim, write } = entry;
    return heldFor(write?.takes === true ? write.claim : claim, this.#settings, this.#instances.of(entry));
  }

  /** Looks at every instance, so only when there may be something to find: most claims are decided before their instance is there. */
  #settleOrphans(): void {
    if (!this.#orphansDue && this.#seenChanges === this.#instances.changes) return;
    this.#orphansDue = false;
    this.#seenChanges = this.#instances.changes;
    const before = new Set(this.#orphans.map(({ uuid }) => uuid));
    this.#orphans = this.#instances.orphans(this.#heldEntries());
    for (const instance of this.#orphans) {
      before.delete(instance.uuid);
      this.#ledger.hold(this.#orphanHolding(instance));
    }
    for (const uuid of before) this.#ledger.release(orphanKey(uuid));
  }

  #orphanHolding(instance: ReportedInstance): Holding {
    const overheadMemoryBytes = this.#settings.overheadMemoryBytes(instance);
    return orphanHolding(orphanKey(instance.uuid), { ...instance, overheadMemoryBytes }, this.#host.policy.limitPolicy);
  }

  *#heldEntries(): Generator<Entry> {
    for (const uid of this.#holders) {
      const entry = this.#cache.get(uid);
      if (entry !== undefined) yield entry;
    }
  }
}
