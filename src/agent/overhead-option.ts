/** Reads how the overhead of instances is made up. Faults say which part and what to write. */
import { OVERHEAD_FORMULAS, type Overhead, type OverheadFormula } from '../drivers/overhead.ts';
import { bytes, ratio } from './amount-options.ts';

const FORMULAS = Object.keys(OVERHEAD_FORMULAS) as OverheadFormula[];

const PARTS = new Map<string, (value: unknown) => Overhead>([
  ['formula', (value) => ({ formula: formula(value) })],
  ['times', (value) => ({ times: ratio(value) })],
  ['fixed', (value) => ({ fixedBytes: bytes(value) })],
  ['perVcpu', (value) => ({ perVcpuBytes: bytes(value) })],
  ['ratio', (value) => ({ memoryRatio: ratio(value) })],
]);
const EXAMPLE = 'for example {fixed: 64Mi, ratio: "0.02"}';

/** `{fixed, perVcpu, ratio, formula, times}`, or the name of a formula alone. */
export function readOverhead(data: unknown): Overhead {
  if (typeof data === 'string') return { formula: formula(data) };
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw new Error(`must be a map, ${EXAMPLE}`);
  const overhead: Overhead = Object.assign({}, ...Object.entries(data).map(([key, value]) => part(key, value)));
  if (overhead.times !== undefined && overhead.formula === undefined)
    throw new Error(`times needs a formula to multiply; add formula: ${FORMULAS.join(' or ')}, or leave it out`);
  return overhead;
}

function part(key: string, value: unknown): Overhead {
  const read = PARTS.get(key);
  if (read === undefined) throw new Error(`${key} is not known; known are ${[...PARTS.keys()].join(', ')}`);
  try {
    return read(value);
  } catch (cause) {
    throw new Error(`${key} ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function formula(value: unknown): OverheadFormula {
  const found = FORMULAS.find((name) => name === value);
  if (found === undefined)
    throw new Error(`must be the name of a formula (${FORMULAS.join(', ')}) or a map, ${EXAMPLE}`);
  return found;
}
