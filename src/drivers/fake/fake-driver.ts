/** A driver without a hypervisor: for tests, demos and load, with faults on demand. */
import type { Driver, ReportedInstance } from '../driver.ts';
import { type Overhead, overheadBytes } from '../overhead.ts';
import { type FakeFaults, type FakeHost, NO_FAULTS } from './fake-host.ts';
import { createFakeHypervisor } from './fake-hypervisor.ts';
import { createHostFileDriver } from './host-file-driver.ts';

/** A host in a YAML file, which may be changed while the driver runs. */
export interface FakeFileConfig {
  readonly path: string;
  readonly overhead?: Overhead;
}

/** A host in memory, which the test changes through the driver. */
export interface FakeMemoryConfig {
  readonly host: FakeHost;
  readonly faults?: Partial<FakeFaults>;
  readonly overhead?: Overhead;
}

/** A fake driver whose host is changed by calls. Each change tells its events before the call returns. */
export interface FakeDriver extends Driver {
  host(): FakeHost;
  /** Any change of the host. */
  changeHost(change: (host: FakeHost) => FakeHost): void;
  /** Adds an instance or puts it in the place of the one of the same uuid. */
  putInstance(instance: ReportedInstance): void;
  removeInstance(uuid: string): void;
  setFaults(faults: Partial<FakeFaults>): void;
}

/**
 * A fake driver, of a file or of a host in memory.
 *
 * @throws DriverError InvalidConfiguration from `start` when the file cannot be read.
 */
export function createFakeDriver(config: FakeMemoryConfig): FakeDriver;
export function createFakeDriver(config: FakeFileConfig): Driver;
export function createFakeDriver(config: FakeFileConfig | FakeMemoryConfig): Driver | FakeDriver {
  return 'path' in config ? createHostFileDriver(config.path, config.overhead ?? {}) : createMemoryDriver(config);
}

function createMemoryDriver(config: FakeMemoryConfig): FakeDriver {
  const hypervisor = createFakeHypervisor({ host: config.host, faults: { ...NO_FAULTS, ...config.faults } });
  const changeHost = (change: (host: FakeHost) => FakeHost): void => {
    const { host, faults } = hypervisor.state();
    hypervisor.become({ host: change(host), faults });
  };
  const others = (host: FakeHost, uuid: string) => host.instances.filter((instance) => instance.uuid !== uuid);
  return {
    name: 'fake',
    start: async (options) => hypervisor.listen(options.onEvent),
    cannotReport: hypervisor.cannotReport,
    audit: hypervisor.audit,
    cpuCounters: hypervisor.cpuCounters,
    overheadMemoryBytes: (size) => overheadBytes(config.overhead ?? {}, size),
    stop: async () => hypervisor.stop(),
    host: () => hypervisor.state().host,
    changeHost,
    putInstance: (instance) =>
      changeHost((host) => ({ ...host, instances: [...others(host, instance.uuid), instance] })),
    removeInstance: (uuid) => changeHost((host) => ({ ...host, instances: others(host, uuid) })),
    setFaults: (faults) => {
      const state = hypervisor.state();
      hypervisor.become({ host: state.host, faults: { ...state.faults, ...faults } });
    },
  };
}
