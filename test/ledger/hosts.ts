import { Ledger } from '../../src/ledger/ledger.ts';
import type { ClaimRequest, Host, NodePolicy, PciDevice, PciRequest } from '../../src/ledger/types.ts';

const ONE = { numerator: 1n, denominator: 1n };

/** Nothing reserved, no oversubscription, Capped. */
export const PLAIN_POLICY: NodePolicy = {
  reserved: { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n },
  allocationRatios: { vcpus: ONE, memory: ONE, disk: ONE },
  limitPolicy: 'Capped',
};

/** 10 vCPUs, 100 bytes of memory, 1,000 of disk. */
export const PLAIN_HOST: Host = {
  totals: { vcpus: 10n, memoryBytes: 100n, diskBytes: 1000n },
  policy: PLAIN_POLICY,
  devices: [],
};

export function hostOf(devices: readonly PciDevice[]): Host {
  return { ...PLAIN_HOST, devices };
}

/** A request of nothing but devices. */
export function wanting(pciRequests: readonly PciRequest[]): ClaimRequest {
  return { amounts: { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n }, overheadMemoryBytes: 0n, limits: {}, pciRequests };
}

/** Addresses that a request gets on a host of which nothing is held; undefined where it is refused. */
export function assigned(host: Host, request: ClaimRequest): string[] | undefined {
  const decision = new Ledger(host).test(request);
  return decision.kind === 'granted' ? decision.devices.map((device) => device.address) : undefined;
}
