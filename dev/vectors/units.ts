import type { Amounts } from '../../src/ledger/amounts.ts';
import type { ClaimLimits } from '../../src/ledger/types.ts';
import { type JsonObject, NotRunnable, numberAt } from './json.ts';

export const MB = 1n << 20n;
export const GB = 1n << 30n;
/** Nova's limit of VCPUs may be a fraction, ours not: one VCPU is a million here, so that such a limit stays exact. */
export const VCPU = 1_000_000n;

/** What an instance or a flavor asks for, in Nova's units; disk is root + ephemeral. */
export interface Size {
  readonly memoryMb: number;
  readonly diskGb: number;
  readonly vcpus: number;
}

export function amountsOf({ memoryMb, diskGb, vcpus }: Size): Amounts {
  return { memoryBytes: amountIn(memoryMb, MB), diskBytes: amountIn(diskGb, GB), vcpus: amountIn(vcpus, VCPU) };
}

/** Nova's limits by its keys; null means none, and unknown keys are ignored. */
export function limitsOf(limits: JsonObject): ClaimLimits {
  const [memory, disk, vcpu] = ['memory_mb', 'disk_gb', 'vcpu'].map((key) => numberAt(limits, key));
  return {
    ...(memory === undefined ? {} : { memoryBytes: inUnits(memory, MB) }),
    ...(disk === undefined ? {} : { diskBytes: inUnits(disk, GB) }),
    ...(vcpu === undefined ? {} : { vcpus: inUnits(vcpu, VCPU) }),
  };
}

/** What is held or asked for is never below zero; a limit may be. */
export function amountIn(value: number, unit: bigint): bigint {
  if (value < 0) throw new NotRunnable(`an amount below zero: ${value}`);
  return inUnits(value, unit);
}

/** A decimal number times a unit, without floats; what is less than one is cut off. */
export function inUnits(value: number, unit: bigint): bigint {
  const [whole = '0', fraction = ''] = value.toFixed(9).split('.');
  const scaled = BigInt(whole + fraction) * unit;
  return scaled / 10n ** BigInt(fraction.length);
}

export function fromUnits(amount: bigint, unit: bigint): number {
  return Number(amount) / Number(unit);
}

/** With two digits behind the point, halves to the even one, as Python's `%.2f` has it. */
export function twoDigits(amount: bigint, unit: bigint): string {
  const size = amount < 0n ? -amount : amount;
  const doubled = (size * 200n) / unit;
  const isHalf = doubled % 2n === 1n && (size * 200n) % unit === 0n;
  const hundredths = isHalf ? (doubled / 4n) * 2n + (doubled % 4n === 3n ? 2n : 0n) : (doubled + 1n) / 2n;
  const digits = `${hundredths}`.padStart(3, '0');
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
