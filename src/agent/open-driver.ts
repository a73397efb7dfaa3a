import { createDriver, type DriverConfig } from '../drivers/create-driver.ts';
import type { Driver } from '../drivers/driver.ts';
import { ConfigError } from '../process/config.ts';
import type { AgentConfig } from './config.ts';

/** What decides which driver it is. */
export type DriverChoice = Pick<
  AgentConfig,
  'driver' | 'libvirtUri' | 'instancesPath' | 'storagePool' | 'fakeHost' | 'overhead'
>;

/** The driver that the configuration names. Throws ConfigError or DriverError. */
export function openDriver(choice: DriverChoice): Promise<Driver> {
  return createDriver(driverConfigOf(choice));
}

/** How the driver is set up. Throws ConfigError. */
export function driverConfigOf(choice: DriverChoice): DriverConfig {
  const { overhead } = choice;
  if (choice.driver === 'libvirt') return { name: 'libvirt', uri: choice.libvirtUri, ...diskOf(choice), overhead };
  if (choice.fakeHost === undefined) throw new ConfigError('--driver fake needs --fake-host FILE');
  return { name: 'fake', path: choice.fakeHost, overhead };
}

function diskOf({ storagePool, instancesPath }: DriverChoice): { storagePool: string } | { instancesPath: string } {
  return storagePool === undefined ? { instancesPath } : { storagePool };
}
