import type { DeviceCandidate } from './pci-families.ts';
import type { PciSearch } from './pci-search.ts';

/** How many sets of cells are tried; four cells have 14 that are neither empty nor all. */
const MAX_CELL_SETS = 32;

type Served = DeviceCandidate[][];

/**
 * The same or another assignment, from as few NUMA cells as it can be without spoiling more PFs. Devices that the instance has already stay
 * whatever their cell; a device of no known cell counts as of a cell of its own.
 */
export function preferFewerCells(served: Served, candidates: readonly DeviceCandidate[], search: PciSearch): Served {
  const spoiled = spoiledBy(served);
  const present = served.flat().filter((candidate) => candidate.isPresent).length;
  for (const cells of smallerSets(cellsOf(candidates), cellsOf(served.flat()).length)) {
    const other = search.find(
      candidates.filter((candidate) => candidate.isPresent || cells.includes(cellOf(candidate))),
    );
    if (other === undefined || spoiledBy(other) > spoiled) continue;
    if (other.flat().filter((candidate) => candidate.isPresent).length >= present) return other;
  }
  return served;
}

function spoiledBy(served: Served): number {
  return served.flat().reduce((sum, { rank }) => sum + Math.max(rank - 1, 0), 0);
}

function cellsOf(candidates: readonly DeviceCandidate[]): number[] {
  return [...new Set(candidates.filter((candidate) => !candidate.isPresent).map(cellOf))].toSorted((a, b) => a - b);
}

function cellOf({ device }: DeviceCandidate): number {
  return device.numaNode ?? -1;
}

/** Sets of fewer than `size` cells: smaller ones first, then by cell. */
function* smallerSets(cells: readonly number[], size: number): Generator<readonly number[]> {
  let left = MAX_CELL_SETS;
  for (let wanted = 1; wanted < size; wanted++) {
    for (const set of combinations(cells, wanted)) {
      if (left-- <= 0) return;
      yield set;
    }
  }
}

function* combinations(cells: readonly number[], size: number): Generator<number[]> {
  if (size === 0) yield [];
  for (let first = 0; first + size <= cells.length && size > 0; first++) {
    for (const rest of combinations(cells.slice(first + 1), size - 1))
      yield [...cells.slice(first, first + 1), ...rest];
  }
}
