import { type Chain, chainsOf, type DeviceCandidate, type Family, familiesOf } from './pci-families.ts';
import { matchInOrder } from './pci-matching.ts';

/**
 * How often a search may solve the matching before it gives up. Choosing between PFs and their VFs is NP-hard if every device may be asked for
 * by a different selector, so something must give; hosts whose PFs are of a few kinds need as many steps as PFs are asked for, at most.
 */
const MAX_MATCHINGS = 500;

type Served = DeviceCandidate[][];

/** Finds devices for all requests at once, under the rule that a PF and its VFs exclude each other. */
export class PciSearch {
  readonly #needs: readonly number[];
  #left = MAX_MATCHINGS;

  constructor(needs: readonly number[]) {
    this.#needs = needs;
  }

  /** An assignment whenever there is one (within the bound); candidates that come first are preferred. */
  find(candidates: readonly DeviceCandidate[]): Served | undefined {
    const families = familiesOf(candidates);
    const honoured = withoutRivals(candidates, families);
    if (honoured.length < candidates.length) {
      const served = this.#findAmong(honoured);
      if (served !== undefined) return served;
    }
    return this.#findAmong(candidates);
  }

  #findAmong(candidates: readonly DeviceCandidate[]): Served | undefined {
    const families = familiesOf(candidates);
    return this.#branch(candidates, families, chainsOf(families));
  }

  /**
   * Solves without the exclusion. If the solution takes a PF together with its VFs, then either no more PFs of that chain serve, or the first
   * undecided one does.
   */
  #branch(
    candidates: readonly DeviceCandidate[],
    families: readonly Family[],
    chains: readonly Chain[],
  ): Served | undefined {
    if (this.#left-- <= 0) return undefined;
    const served = matchInOrder(candidates, this.#needs);
    if (served === undefined) return undefined;
    const taken = new Set(served.flat());
    const conflict = families.find((family) => isTakenTwice(family, taken));
    const chain = conflict && chains.find((other) => other.includes(conflict));
    if (chain === undefined) return served;
    return this.#decide(candidates, families, chains, chain);
  }

  #decide(
    candidates: readonly DeviceCandidate[],
    families: readonly Family[],
    chains: readonly Chain[],
    chain: Chain,
  ): Served | undefined {
    const others = chains.filter((other) => other !== chain);
    const physical = new Set(chain.map((family) => family.physical));
    const [first, ...rest] = chain;
    const virtual = new Set(first?.virtual);
    return (
      this.#branch(without(candidates, physical), families, others) ??
      this.#branch(without(candidates, virtual), families, rest.length === 0 ? others : [rest, ...others])
    );
  }
}

/** Leaves out what would cost the instance a device that it has already. */
function withoutRivals(candidates: readonly DeviceCandidate[], families: readonly Family[]): DeviceCandidate[] {
  const rivals = new Set<DeviceCandidate>();
  for (const { physical, virtual } of families) {
    if (physical.isPresent) for (const candidate of virtual) rivals.add(candidate);
    else if (virtual.some((candidate) => candidate.isPresent)) rivals.add(physical);
  }
  return without(candidates, rivals);
}

function without(candidates: readonly DeviceCandidate[], excluded: ReadonlySet<DeviceCandidate>): DeviceCandidate[] {
  return candidates.filter((candidate) => !excluded.has(candidate));
}

function isTakenTwice({ physical, virtual }: Family, taken: ReadonlySet<DeviceCandidate>): boolean {
  return taken.has(physical) && virtual.some((candidate) => taken.has(candidate));
}
