/** The creator's own watch on the claims of one node: when each of them was seen as Claimed. */
import type { InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import type { WatchEvent } from '../../src/kube/resource.ts';
import type { Plane } from './bench.ts';
import { until } from './until.ts';

export class ClaimWatch implements AsyncDisposable {
  readonly #end = new AbortController();
  readonly #claimedAtMs = new Map<string, number>();
  readonly #waiting = new Map<string, () => void>();
  #followed: Promise<void> = Promise.resolve();

  /** Watches the claims of a node from now on. */
  static async open({ claims }: Plane, nodeName: string): Promise<ClaimWatch> {
    const fieldSelector = `spec.nodeName=${nodeName}`;
    const resourceVersion = await claims.latestResourceVersion({ fieldSelector });
    const watch = new ClaimWatch();
    const signal = watch.#end.signal;
    watch.#followed = watch.#follow(claims.watch({ fieldSelector, resourceVersion, timeoutSeconds: 3600, signal }));
    return watch;
  }

  /** When a claim was seen as Claimed, in the clock of `performance.now()`. */
  async claimedAtMs(name: string): Promise<number> {
    const known = this.#claimedAtMs.get(name);
    if (known !== undefined) return known;
    await new Promise<void>((resolve) => this.#waiting.set(name, resolve));
    return this.claimedAtMs(name);
  }

  /** When the last of so many claims was seen as Claimed. */
  async allClaimedAtMs(count: number): Promise<number> {
    await until(`${count} claims are Claimed`, () => this.#claimedAtMs.size >= count);
    return Math.max(...this.#claimedAtMs.values());
  }

  /** Forgets what was seen. */
  clear(): void {
    this.#claimedAtMs.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#followed;
  }

  async #follow(events: AsyncIterable<WatchEvent<InstanceClaim>>): Promise<void> {
    try {
      for await (const event of events) if (event.type === 'MODIFIED') this.#see(event.object);
    } catch (error) {
      if (!this.#end.signal.aborted) throw error;
    }
  }

  #see({ metadata: { name }, status }: InstanceClaim): void {
    if (status?.phase !== 'Claimed' || this.#claimedAtMs.has(name)) return;
    this.#claimedAtMs.set(name, performance.now());
    this.#waiting.get(name)?.();
    this.#waiting.delete(name);
  }
}
