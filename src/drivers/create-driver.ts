/** Drivers by name. Each is loaded only when it is asked for: who uses the fake one never loads libvirt. */
import { type Driver, DriverError } from './driver.ts';
import type { FakeFileConfig } from './fake/fake-driver.ts';
import type { LibvirtDriverConfig } from './libvirt/libvirt-driver.ts';

/** Which driver, and how it is set up. */
export type DriverConfig =
  | ({ readonly name: 'libvirt' } & LibvirtDriverConfig)
  | ({ readonly name: 'fake' } & FakeFileConfig);

const DRIVER_NAMES: readonly DriverConfig['name'][] = ['libvirt', 'fake'];

/** @throws DriverError InvalidConfiguration for a configuration that cannot work. */
export async function createDriver(config: DriverConfig): Promise<Driver> {
  switch (config.name) {
    case 'libvirt': {
      const { createLibvirtDriver } = await import('./libvirt/libvirt-driver.ts');
      return createLibvirtDriver(config);
    }
    case 'fake': {
      const { createFakeDriver } = await import('./fake/fake-driver.ts');
      return createFakeDriver(config);
    }
    default:
      throw new DriverError('InvalidConfiguration', `no driver of that name; known: ${DRIVER_NAMES.join(', ')}`);
  }
}
