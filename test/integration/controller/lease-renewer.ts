import type { Lease } from '../../../src/api/lease.ts';
import type { ResourceClient } from '../../../src/kube/resource.ts';

/** The shortest that there is, so that silence is found soon. */
export const LEASE_SECONDS = 2;
const RENEW_MS = 250;

/** Renews a Lease as an agent does, and does nothing else. */
export class LeaseRenewer {
  readonly #leases: ResourceClient<Lease>;
  #lease: Lease;
  #renewals = 0;
  #stopped = false;
  #renewing: Promise<void>;
  #wake: () => void = () => undefined;

  private constructor(leases: ResourceClient<Lease>, lease: Lease) {
    this.#leases = leases;
    this.#lease = lease;
    this.#renewing = this.#renew();
  }

  static async start(leases: ResourceClient<Lease>, metadata: Lease['metadata']): Promise<LeaseRenewer> {
    return new LeaseRenewer(leases, await leases.create({ metadata, spec: heldNow() }));
  }

  /** How often it has renewed so far. */
  get renewals(): number {
    return this.#renewals;
  }

  /** Does not renew any more. */
  async fallSilent(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await this.#renewing;
  }

  /** Renews again. */
  comeBack(): void {
    this.#stopped = false;
    this.#renewing = this.#renew();
  }

  /** Gives the Lease back, as an agent that stops in good order. */
  async giveBack(): Promise<void> {
    await this.fallSilent();
    await this.#write('');
  }

  async #renew(): Promise<void> {
    while (!this.#stopped) {
      await this.#write('a test');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, RENEW_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async #write(holder: string): Promise<void> {
    this.#lease = await this.#leases.replace({ ...this.#lease, spec: { ...heldNow(), holderIdentity: holder } });
    this.#renewals += 1;
  }
}

function heldNow(): NonNullable<Lease['spec']> {
  const renewTime = new Date().toISOString().replace('Z', '000Z');
  return { holderIdentity: 'a test', leaseDurationSeconds: LEASE_SECONDS, renewTime };
}
