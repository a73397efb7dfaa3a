/** A Tracker in memory that owns its node: what it asks for is granted at once, so that only its own work is measured. */
import type { ComputeNode, InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import type { HostReport } from '../../src/drivers/driver.ts';
import type { PciDevice } from '../../src/ledger/types.ts';
import type { Effect, Observation } from '../../src/protocol/messages.ts';
import type { TrackerSettings } from '../../src/protocol/settings.ts';
import { Tracker } from '../../src/protocol/tracker.ts';

const ONE = { numerator: 1n, denominator: 1n };
const NODE_NAME = 'bench-node';
const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
const TOKEN = 'token';

/** Of a host that is large enough for whatever is claimed here. */
export const SETTINGS: TrackerSettings = {
  nodeName: NODE_NAME,
  identity: 'bench-agent',
  leaseNamespace: 'bench',
  version: '0',
  defaults: {
    reserved: { vcpus: 0n, memoryBytes: 512n << 20n, diskBytes: 0n },
    allocationRatios: { vcpus: { numerator: 16n, denominator: 1n }, memory: ONE, disk: ONE },
    limitPolicy: 'Capped',
  },
  pciDevices: [{ vendorID: '8086' }],
  pciAliases: new Map(),
  overheadMemoryBytes: ({ vcpus }) => (64n << 20n) * vcpus,
  maxBatch: 100,
};

export class TrackerWorld {
  readonly #tracker = new Tracker(SETTINGS);
  readonly #node: ComputeNode = computeNode();
  readonly #claims: readonly InstanceClaim[];
  readonly #report: HostReport;
  #resourceVersion = 1_000_000;

  constructor(claims: readonly InstanceClaim[], devices: readonly PciDevice[]) {
    this.#claims = claims;
    this.#report = reportOf(devices);
    this.#observe({ kind: 'driverConnected' });
    this.#observe({ kind: 'lead', token: TOKEN });
    this.audit();
  }

  /** A full audit: everything is recounted, and the status is compared with what was written. */
  audit(): void {
    this.#observe({ kind: 'hostReported', report: this.#report });
    this.#turn();
  }

  /** One claim from its creation to its grant accepted. Throws when it was refused. */
  claim(claim: InstanceClaim): void {
    this.#observe({ kind: 'claimSeen', claim });
    this.#turn();
    if (this.#tracker.books?.holds(claim.metadata.uid ?? '') !== true) throw new Error('the claim was not granted');
  }

  #turn(): void {
    const { effects, commit } = this.#tracker.decide(NOW_MS);
    for (const effect of effects) this.#perform(effect);
    if (commit === undefined) return;
    for (const effect of this.#tracker.committed({ kind: 'ok', object: this.#written(commit) })) this.#perform(effect);
  }

  #observe(observation: Observation): void {
    for (const effect of this.#tracker.observe(observation, NOW_MS)) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    if (effect.kind !== 'decided' && effect.kind !== 'noticed') this.#observe(this.#answered(effect));
  }

  #answered(effect: Effect): Observation {
    switch (effect.kind) {
      case 'readNode':
        return { kind: 'nodeRead', answer: { kind: 'ok', object: this.#node } };
      case 'writeNode':
        return { kind: 'nodeWritten', answer: { kind: 'ok', object: this.#written(effect.node) } };
      case 'listClaims':
        return { kind: 'claimsListed', claims: this.#claims };
      case 'writeClaim':
        return { kind: 'claimWritten', ref: effect.ref, answer: { kind: 'ok', object: this.#written(effect.claim) } };
      default:
        throw new Error(`nothing of the kind was expected: ${JSON.stringify(effect)}`);
    }
  }

  #written<T extends { readonly metadata: object }>(object: T): T {
    this.#resourceVersion += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: `${this.#resourceVersion}` } };
  }
}

function computeNode(): ComputeNode {
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'ComputeNode',
    metadata: { name: NODE_NAME, uid: 'node', resourceVersion: '1', generation: 1 },
    spec: {},
    // A former owner that has nothing under way: taking over asks for no barrier.
    status: { agent: { leaseNamespace: SETTINGS.leaseNamespace, deciding: [] } },
  };
}

function reportOf(devices: readonly PciDevice[]): HostReport {
  return {
    hostname: 'bench-host',
    hypervisor: { type: 'QEMU', version: '10.0.0' },
    cpuInfo: { arch: 'x86_64', features: [] },
    numaCells: [],
    totals: { vcpus: 1024n, memoryBytes: 1n << 44n, diskBytes: 1n << 50n },
    used: {},
    instances: [],
    devices,
    problems: [],
  };
}

/** Physical functions with up to 63 virtual ones each. */
export function pciDevices(count: number): PciDevice[] {
  return Array.from({ length: count }, (_, index) => {
    const [bus, unit] = [Math.floor(index / 64) + 16, index % 64];
    const root = `0000:${bus.toString(16)}:00.0`;
    const common = { vendorID: '8086', numaNode: bus % 2 };
    if (unit === 0) return { ...common, address: root, productID: '1572', deviceType: 'PF' };
    const address = `0000:${bus.toString(16)}:${(unit >> 3).toString(16).padStart(2, '0')}.${unit & 7}`;
    return { ...common, address, productID: '154c', deviceType: 'VF', parentAddress: root };
  });
}

/** A claim of that number, Pending. */
export function pendingClaim(index: number): InstanceClaim {
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'InstanceClaim',
    metadata: {
      name: `claim-${index}`,
      namespace: `project-${index % 10}`,
      uid: `uid-${index}`,
      resourceVersion: `${index + 1}`,
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: { nodeName: NODE_NAME, flavor: { vcpus: 2, memory: '4Gi', rootDisk: '20Gi' } },
  };
}

/** The same one, granted; with a device where one is named. */
export function grantedClaim(index: number, device?: string): InstanceClaim {
  const pending = pendingClaim(index);
  return {
    ...pending,
    status: {
      phase: 'Claimed',
      nodeName: NODE_NAME,
      launchedOn: NODE_NAME,
      vmState: index % 7 === 0 ? 'Stopped' : 'Active',
      ...(pending.spec.flavor !== undefined && { flavor: pending.spec.flavor }),
      overhead: { memory: '128Mi' },
      pciDevices: device === undefined ? [] : [{ request: 'nic', address: device }],
      conditions: [],
    },
  };
}

/** The same one while it is resized in place, so that both flavors are held. */
export function migratingClaim(index: number, device?: string): InstanceClaim {
  const granted = grantedClaim(index, device);
  const { flavor: oldFlavor } = granted.spec;
  const migration = {
    uid: `migration-${index}`,
    sourceNodeName: NODE_NAME,
    targetNodeName: NODE_NAME,
    ...(oldFlavor !== undefined && { oldFlavor }),
    newFlavor: { vcpus: 4, memory: '8Gi', rootDisk: '20Gi' },
  };
  return { ...granted, status: { ...granted.status, migration } };
}
