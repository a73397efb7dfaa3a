import { expect, it } from 'vitest';
import { createDriver } from '../../src/drivers/create-driver.ts';
import { DriverError } from '../../src/drivers/driver.ts';
import { createLibvirtDriver } from '../../src/drivers/libvirt/libvirt-driver.ts';
import { createRecorder } from './contract/harness.ts';

it.each([
  ['libvirt', { name: 'libvirt', uri: 'test:///default' } as const],
  ['fake', { name: 'fake', path: 'host.yaml' } as const],
])('makes the driver %s', async (name, config) => {
  expect((await createDriver(config)).name).toBe(name);
});

it.each([
  ['a URI without a scheme', { uri: 'system' }, /write for example qemu:\/\/\/system/],
  [
    'two sources of disk figures',
    { uri: 'qemu:///system', instancesPath: '/srv', storagePool: 'default' },
    /leave one of them out/,
  ],
  ['no time for a call', { uri: 'qemu:///system', callTimeoutMs: 0 }, /callTimeoutMs must be above 0/],
])('%s is refused', (_title, config, message) => {
  const create = () => createLibvirtDriver(config);
  expect(create).toThrow(DriverError);
  expect(create).toThrow(message);
});

it('where libvirt is not installed, start says so', async () => {
  const missing = new DriverError('InvalidConfiguration', 'libvirt.so.0 not found: install the package libvirt0');
  const seams = { loadLibrary: () => Promise.reject(missing), random: Math.random };
  const driver = createLibvirtDriver({ uri: 'qemu:///system' }, seams);
  await expect(driver.start(createRecorder().options)).rejects.toBe(missing);
  await driver.stop();
});
