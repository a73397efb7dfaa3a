/** The creator's own watch on the claims of one node: when each of them was seen as Claimed. */
import type { InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { type Reflector, reflect } from '../../src/kube/reflector.ts';
import type { Plane } from './bench.ts';
import { until } from './until.ts';

export class ClaimWatch implements AsyncDisposable {
  readonly #reflector: Reflector;
  readonly #claimedAtMs = new Map<string, number>();
  readonly #waiting = new Map<string, () => void>();

  private constructor({ claims: client }: Plane, nodeName: string) {
    // The API server ends the watch of whoever cannot keep up with a burst; a reflector goes on from there.
    this.#reflector = reflect({
      client,
      fieldSelector: `spec.nodeName=${nodeName}`,
      clock: systemClock,
      random: Math.random,
      onList: (items) => {
        for (const claim of items) this.#see(claim);
      },
      onEvent: ({ type, object }) => (type === 'DELETED' ? undefined : this.#see(object)),
    });
  }

  /** Watches the claims of a node from now on. */
  static async open(plane: Plane, nodeName: string): Promise<ClaimWatch> {
    const watch = new ClaimWatch(plane, nodeName);
    await until('the claims are listed', () => watch.#reflector.listed);
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.#reflector.stop();
  }

  #see({ metadata: { name }, status }: InstanceClaim): void {
    if (status?.phase !== 'Claimed' || this.#claimedAtMs.has(name)) return;
    this.#claimedAtMs.set(name, performance.now());
    this.#waiting.get(name)?.();
    this.#waiting.delete(name);
  }
}
