/**
 * A second ledger, as dumb as can be: it keeps a list of what was held and recounts everything for every question. It shares no code with the
 * real one. PCI is tried out exhaustively, so hosts must be small.
 */
import type { ClaimRequest, Holding, Host, PciDevice, PciRequest } from '../../src/ledger/types.ts';

export class Oracle {
  host: Host;
  readonly list: Holding[] = [];

  constructor(host: Host) {
    this.host = host;
  }

  hold(holding: Holding): void {
    this.release(holding.key);
    this.list.push(holding);
  }

  release(key: string): boolean {
    const index = this.list.findIndex((holding) => holding.key === key);
    if (index < 0) return false;
    this.list.splice(index, 1);
    return true;
  }

  memoryUsed(except?: string): bigint {
    return this.#sum(
      except,
      this.host.policy.reserved.memoryBytes,
      (h) => h.amounts.memoryBytes + h.overheadMemoryBytes,
    );
  }

  diskUsed(except?: string): bigint {
    return this.#sum(except, this.host.policy.reserved.diskBytes, (h) => h.amounts.diskBytes);
  }

  vcpusUsed(except?: string): bigint {
    return this.#sum(except, this.host.policy.reserved.vcpus, (h) => h.amounts.vcpus);
  }

  #sum(except: string | undefined, start: bigint, of: (holding: Holding) => bigint): bigint {
    let sum = start;
    for (const holding of this.list) if (holding.key !== except) sum += of(holding);
    return sum;
  }

  /** Reasons why a request does not fit now, in order. */
  reasons(request: ClaimRequest): string[] {
    const { policy, totals } = this.host;
    const { amounts, overheadMemoryBytes, limits, replaces } = request;
    const rows = [
      [
        'InsufficientMemory',
        amounts.memoryBytes + overheadMemoryBytes,
        this.memoryUsed(replaces),
        limits.memoryBytes,
        rationalLimit(totals.memoryBytes, policy.reserved.memoryBytes, policy.allocationRatios.memory),
      ],
      [
        'InsufficientDisk',
        amounts.diskBytes,
        this.diskUsed(replaces),
        limits.diskBytes,
        rationalLimit(totals.diskBytes, policy.reserved.diskBytes, policy.allocationRatios.disk),
      ],
      [
        'InsufficientVCPUs',
        amounts.vcpus,
        this.vcpusUsed(replaces),
        limits.vcpus,
        totals.vcpus === undefined
          ? undefined
          : rationalLimit(totals.vcpus, policy.reserved.vcpus, policy.allocationRatios.vcpus),
      ],
    ] as const;
    const failing: string[] = [];
    for (const [reason, wanted, used, own, node] of rows) {
      const bounds = policy.limitPolicy === 'Capped' ? [own, node] : [own];
      // Not as limit - used: what would be used must not exceed any limit.
      if (bounds.some((bound) => bound !== undefined && used + wanted > bound)) failing.push(reason);
    }
    if (!canAssign(request.pciRequests, this.freeDevices(replaces))) failing.push('InsufficientPCIDevices');
    return failing;
  }

  freeDevices(except?: string): PciDevice[] {
    const inUse = new Set<string>();
    for (const holding of this.list) {
      if (holding.key === except) continue;
      for (const address of [...holding.devices, ...(holding.devicesInUse ?? [])]) inUse.add(address);
    }
    const all = [...this.host.devices, ...(this.host.unassignable ?? [])];
    return this.host.devices.filter(
      (device) =>
        !inUse.has(device.address) &&
        !all.some((other) => inUse.has(other.address) && exclude(device, other)) &&
        !(device.deviceType === 'VF' && device.parentAddress !== undefined && inUse.has(device.parentAddress)),
    );
  }

  count(of: (holding: Holding) => string | null | undefined): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const holding of this.list) {
      if (holding.facts === undefined) continue;
      const key = of(holding) ?? 'None';
      counts[key] = (counts[key] ?? 0) + 1;
    }
    return counts;
  }

  ioWorkload(): number {
    const heavy = [
      'resize_migrating',
      'rebuilding',
      'resize_prep',
      'image_snapshot',
      'image_backup',
      'rescuing',
      'unshelving',
    ];
    const building = this.list.filter((holding) => holding.facts?.vmState === 'Building').length;
    return building + this.list.filter((holding) => heavy.includes(holding.facts?.taskState ?? '')).length;
  }
}

/** A PF and its VFs exclude each other. */
export function exclude(left: PciDevice, right: PciDevice): boolean {
  return isFunctionOf(left, right) || isFunctionOf(right, left);
}

function isFunctionOf(vf: PciDevice, pf: PciDevice): boolean {
  return vf.deviceType === 'VF' && pf.deviceType !== 'VF' && vf.parentAddress === pf.address;
}

/** Largest whole x with (x - reserved) * denominator <= (total - reserved) * numerator, found without dividing negatives. */
function rationalLimit(total: bigint, reserved: bigint, ratio: { numerator: bigint; denominator: bigint }): bigint {
  const product = (total - reserved) * ratio.numerator;
  const shift = product < 0n ? -product : 0n;
  return reserved + (product + shift * ratio.denominator) / ratio.denominator - shift;
}

export function serves(device: PciDevice, request: PciRequest): boolean {
  return request.selectors.some((selector) => {
    const wanted = Object.entries(selector).filter(([key]) => key !== 'tags' && key !== 'address');
    const plain = wanted.every(([key, value]) => Object.entries(device).some(([k, v]) => k === key && v === value));
    const tagged = (selector.tags ?? []).every((tag) => (device.tags ?? []).includes(tag));
    return plain && tagged && (selector.address === undefined || addressPattern(selector.address).test(device.address));
  });
}

function addressPattern(glob: string): RegExp {
  const source = glob.replace(/[.]/g, '\\.').replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${source}$`);
}

/** Tries all ways to give devices to requests. */
export function canAssign(requests: readonly PciRequest[], free: readonly PciDevice[]): boolean {
  if (requests.some((request) => request.count < 1)) return false;
  const slots = requests.flatMap((request) => Array.from({ length: request.count }, () => request));
  const fill = (slot: number, taken: readonly PciDevice[]): boolean => {
    const request = slots[slot];
    if (request === undefined) return true;
    return free.some(
      (device) =>
        !taken.includes(device) &&
        serves(device, request) &&
        !taken.some((other) => exclude(device, other)) &&
        fill(slot + 1, [...taken, device]),
    );
  };
  return fill(0, []);
}
