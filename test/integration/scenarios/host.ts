/** The hosts of a scenario: files that the agents' fake driver follows. */
import { join } from 'node:path';
import type { NodeName } from '../../scenarios/scenario.ts';
import { gpuAddresses, HOST } from '../../scenarios/stage.ts';
import { type FakeInstance, writeHost } from '../agent/host-file.ts';

/**
 * An instance of no size, the last one by its UUID and with another name after each change: whoever tells of it as an orphan has read all
 * the rest.
 */
const MARKER = 'ffffffff-ffff-4fff-bfff-ffffffffffff';

export class ScenarioHost {
  readonly path: string;
  readonly #nodeName: NodeName;
  readonly #instances = new Map<string, FakeInstance>();
  #edition = 0;
  #isAway = false;

  constructor(folder: string, nodeName: NodeName) {
    this.#nodeName = nodeName;
    this.path = join(folder, `${nodeName}.yaml`);
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  /** What an agent publishes as the name of an orphan once it has read the file as it is now. */
  get marker(): string {
    return `edition-${this.#edition}`;
  }

  static isMarker({ uuid }: { readonly uuid: string }): boolean {
    return uuid === MARKER;
  }

  async put(instance: FakeInstance): Promise<void> {
    this.#instances.set(instance.uuid, instance);
    await this.write();
  }

  async remove(uuid: string): Promise<void> {
    this.#instances.delete(uuid);
    await this.write();
  }

  async connect(isConnected: boolean): Promise<void> {
    this.#isAway = !isConnected;
    await this.write();
  }

  async write(): Promise<void> {
    this.#edition += 1;
    const marker = { uuid: MARKER, name: this.marker, vcpus: 0, memory: '0' };
    await writeHost(this.path, {
      hostname: `host-of-${this.#nodeName}`,
      totals: HOST,
      devices: gpuAddresses(this.#nodeName).map((address) => ({ address, vendorID: '10de', productID: '2204' })),
      instances: [...this.#instances.values(), marker],
      faults: { disconnected: this.#isAway },
    });
  }
}
