import type { Driver } from '../drivers/driver.ts';
import type { AgentConfig } from './config.ts';

/** The driver that the configuration names. Loaded only when it is wanted: the fake needs no libvirt. */
export async function openDriver(
  config: Pick<
    AgentConfig,
    'driver' | 'libvirtUri' | 'instancesPath' | 'storagePool' | 'fakeHost' | 'overheadMemory' | 'overheadMemoryPerVcpu'
  >,
): Promise<Driver> {
  throw new Error('not wired yet');
}
