/**
 * What each audit says: first what the hypervisor measures as free, then what is accounted. (Nova: _report_hypervisor_resource_view and
 * _report_final_resource_view) Two lines, told as `info` when something is different from when they were last told so, else as `debug`: a log
 * does not grow while nothing happens.
 */
import type { HostReport } from '../drivers/driver.ts';
import type { LedgerView } from '../ledger/ledger.ts';
import { formatBytes } from '../quantity/quantity.ts';
import type { Effect } from './messages.ts';
import { sameJson } from './same-json.ts';

interface Measured extends Pick<HostReport, 'totals' | 'used'> {
  readonly devices: number | undefined;
}

type LogLine = Effect & { readonly kind: 'log' };

/** Of its total: what is measured moves all the time. */
const STEPS = 32n;
/** Kinds of PCI devices that are listed; the rest is counted. */
const MAX_POOLS = 16;

export class AuditLog {
  #measured: Measured | undefined;
  #accounted: Record<string, unknown> | undefined;

  /** The lines of one audit: of its report, and of the books after its recount. */
  lines(report: HostReport, view: LedgerView, orphans: number): readonly LogLine[] {
    const accounted = accountedFields(view, orphans);
    const measured = measuredOf(report);
    const isMeasuredAnew = this.#measured === undefined || hasMoved(this.#measured, measured);
    const isAccountedAnew = !sameJson(this.#accounted, accounted);
    if (isMeasuredAnew) this.#measured = measured;
    this.#accounted = accounted;
    return [
      line(isMeasuredAnew, "audit: the hypervisor's view", measuredFields(measured)),
      line(isAccountedAnew, 'audit: the final view', accounted),
    ];
  }
}

/** Not the whole report: it would be kept for as long as nothing happens. */
function measuredOf({ totals, used, devices }: HostReport): Measured {
  return { totals, used, devices: devices?.length };
}

function line(isNew: boolean, message: string, fields: Record<string, unknown>): LogLine {
  return { kind: 'log', level: isNew ? 'info' : 'debug', message, fields };
}

/** Without what the hypervisor cannot tell. */
function measuredFields({ totals, used, devices }: Measured): Record<string, unknown> {
  return {
    ...(used.memoryBytes !== undefined && { freeMemory: formatBytes(totals.memoryBytes - used.memoryBytes) }),
    ...(used.diskBytes !== undefined && { freeDisk: formatBytes(totals.diskBytes - used.diskBytes) }),
    ...(totals.vcpus !== undefined && used.vcpus !== undefined && { freeVcpus: Number(totals.vcpus - used.vcpus) }),
    ...(devices !== undefined && { pciDevices: devices }),
  };
}

function hasMoved(last: Measured, now: Measured): boolean {
  const { memoryBytes, diskBytes, vcpus } = now.totals;
  return (
    last.totals.memoryBytes !== memoryBytes ||
    last.totals.diskBytes !== diskBytes ||
    last.totals.vcpus !== vcpus ||
    last.used.vcpus !== now.used.vcpus ||
    last.devices !== now.devices ||
    isFar(last.used.memoryBytes, now.used.memoryBytes, memoryBytes) ||
    isFar(last.used.diskBytes, now.used.diskBytes, diskBytes)
  );
}

function isFar(last: bigint | undefined, now: bigint | undefined, total: bigint): boolean {
  if (last === undefined || now === undefined) return last !== now;
  const distance = last > now ? last - now : now - last;
  return distance * STEPS > total;
}

function accountedFields(view: LedgerView, orphans: number): Record<string, unknown> {
  const { total, used, free, stats, pciPools } = view;
  const bytes = (of: 'memoryBytes' | 'diskBytes') => ({
    total: formatBytes(total[of]),
    used: formatBytes(used[of]),
    free: formatBytes(free[of]),
  });
  const pools = pciPools.slice(0, MAX_POOLS).map((pool) => {
    const { vendorID, productID, deviceType, numaNode, free: unused } = pool;
    const cell = numaNode === undefined ? '' : ` on cell ${numaNode}`;
    return `${deviceType} ${vendorID}:${productID}${cell}: ${unused} of ${pool.total} free`;
  });
  return {
    memory: bytes('memoryBytes'),
    disk: bytes('diskBytes'),
    vcpus: { total: countOf(total.vcpus), used: countOf(used.vcpus), free: countOf(free.vcpus) },
    instances: stats.instances,
    orphans,
    pciPools: pools,
    ...(pciPools.length > MAX_POOLS && { morePciPools: pciPools.length - MAX_POOLS }),
  };
}

/** `unknown` where the hypervisor cannot tell how many there are. (Nova: "VCPU information unavailable") */
function countOf(count: bigint | undefined): number | 'unknown' {
  return count === undefined ? 'unknown' : Number(count);
}
