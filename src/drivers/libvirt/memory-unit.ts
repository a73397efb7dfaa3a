/** Amounts of memory as libvirt's XML writes them (virScaleInteger). */

/** No host has more, and no quantity of Kubernetes holds more. */
const MAX_BYTES = 2n ** 63n - 1n;

/**
 * Bytes of an amount with libvirt's unit: without one KiB; `KB` counts in thousands, `k`, `K` and `KiB` in 1024; upper or lower case.
 * Undefined for what is no whole, positive amount, or beyond 2^63 - 1 bytes.
 */
export function memoryBytes(amount: string, unit = 'KiB'): bigint | undefined {
  const factor = unitBytes(unit.toLowerCase());
  if (factor === undefined || !/^[0-9]{1,19}$/.test(amount)) return undefined;
  const bytes = BigInt(amount) * factor;
  return bytes <= MAX_BYTES ? bytes : undefined;
}

function unitBytes(unit: string): bigint | undefined {
  if (unit === 'b' || unit === 'byte' || unit === 'bytes') return 1n;
  const groups = /^(?<scale>[kmgtpe])(?<kind>b|ib)?$/.exec(unit)?.groups;
  if (groups === undefined) return undefined;
  const { scale = '', kind } = groups;
  return (kind === 'b' ? 1000n : 1024n) ** BigInt('kmgtpe'.indexOf(scale) + 1);
}
