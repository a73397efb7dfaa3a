/** What an onlooker sees of one ComputeNode while its agent works. */
import type { ComputeNode } from '../../src/api/generated/v1alpha1.ts';
import type { WatchEvent } from '../../src/kube/resource.ts';
import type { Plane } from './bench.ts';
import { until } from './until.ts';

export class NodeWatch implements AsyncDisposable {
  readonly #end = new AbortController();
  #followed: Promise<void> = Promise.resolve();
  #firstDecidingAtMs: number | undefined;
  #mostDeciding = 0;
  #instances = 0;

  /** Watches from now on. */
  static async open({ computeNodes }: Plane, nodeName: string): Promise<NodeWatch> {
    const fieldSelector = `metadata.name=${nodeName}`;
    const resourceVersion = await computeNodes.latestResourceVersion({ fieldSelector });
    const watch = new NodeWatch();
    const signal = watch.#end.signal;
    watch.#followed = watch.#follow(
      computeNodes.watch({ fieldSelector, resourceVersion, timeoutSeconds: 3600, signal }),
    );
    return watch;
  }

  /** The most objects that were ever named as being written. */
  get mostDeciding(): number {
    return this.#mostDeciding;
  }

  /** When decisions were announced for the first time since `clear`, in the clock of `performance.now()`. */
  async firstDecidingAtMs(): Promise<number> {
    await until('decisions are announced', () => this.#firstDecidingAtMs !== undefined);
    return this.#firstDecidingAtMs ?? Number.NaN;
  }

  /** Resolves when nothing is claimed on the node any more. */
  untilEmpty(): Promise<void> {
    return until('the node is empty', () => this.#instances === 0);
  }

  clear(): void {
    this.#firstDecidingAtMs = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#followed;
  }

  async #follow(events: AsyncIterable<WatchEvent<ComputeNode>>): Promise<void> {
    try {
      for await (const event of events) if (event.type !== 'BOOKMARK') this.#see(event.object);
    } catch (error) {
      if (!this.#end.signal.aborted) throw error;
    }
  }

  #see({ status }: ComputeNode): void {
    const deciding = status?.agent?.deciding?.length ?? 0;
    if (deciding > 0) this.#firstDecidingAtMs ??= performance.now();
    this.#mostDeciding = Math.max(this.#mostDeciding, deciding);
    this.#instances = status?.runningInstances ?? 0;
  }
}
