/** CPU counters of the host. */
import { type CpuCounters, DriverError } from '../driver.ts';
import type { Connection } from './connection.ts';
import { ALL_CPUS } from './constants.ts';

/**
 * Reads the counters of all CPUs together, in one step. libvirt counts nice as user, and interrupts as kernel.
 *
 * @throws DriverError Unsupported where the hypervisor does not tell them apart (some know nothing but a utilization).
 */
export function readCpuCounters(connection: Connection): Promise<CpuCounters> {
  return connection.run('read CPU counters', async (library, pointer) => {
    const stats = await library.virNodeGetCPUStats(pointer, ALL_CPUS);
    if (stats === null) throw connection.failed('read CPU counters');
    const info = await library.virNodeGetInfo(pointer);
    if (info === null) throw connection.failed('read host');
    const counter = (name: string): bigint => {
      const value = stats.get(name);
      if (value !== undefined) return value;
      const known = [...stats.keys()].join(', ') || 'none';
      throw new DriverError('Unsupported', `the hypervisor has no CPU counter "${name}" (it has: ${known})`);
    };
    return {
      userNs: counter('user'),
      kernelNs: counter('kernel'),
      idleNs: counter('idle'),
      iowaitNs: counter('iowait'),
      frequencyMhz: info.mhz,
    };
  });
}
