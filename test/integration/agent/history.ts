import type { InstanceClaim } from '../../../src/api/generated/v1alpha1.ts';
import { systemClock } from '../../../src/kube/clock.ts';
import { type Reflector, reflect } from '../../../src/kube/reflector.ts';
import type { ResourceClient } from '../../../src/kube/resource.ts';

/** Everything that the claims of a namespace ever said of their decision, as a watch from the outside saw it. */
export class History {
  readonly #reflector: Reflector;
  /** By UID: each different decision, in order. */
  readonly #decisions = new Map<string, string[]>();
  readonly #names = new Map<string, string>();
  readonly #decidedAtMs = new Map<string, number>();

  constructor(claims: ResourceClient<InstanceClaim>, namespace: string) {
    this.#reflector = reflect<InstanceClaim>({
      client: claims,
      namespace,
      clock: systemClock,
      random: Math.random,
      backoff: { firstMs: 50, maxMs: 200 },
      onList: (items) => {
        for (const claim of items) this.#see(claim);
      },
      onEvent: ({ object }) => this.#see(object),
    });
  }

  /** Claims that were decided, with all that was ever decided of them: one entry each, if all is well. */
  get decisions(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.#decisions].map(([uid, decisions]) => [this.#names.get(uid) ?? uid, decisions]));
  }

  /** Names of claims that changed their mind. */
  get waverers(): readonly string[] {
    return [...this.decisions].filter(([, decisions]) => decisions.length > 1).map(([name]) => name);
  }

  /** When a claim of this name was first seen as decided, in the clock of `performance.now()`; undefined: not yet. */
  decidedAtMs(name: string): number | undefined {
    return this.#decidedAtMs.get(name);
  }

  async stop(): Promise<void> {
    await this.#reflector.stop();
  }

  #see({ metadata, status }: InstanceClaim): void {
    const { uid = '', name = '' } = metadata;
    this.#names.set(uid, name);
    const known = this.#decisions.get(uid) ?? [];
    if ((status?.phase ?? 'Pending') === 'Pending' && known.length === 0) return;
    const { phase, nodeName, pciDevices, conditions } = status ?? {};
    const claimed = conditions?.find(({ type }) => type === 'Claimed');
    const decision = JSON.stringify({ phase, nodeName, pciDevices, claimed });
    if (known.length === 0) this.#decidedAtMs.set(name, performance.now());
    if (known.at(-1) !== decision) this.#decisions.set(uid, [...known, decision]);
  }
}
