/**
 * Memory that the hypervisor itself needs for an instance, beside the guest's. Exact: everything is added up as a fraction and
 * rounded up to a whole byte once, at the end, as what is held must not be less than what is needed.
 */
import type { Ratio } from '../quantity/quantity.ts';
import type { InstanceSize } from './driver.ts';

const MIB = 1n << 20n;

/** What KubeVirt runs beside the guest in the Pod of each: virt-launcher's monitor, virt-launcher, virtlogd, virtqemud and QEMU itself. */
const KUBEVIRT_PROCESSES = (25n + 100n + 25n + 40n + 30n) * MIB;
const KUBEVIRT_IO_THREAD = 8n * MIB;
/** There unless the instance does without a screen. */
const KUBEVIRT_VIDEO = 32n * MIB;
const KUBEVIRT_PER_VCPU = 8n * MIB;

/**
 * Formulas with a name.
 *
 * - `xen`, Nova's for XenServer: 0.00781 of the memory, 1.5 MiB for each vCPU and 3 MiB, rounded up to whole MiB.
 * - `kubevirt`, KubeVirt's GetMemoryOverhead (pkg/hypervisor/kvm) of an ordinary instance: page tables (a 512th of the memory, which KubeVirt
 *   rounds up to 1000 bytes before and down to a byte after), its processes, 8 MiB for each vCPU (one at least), I/O thread and video. What it
 *   adds for some instances (devices, TPM, SEV, probes, dedicated CPUs) or for arm64 is not in it: `fixed` can add it.
 */
export const OVERHEAD_FORMULAS = {
  xen: ({ vcpus, memoryBytes }: InstanceSize): bigint => {
    const parts = memoryBytes * 1_562n + (vcpus * 300_000n + 600_000n) * MIB;
    return divideUp(parts, 200_000n * MIB) * MIB;
  },
  kubevirt: ({ vcpus, memoryBytes }: InstanceSize): bigint => {
    const pageTables = (divideUp(memoryBytes, 1_000n) * 1_000n) / 512n;
    const forVcpus = (vcpus > 1n ? vcpus : 1n) * KUBEVIRT_PER_VCPU;
    return pageTables + KUBEVIRT_PROCESSES + forVcpus + KUBEVIRT_IO_THREAD + KUBEVIRT_VIDEO;
  },
} as const satisfies Readonly<Record<string, (size: InstanceSize) => bigint>>;

export type OverheadFormula = keyof typeof OVERHEAD_FORMULAS;

/** How the overhead of an instance follows from its size: the sum of these parts, each nothing where it is absent. */
export interface Overhead {
  readonly formula?: OverheadFormula;
  /** What the formula's result is multiplied by. (KubeVirt: additionalGuestMemoryOverheadRatio) Absent: 1. */
  readonly times?: Ratio;
  readonly fixedBytes?: bigint;
  readonly perVcpuBytes?: bigint;
  /** Of the instance's memory. */
  readonly memoryRatio?: Ratio;
}

const NONE: Ratio = { numerator: 0n, denominator: 1n };
const ONCE: Ratio = { numerator: 1n, denominator: 1n };

/** The overhead of an instance of this size: the same for as long as the configuration is. */
export function overheadBytes(overhead: Overhead, size: InstanceSize): bigint {
  const { formula, times = ONCE, fixedBytes = 0n, perVcpuBytes = 0n, memoryRatio: ratio = NONE } = overhead;
  const byFormula = formula === undefined ? 0n : OVERHEAD_FORMULAS[formula](size);
  const fractions =
    byFormula * times.numerator * ratio.denominator + size.memoryBytes * ratio.numerator * times.denominator;
  return fixedBytes + perVcpuBytes * size.vcpus + divideUp(fractions, times.denominator * ratio.denominator);
}

/** Of what is not negative. */
function divideUp(numerator: bigint, denominator: bigint): bigint {
  return (numerator + denominator - 1n) / denominator;
}
