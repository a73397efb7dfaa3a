/** The hosts of a run: fake ones that change while agents look, and one of libvirt's test driver that stays as it is. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FakeDevice, type FakeInstance, gpus, writeHost } from '../integration/agent/host-file.ts';

/** What the recount knows of an instance on a host. */
export type HostInstance = Pick<FakeInstance, 'uuid' | 'vcpus' | 'memory'>;

export interface Host {
  readonly nodeName: string;
  /** What an agent is told about its driver. */
  readonly flags: readonly string[];
  readonly instances: readonly HostInstance[];
  /** Addresses of the devices that are there. */
  readonly devices: readonly string[];
  /** Undefined: not for the recount to know (libvirt measures the disk of this machine). */
  readonly totals: { readonly vcpus: number; readonly memory: string; readonly disk: string } | undefined;
}

const DEVICES = 6;
const MEMORY = ['48Gi', '64Gi'] as const;

/** A host in a file that is written anew with each change. */
export class ChangingHost implements Host {
  readonly nodeName: string;
  readonly flags: readonly string[];
  readonly #path: string;
  #instances: FakeInstance[] = [];
  #absent = new Set<number>();
  #memory: string = MEMORY[1];
  #writing: Promise<void> = Promise.resolve();

  private constructor(nodeName: string, folder: string) {
    this.nodeName = nodeName;
    this.#path = join(folder, `${nodeName}.yaml`);
    this.flags = ['--driver=fake', `--fake-host=${this.#path}`];
  }

  static async create(nodeName: string, folder: string): Promise<ChangingHost> {
    const host = new ChangingHost(nodeName, folder);
    await host.#write();
    return host;
  }

  get instances(): readonly HostInstance[] {
    return this.#instances;
  }

  get devices(): readonly string[] {
    return this.#devices().map(({ address }) => address);
  }

  get totals(): Host['totals'] {
    return { vcpus: 64, memory: this.#memory, disk: '1Ti' };
  }

  /** One device is pulled, or comes back. */
  async toggleDevice(index: number): Promise<void> {
    const number = index % DEVICES;
    if (!this.#absent.delete(number)) this.#absent.add(number);
    await this.#write();
  }

  async toggleMemory(): Promise<void> {
    this.#memory = this.#memory === MEMORY[0] ? MEMORY[1] : MEMORY[0];
    await this.#write();
  }

  /** An instance appears, or one more is too many and the oldest ends. */
  async addInstance(uuid: string, memory: string): Promise<void> {
    this.#instances.push({ uuid, name: `instance-${uuid.slice(0, 8)}`, vcpus: 2, memory });
    if (this.#instances.length > 4) this.#instances.shift();
    await this.#write();
  }

  #devices(): FakeDevice[] {
    return gpus(DEVICES).filter((_, index) => !this.#absent.has(index));
  }

  #write(): Promise<void> {
    this.#writing = this.#writing.then(() =>
      writeHost(this.#path, {
        hostname: this.nodeName,
        totals: { vcpus: 64, memory: this.#memory, disk: '1Ti' },
        instances: this.#instances,
        devices: this.#devices(),
      }),
    );
    return this.#writing;
  }
}

const STRAY = '00000000-0000-4000-8000-00000000000a';

/** A libvirt of its own in each agent's process, with one domain that nobody claims. */
export async function libvirtHost(nodeName: string, folder: string): Promise<Host> {
  const path = join(folder, `${nodeName}.xml`);
  await writeFile(
    path,
    `<node>
  <cpu><mhz>2450</mhz><model>EPYC-Milan</model><active>64</active><nodes>1</nodes><sockets>1</sockets><cores>64</cores><threads>1</threads></cpu>
  <memory>${64 * 1024 ** 2}</memory>
  <domain type="test"><name>stray</name><uuid>${STRAY}</uuid><memory unit="MiB">1024</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>
</node>
`,
  );
  return {
    nodeName,
    flags: ['--driver=libvirt', `--libvirt-uri=test://${path}`, `--instances-path=${folder}`],
    instances: [{ uuid: STRAY, vcpus: 1, memory: '1Gi' }],
    devices: [],
    totals: undefined,
  };
}
