import { type Driver, DriverError } from '../drivers/driver.ts';
import type { AgentConfig } from './config.ts';

/** What decides which driver it is. */
export type DriverConfig = Pick<
  AgentConfig,
  'driver' | 'libvirtUri' | 'instancesPath' | 'storagePool' | 'fakeHost' | 'overheadMemory' | 'overheadMemoryPerVcpu'
>;

/** The driver that the configuration names. Loaded only when it is wanted: the fake needs no libvirt. Throws DriverError. */
export async function openDriver(config: DriverConfig): Promise<Driver> {
  return config.driver === 'libvirt' ? openLibvirt(config) : openFake(config);
}

async function openLibvirt(config: DriverConfig): Promise<Driver> {
  const { createLibvirtDriver } = await import('../drivers/libvirt/libvirt-driver.ts');
  const disk =
    config.storagePool === undefined ? { instancesPath: config.instancesPath } : { storagePool: config.storagePool };
  return createLibvirtDriver({ uri: config.libvirtUri, ...disk, overhead: overheadOf(config) });
}

function openFake(_config: DriverConfig): Promise<Driver> {
  return Promise.reject(new DriverError('InvalidConfiguration', 'the fake driver is not wired yet'));
}

function overheadOf({ overheadMemory, overheadMemoryPerVcpu }: DriverConfig): {
  perInstanceBytes: bigint;
  perVcpuBytes: bigint;
} {
  return { perInstanceBytes: overheadMemory, perVcpuBytes: overheadMemoryPerVcpu };
}
