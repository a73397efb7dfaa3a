import { Ledger } from '../../src/ledger/ledger.ts';
import { heldFlavors } from '../../src/ledger/migration.ts';
import { orphanHolding } from '../../src/ledger/orphan.ts';
import type { Holding, Host, PciDevice, PciRequest } from '../../src/ledger/types.ts';
import { type JsonObject, NotRunnable } from './json.ts';
import { isOpen, isResizing, type NovaMigration, newestByInstance } from './nova-migrations.ts';
import { refusalText } from './nova-text.ts';
import type { EventName } from './outcome.ts';
import { amountIn, amountsOf, fromUnits, GB, limitsOf, MB, type Size, VCPU } from './units.ts';

const ONE = { numerator: 1n, denominator: 1n };
const ELSEWHERE = 'elsewhere';
const HERE = 'here';

export interface NodeConfig {
  memoryMb: number;
  diskGb: number;
  vcpus: number;
  reservedMemoryMb: number;
  reservedDiskMb: number;
  overheadMb: number;
  devices: readonly PciDevice[];
}

/** A row of Nova's instances. */
export interface NovaInstance {
  readonly uuid: string;
  size: Size;
  flavorId: number;
  isHere: boolean;
  vmState: string;
  taskState: string | null;
  pciRequests: readonly PciRequest[];
}

/** Nova's tracker, its names and units, on top of our ledger; what it knows of Nova's own is its database and its two filters. */
export class NovaTracker {
  readonly node: NodeConfig;
  readonly instances = new Map<string, NovaInstance>();
  readonly flavors = new Map<number, Size>();
  readonly events = new Set<EventName>();
  migrations: NovaMigration[] = [];
  orphans: { readonly uuid: string; readonly memoryMb: number }[] = [];
  ledger: Ledger;
  readonly #heldFlavor = new Map<string, number>();
  #wasAborted = false;

  constructor(node: NodeConfig) {
    this.node = node;
    this.ledger = new Ledger(this.host());
    if (node.reservedDiskMb % 1024 !== 0) this.events.add('ReservedDiskNotWholeGB');
  }

  /** ClaimOnly is Nova's rule. */
  host(): Host {
    const { memoryMb, diskGb, vcpus, devices, reservedMemoryMb, reservedDiskMb } = this.node;
    return {
      totals: amountsOf({ memoryMb, diskGb, vcpus }),
      policy: {
        reserved: { vcpus: 0n, memoryBytes: amountIn(reservedMemoryMb, MB), diskBytes: amountIn(reservedDiskMb, MB) },
        allocationRatios: { vcpus: ONE, memory: ONE, disk: ONE },
        limitPolicy: 'ClaimOnly',
      },
      devices,
    };
  }

  /** Recounts from nothing. Devices stay with whom they were given to, as claims remember them. */
  audit(): void {
    const former = this.ledger;
    this.ledger = new Ledger(this.host());
    this.#heldFlavor.clear();
    for (const instance of this.instances.values()) if (counts(instance)) this.#holdInstance(instance, former);
    for (const migration of newestByInstance(this.migrations.filter(isOpen))) this.#holdMigration(migration, former);
    for (const orphan of this.orphans) if (!this.isKnown(orphan.uuid)) this.#holdOrphan(orphan);
    if (this.#wasAborted) this.events.add('AuditAfterAbort');
    if ([...former.holdings()].length > 0 && this.view().running_vms === 0) this.events.add('LastInstanceGone');
  }

  isKnown(uuid: string): boolean {
    return this.ledger.get(uuid) !== undefined || this.ledger.get(migrationKey(uuid)) !== undefined;
  }

  /** Nova's error text, or null. */
  claim(instance: NovaInstance, limits: JsonObject = {}): string | null {
    const decision = this.#test(instance.size, limits, instance.pciRequests);
    if (decision.kind === 'rejected') return refusalText(decision.refusals);
    instance.isHere = true;
    this.instances.set(instance.uuid, instance);
    this.ledger.hold(this.#instanceHolding(instance, addressesOf(decision)));
    return null;
  }

  resizeClaim(
    instance: NovaInstance,
    newFlavor: number,
    limits: JsonObject,
    pciRequests: readonly PciRequest[] = [],
  ): string | null {
    const size = this.flavorOf(newFlavor);
    const decision = this.#test(size, limits, pciRequests);
    if (decision.kind === 'rejected') return refusalText(decision.refusals);
    const { uuid, isHere, flavorId } = instance;
    this.instances.set(uuid, instance);
    this.migrations.push({
      instance: uuid,
      fromHere: isHere,
      toHere: true,
      oldFlavor: flavorId,
      newFlavor,
      status: 'pre-migrating',
      updatedAt: null,
    });
    this.#hold(migrationKey(uuid), size, addressesOf(decision), newFlavor);
    return null;
  }

  /** The claim is deleted: abort is the end of the instance here. */
  abort(uuid: string): void {
    if (!this.ledger.release(uuid)) this.events.add('AbortOfUntracked');
    this.instances.delete(uuid);
    this.#wasAborted = true;
  }

  /** Only for what is tracked. */
  updateUsage(instance: NovaInstance): void {
    const held = this.ledger.get(instance.uuid);
    if (held === undefined) return;
    const next = this.#instanceHolding(instance, held.devices);
    if (next.amounts.memoryBytes !== held.amounts.memoryBytes || next.amounts.vcpus !== held.amounts.vcpus)
      this.events.add('GrowthInPlace');
    if (counts(instance)) this.ledger.hold(next);
    else this.ledger.release(instance.uuid);
  }

  /** Ends a migration: what was held for it is given back, whichever flavor the caller thinks that it was. */
  dropResizeClaim(uuid: string, namedFlavor: number | undefined): void {
    const key = migrationKey(uuid);
    if (this.#heldFlavor.has(key) && this.#heldFlavor.get(key) !== namedFlavor) this.events.add('DropWithOtherFlavor');
    if ((this.ledger.get(key)?.devices.length ?? 0) > 0) this.events.add('MigrationDevicesDropped');
    this.ledger.release(key);
    this.migrations = this.migrations.filter((migration) => migration.instance !== uuid);
  }

  flavorOf(id: number): Size {
    const size = this.flavors.get(id);
    if (size === undefined) throw new NotRunnable(`no flavor ${id}`);
    return size;
  }

  heldFlavorOf(uuid: string): number | undefined {
    return this.#heldFlavor.get(migrationKey(uuid));
  }

  /** The published record, in Nova's units. */
  view() {
    const { used, free, stats, pciPools } = this.ledger.view();
    const heldKeys = [...this.ledger.holdings()].map((holding) => holding.key);
    return {
      mem: fromUnits(used.memoryBytes, MB),
      disk: fromUnits(used.diskBytes, GB),
      vcpus: fromUnits(used.vcpus, VCPU),
      free_ram_mb: fromUnits(free.memoryBytes, MB),
      free_disk_gb: fromUnits(free.diskBytes, GB),
      running_vms: stats.runningInstances,
      current_workload: stats.currentWorkload,
      migrations: heldKeys.filter((key) => key.endsWith('/migration')).length,
      orphans: heldKeys.filter((key) => key.endsWith('/orphan')).length,
      freeDevices: pciPools.reduce((sum, pool) => sum + pool.free, 0),
    };
  }

  #test(size: Size, limits: JsonObject, pciRequests: readonly PciRequest[]) {
    const overheadMemoryBytes = amountIn(this.node.overheadMb, MB);
    return this.ledger.test({ amounts: amountsOf(size), overheadMemoryBytes, limits: limitsOf(limits), pciRequests });
  }

  #instanceHolding(instance: NovaInstance, devices: readonly string[]): Holding {
    const { uuid: key, size, vmState, taskState } = instance;
    const facts = { vmState, taskState, osType: null, project: null };
    return { key, amounts: amountsOf(size), overheadMemoryBytes: amountIn(this.node.overheadMb, MB), devices, facts };
  }

  #holdInstance(instance: NovaInstance, former: Ledger): void {
    this.ledger.hold(this.#instanceHolding(instance, former.get(instance.uuid)?.devices ?? []));
  }

  /** Instances count by themselves; here only what is held besides. A flavor that nobody knows is skipped. (Nova) */
  #holdMigration(migration: NovaMigration, former: Ledger): void {
    const instance = this.instances.get(migration.instance);
    if (instance === undefined || !isResizing(instance.vmState, instance.taskState)) return;
    const flavor = flavorHeld(migration, instance);
    const size = flavor === undefined ? undefined : this.flavors.get(flavor);
    const key = migrationKey(instance.uuid);
    if (flavor !== undefined && size !== undefined) this.#hold(key, size, former.get(key)?.devices ?? [], flavor);
  }

  #hold(key: string, size: Size, devices: readonly string[], flavor: number): void {
    this.ledger.hold({
      key,
      amounts: amountsOf(size),
      overheadMemoryBytes: amountIn(this.node.overheadMb, MB),
      devices,
    });
    this.#heldFlavor.set(key, flavor);
  }

  #holdOrphan({ uuid, memoryMb }: { readonly uuid: string; readonly memoryMb: number }): void {
    const overheadMemoryBytes = amountIn(this.node.overheadMb, MB);
    const orphan = { vcpus: VCPU, memoryBytes: amountIn(memoryMb, MB), overheadMemoryBytes, devices: [] };
    this.ledger.hold(orphanHolding(`${uuid}/orphan`, orphan, 'ClaimOnly'));
  }
}

/** Everything but what is deleted counts, also what is powered off or in error. */
function counts({ isHere, vmState }: NovaInstance): boolean {
  return isHere && vmState !== 'deleted';
}

function flavorHeld(
  { fromHere, toHere, oldFlavor, newFlavor }: NovaMigration,
  instance: NovaInstance,
): number | undefined {
  const place = {
    isClaimed: true,
    nodeName: counts(instance) ? HERE : ELSEWHERE,
    migration: {
      sourceNodeName: fromHere ? HERE : ELSEWHERE,
      targetNodeName: toHere ? HERE : ELSEWHERE,
      hasNewFlavor: instance.flavorId === newFlavor,
    },
  };
  const flavors = heldFlavors(place, HERE).filter((flavor) => flavor !== 'InForce');
  return flavors.map((flavor) => (flavor === 'New' ? newFlavor : oldFlavor))[0];
}

function migrationKey(uuid: string): string {
  return `${uuid}/migration`;
}

function addressesOf(decision: { readonly devices: readonly { readonly address: string }[] }): string[] {
  return decision.devices.map((device) => device.address);
}
