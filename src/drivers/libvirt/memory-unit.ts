/** Amounts of memory as libvirt's XML writes them (virScaleInteger). */

/**
 * Bytes of an amount with libvirt's unit: without one KiB; `KB` counts in thousands, `k`, `K` and `KiB` in 1024; upper or lower case.
 * Undefined for what is no whole, positive amount.
 */
export function memoryBytes(amount: string, unit = 'KiB'): bigint | undefined {
  const factor = unitBytes(unit.toLowerCase());
  return factor === undefined || !/^[0-9]{1,19}$/.test(amount) ? undefined : BigInt(amount) * factor;
}

function unitBytes(unit: string): bigint | undefined {
  if (unit === 'b' || unit === 'byte' || unit === 'bytes') return 1n;
  const groups = /^(?<scale>[kmgtpe])(?<kind>b|ib)?$/.exec(unit)?.groups;
  if (groups === undefined) return undefined;
  const { scale = '', kind } = groups;
  return (kind === 'b' ? 1000n : 1024n) ** BigInt('kmgtpe'.indexOf(scale) + 1);
}
