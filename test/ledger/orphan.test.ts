import { describe, expect, test } from 'vitest';
import { Ledger } from '../../src/ledger/ledger.ts';
import { orphanHolding } from '../../src/ledger/orphan.ts';
import { hostOf } from './hosts.ts';

const ORPHAN = { vcpus: 2n, memoryBytes: 40n, overheadMemoryBytes: 1n, devices: ['01:00.0'] };
const HOST = hostOf([{ address: '01:00.0', vendorID: '8086', productID: '10fb', deviceType: 'PCI' }]);

describe('an orphan', () => {
  test.each([
    ['Capped', 2n],
    ['ClaimOnly', 0n],
  ] as const)('under %s holds %s vCPUs, and its device is Unavailable', (policy, vcpus) => {
    const { used, pciDevices, pciPools, stats } = new Ledger(HOST, [orphanHolding('o', ORPHAN, policy)]).view();
    expect(used).toEqual({ vcpus, memoryBytes: 41n, diskBytes: 0n });
    expect(pciDevices).toMatchObject([{ state: 'Unavailable', holder: 'o' }]);
    expect(pciPools).toMatchObject([{ total: 1, free: 0 }]);
    expect(stats.instances).toBe(0);
  });
});
