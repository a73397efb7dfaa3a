/** Reads libvirt's C structures from copies of their bytes (64-bit, little-endian or whatever the machine is). */
import { endianness } from 'node:os';
import { ParameterType } from './constants.ts';
import type { Pointer } from './declarations.ts';

const LITTLE = endianness() === 'LE';

/** struct _virNodeInfo: char model[32]; unsigned long memory; unsigned int cpus, mhz, nodes, sockets, cores, threads. */
export const NODE_INFO_BYTES = 64;

/** What `virNodeGetInfo` fills in. `mhz` is zero where nobody knows; `cpus` are the active ones, `sockets` are per NUMA cell, `nodes` are NUMA cells. */
export interface NodeInfo {
  readonly model: string;
  readonly memoryKiB: bigint;
  readonly cpus: number;
  readonly mhz: number;
  readonly nodes: number;
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
}

/** Decodes a struct _virNodeInfo. */
export function decodeNodeInfo(bytes: Buffer): NodeInfo {
  return {
    model: zeroTerminated(bytes, 0, 32),
    memoryKiB: uint64(bytes, 32),
    cpus: uint32(bytes, 40),
    mhz: uint32(bytes, 44),
    nodes: uint32(bytes, 48),
    sockets: uint32(bytes, 52),
    cores: uint32(bytes, 56),
    threads: uint32(bytes, 60),
  };
}

/** struct _virNodeMemoryStats and struct _virNodeCPUStats: char field[80]; unsigned long long value. */
export const NODE_STAT_BYTES = 88;

/** Decodes an array of either: figures by name, KiB of memory or nanoseconds of CPUs. */
export function decodeNodeStats(bytes: Buffer, count: number): ReadonlyMap<string, bigint> {
  return new Map(
    Array.from({ length: count }, (_, index) => {
      const offset = index * NODE_STAT_BYTES;
      return [zeroTerminated(bytes, offset, offset + 80), uint64(bytes, offset + 80)] as const;
    }),
  );
}

/** struct _virStoragePoolInfo: int state; unsigned long long capacity, allocation, available. */
export const POOL_INFO_BYTES = 32;

/** Decodes a struct _virStoragePoolInfo. */
export function decodePoolInfo(bytes: Buffer): { readonly capacityBytes: bigint; readonly availableBytes: bigint } {
  return { capacityBytes: uint64(bytes, 8), availableBytes: uint64(bytes, 24) };
}

/** struct _virDomainInfo: unsigned char state; unsigned long maxMem, memory; unsigned short nrVirtCpu; unsigned long long cpuTime. */
export const DOMAIN_INFO_BYTES = 40;

/** Decodes a struct _virDomainInfo. `vcpus` are those online now while the domain runs. */
export function decodeDomainInfo(bytes: Buffer): { readonly maxMemoryKiB: bigint; readonly vcpus: number } {
  return { maxMemoryKiB: uint64(bytes, 8), vcpus: uint16(bytes, 24) };
}

/** struct _virDomainStatsRecord: virDomainPtr dom; virTypedParameterPtr params; int nparams. */
export const STATS_RECORD_BYTES = 24;

/** Decodes a struct _virDomainStatsRecord. */
export function decodeStatsRecord(bytes: Buffer): {
  readonly domain: Pointer;
  readonly parameters: Pointer;
  readonly count: number;
} {
  return { domain: uint64(bytes, 0), parameters: uint64(bytes, 8), count: int32(bytes, 16) };
}

/** struct _virTypedParameter: char field[80]; int type; union value (8 bytes, aligned). */
export const TYPED_PARAMETER_BYTES = 96;

/** Decodes an array of struct _virTypedParameter, the integers among them. */
export function decodeIntegers(bytes: Buffer, count: number): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (let index = 0; index < count; index += 1) {
    const offset = index * TYPED_PARAMETER_BYTES;
    const type = int32(bytes, offset + 80);
    if (type !== ParameterType.Int && type !== ParameterType.UInt) continue;
    const read = type === ParameterType.Int ? int32 : uint32;
    values.set(zeroTerminated(bytes, offset, offset + 80), read(bytes, offset + 88));
  }
  return values;
}

/** struct _virError begins with: int code; int domain; char *message. */
export const ERROR_HEAD_BYTES = 16;

/** Decodes the head of a struct _virError; `message` is the address of its text. */
export function decodeErrorHead(bytes: Buffer): { readonly code: number; readonly message: Pointer } {
  return { code: int32(bytes, 0), message: uint64(bytes, 8) };
}

/** Decodes an array of pointers. */
export function decodePointers(bytes: Buffer): readonly Pointer[] {
  return Array.from({ length: Math.floor(bytes.length / 8) }, (_, index) => uint64(bytes, index * 8));
}

function zeroTerminated(bytes: Buffer, start: number, end: number): string {
  const terminator = bytes.indexOf(0, start);
  return bytes.toString('latin1', start, terminator < 0 ? end : Math.min(terminator, end));
}

function uint64(bytes: Buffer, offset: number): bigint {
  return LITTLE ? bytes.readBigUInt64LE(offset) : bytes.readBigUInt64BE(offset);
}

function uint32(bytes: Buffer, offset: number): number {
  return LITTLE ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset);
}

function uint16(bytes: Buffer, offset: number): number {
  return LITTLE ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset);
}

function int32(bytes: Buffer, offset: number): number {
  return LITTLE ? bytes.readInt32LE(offset) : bytes.readInt32BE(offset);
}
