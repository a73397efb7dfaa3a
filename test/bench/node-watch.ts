/** What an onlooker sees of one ComputeNode while its agent works. */
import type { ComputeNode } from '../../src/api/generated/v1alpha1.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { type Reflector, reflect } from '../../src/kube/reflector.ts';
import type { Plane } from './bench.ts';
import { until } from './until.ts';

export class NodeWatch implements AsyncDisposable {
  readonly #reflector: Reflector;
  #firstDecidingAtMs: number | undefined;
  #mostDeciding = 0;
  #instances = 0;

  private constructor({ computeNodes: client }: Plane, nodeName: string) {
    this.#reflector = reflect({
      client,
      fieldSelector: `metadata.name=${nodeName}`,
      clock: systemClock,
      random: Math.random,
      onList: (items) => {
        for (const node of items) this.#see(node);
      },
      onEvent: ({ object }) => this.#see(object),
    });
  }

  /** Watches from now on. */
  static async open(plane: Plane, nodeName: string): Promise<NodeWatch> {
    const watch = new NodeWatch(plane, nodeName);
    await until('the node is listed', () => watch.#reflector.listed);
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.#reflector.stop();
  }

  #see({ status }: ComputeNode): void {
    const deciding = status?.agent?.deciding?.length ?? 0;
    if (deciding > 0) this.#firstDecidingAtMs ??= performance.now();
    this.#mostDeciding = Math.max(this.#mostDeciding, deciding);
    this.#instances = status?.runningInstances ?? 0;
  }
}
