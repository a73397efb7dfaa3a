import { type Amounts, add, NOTHING, subtract } from './amounts.ts';
import { checkHolding, checkHost, checkRequest } from './checks.ts';
import { amountRefusals, requestedAmounts } from './claim-test.ts';
import { type CustomStats, CustomStatsCounter } from './custom-stats.ts';
import { type HostFigures, hostLimits, remaining } from './limits.ts';
import { assignDevices } from './pci-assign.ts';
import { PciInventory } from './pci-inventory.ts';
import { type PciPool, poolsOf } from './pci-pools.ts';
import { type DeviceState, deviceStates, type MissingDevice, missingDevices } from './pci-states.ts';
import { PciUsage } from './pci-usage.ts';
import type { Statistic } from './statistic.ts';
import { type Stats, StatsCounter } from './stats.ts';
import type {
  AssignedDevice,
  ClaimDecision,
  ClaimRequest,
  Holding,
  Host,
  HostTotals,
  PciDevice,
  Refusal,
} from './types.ts';

/** All figures of a node at one moment. Lists are sorted: two ledgers that hold the same show the same, however they came to it. */
export interface LedgerView {
  readonly total: HostTotals;
  /** reserved + the sum of all holdings. */
  readonly used: Amounts;
  /** total - used; negative on an oversubscribed host. */
  readonly free: HostFigures;
  readonly limit: HostFigures;
  /** limit - used. */
  readonly available: HostFigures;
  readonly pciPools: readonly PciPool[];
  readonly pciDevices: readonly DeviceState[];
  /** In use, and not on the host. */
  readonly missingDevices: readonly MissingDevice[];
  /** Addresses that the host reports more than once; the first report counts. */
  readonly duplicateAddresses: readonly string[];
  readonly stats: Stats;
  readonly customStats: CustomStats;
}

/**
 * Who holds what on one node. Sums and statistics are kept up to date, so that a test costs the same however many instances there are;
 * what was added under a key is remembered and is exactly what is given back. (Nova: ResourceTracker, without its I/O)
 *
 * Synchronous, and total for amounts that are not negative: others are a programmer's error and throw a RangeError before anything is changed.
 */
export class Ledger {
  #host: Host;
  #limit: HostFigures;
  #inventory: PciInventory;
  readonly #usage = new PciUsage();
  readonly #stats = new StatsCounter();
  readonly #customStats: CustomStatsCounter;
  readonly #held = new Map<string, Holding>();
  #sum: Amounts = NOTHING;

  constructor(host: Host, holdings: Iterable<Holding> = [], statistics: readonly Statistic[] = []) {
    checkHost(host);
    this.#customStats = new CustomStatsCounter(statistics);
    this.#host = host;
    this.#limit = hostLimits(host);
    this.#inventory = new PciInventory(host);
    for (const holding of holdings) this.hold(holding);
  }

  /** A new report of the host or another policy. What is held stays held, whether it fits or not. */
  setHost(host: Host): void {
    checkHost(host);
    this.#limit = hostLimits(host);
    this.#inventory = new PciInventory(host);
    this.#host = host;
  }

  /** Whether a request fits now, with the devices for it, or with every reason why not. Changes nothing. */
  test(request: ClaimRequest): ClaimDecision {
    checkRequest(request);
    const { replaces } = request;
    const replaced = replaces === undefined ? undefined : this.#held.get(replaces);
    const used = replaced === undefined ? this.#used() : subtract(this.#used(), requestedAmounts(replaced));
    return this.#decide(request, used, this.#freeDevices(replaced?.key ?? request.sharesDevicesOf));
  }

  /** The same test against the empty node: reserved is used, and all its devices are free. What fails here can never fit. */
  couldEverFit(request: ClaimRequest): ClaimDecision {
    checkRequest(request);
    return this.#decide(request, this.#host.policy.reserved, () => this.#inventory.devices);
  }

  /** Holds, or replaces what is held under the key. Never refuses: for what was granted, and for what is there anyway. */
  hold(holding: Holding): void {
    checkHolding(holding);
    const copy = copyOf(holding);
    const former = this.#held.get(copy.key);
    if (former !== undefined) this.#takeAway(former);
    this.#held.set(copy.key, copy);
    this.#sum = add(this.#sum, requestedAmounts(copy));
    this.#usage.add(copy);
    this.#stats.add(copy);
    this.#customStats.add(copy);
  }

  /** Gives back exactly what was added under the key; false if nothing was. */
  release(key: string): boolean {
    const holding = this.#held.get(key);
    if (holding === undefined) return false;
    this.#held.delete(key);
    this.#takeAway(holding);
    return true;
  }

  #takeAway(holding: Holding): void {
    this.#sum = subtract(this.#sum, requestedAmounts(holding));
    this.#usage.remove(holding);
    this.#stats.remove(holding);
    this.#customStats.remove(holding);
  }

  get(key: string): Holding | undefined {
    return this.#held.get(key);
  }

  /** In the order in which their keys were first held. */
  holdings(): Iterable<Holding> {
    return this.#held.values();
  }

  view(): LedgerView {
    const used = this.#used();
    return {
      total: this.#host.totals,
      used,
      free: remaining(this.#host.totals, used),
      limit: this.#limit,
      available: remaining(this.#limit, used),
      pciPools: poolsOf(this.#inventory, this.#usage),
      pciDevices: deviceStates(this.#inventory, this.#usage),
      missingDevices: missingDevices(this.#inventory, this.#usage),
      duplicateAddresses: this.#inventory.duplicates,
      stats: this.#stats.view(),
      customStats: this.#customStats.view(),
    };
  }

  #used(): Amounts {
    return add(this.#host.policy.reserved, this.#sum);
  }

  #freeDevices(except: string | undefined): () => readonly PciDevice[] {
    return () => this.#inventory.devices.filter((device) => this.#inventory.isFree(device, this.#usage, except));
  }

  #decide(request: ClaimRequest, used: Amounts, free: () => readonly PciDevice[]): ClaimDecision {
    const bounds = { policy: this.#host.policy.limitPolicy, limit: this.#limit, used };
    const refusals: Refusal[] = amountRefusals(request, bounds);
    const devices = this.#assign(request, free);
    if (!Array.isArray(devices)) return { kind: 'rejected', refusals: [...refusals, devices] };
    return refusals.length > 0 ? { kind: 'rejected', refusals } : { kind: 'granted', devices };
  }

  #assign({ pciRequests, presentDevices }: ClaimRequest, free: () => readonly PciDevice[]) {
    if (pciRequests.length === 0) return [] satisfies AssignedDevice[];
    return assignDevices(pciRequests, { inventory: this.#inventory, free: free(), present: new Set(presentDevices) });
  }
}

/** Callers may go on using their lists; what is given back must be what was added. */
function copyOf(holding: Holding): Holding {
  const { amounts, devices, devicesInUse, facts } = holding;
  return {
    ...holding,
    amounts: { ...amounts },
    devices: [...devices],
    ...(devicesInUse === undefined ? {} : { devicesInUse: [...devicesInUse] }),
    ...(facts === undefined ? {} : { facts: { ...facts } }),
  };
}
