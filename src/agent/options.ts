/**
 * Every option of the agent, once: its flag, its environment variable, its place in the configuration file, its default, and
 * how its text is read. Flags beat the environment, that beats the file, that beats the default.
 */
import { parse as parseYaml } from 'yaml';
import type { Ratio } from '../ledger/amounts.ts';
import type { WhitelistEntry } from '../ledger/pci-whitelist.ts';
import type { LimitPolicy, PciSelector } from '../ledger/types.ts';
import { parseBytes, parseRatio } from '../quantity/quantity.ts';
import { readAliases, readWhitelist } from './pci-options.ts';

/** One option. `read` throws an Error whose message says what to write. */
export interface Option<T> {
  readonly flag: string;
  /** What stands for the value in `--help`. */
  readonly placeholder: string;
  readonly description: string;
  readonly read: (value: unknown) => T;
  /** As it would be written; absent: the option may be left out, or has to be given. */
  readonly fallback?: string;
  readonly required?: boolean;
}

const text = (value: unknown): string => {
  if (typeof value !== 'string' || value.trim() === '') throw new Error('must be a text that is not empty');
  return value.trim();
};

const name = (value: unknown): string => {
  const given = text(value);
  if (/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(given)) return given;
  throw new Error("must be lower-case letters, digits, '-' and '.', for example worker-1");
};

const oneOf = <T extends string>(...choices: readonly T[]) => {
  return (value: unknown): T => {
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) throw new Error(`must be one of ${choices.join(', ')}`);
    return choice;
  };
};

const whole = (least: number, most: number) => {
  return (value: unknown): number => {
    const number = typeof value === 'number' ? value : /^\d+$/.test(String(value)) ? Number(value) : Number.NaN;
    if (Number.isSafeInteger(number) && number >= least && number <= most) return number;
    throw new Error(`must be a whole number from ${least} to ${most}`);
  };
};

const bytes = (value: unknown): bigint => {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new Error('must be an amount of bytes, for example 512Mi');
  const amount = parseBytes(value);
  if (amount < 0n) throw new Error('must not be negative; write for example 512Mi');
  return amount;
};

const ratio = (value: unknown): Ratio => {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new Error('must be a decimal number, for example 1.5');
  // YAML reads 1.5 as a number; its text is the decimal that was meant.
  const read = parseRatio(String(value));
  if (read.numerator <= 0n) throw new Error('must be more than zero, for example 1.5');
  return read;
};

/** Structured values: YAML (so JSON, too) on the command line and in the environment, plain data in the file. */
const structured = <T>(read: (data: unknown) => T) => {
  return (value: unknown): T => read(typeof value === 'string' ? parseYaml(value) : value);
};

const address = (value: unknown): { host: string; port: number } | undefined => {
  const given = text(value);
  if (given === 'off') return undefined;
  const match = /^(.*):(\d{1,5})$/.exec(given);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) throw new Error('must be HOST:PORT, for example 127.0.0.1:9742, or off');
  return { host: (match[1] ?? '').replace(/^\[(.*)\]$/, '$1') || '::', port };
};

const option = <T>(of: Option<T>): Option<T> => of;

export const AGENT_OPTIONS = {
  nodeName: option<string>({
    flag: 'node-name',
    placeholder: 'NAME',
    description: 'the Kubernetes Node whose host this is',
    read: name,
    required: true,
  }),
  driver: option<'libvirt' | 'fake'>({
    flag: 'driver',
    placeholder: 'libvirt|fake',
    description: 'how the hypervisor is read',
    read: oneOf('libvirt', 'fake'),
    fallback: 'libvirt',
  }),
  libvirtUri: option<string>({
    flag: 'libvirt-uri',
    placeholder: 'URI',
    description: "libvirt's connection URI",
    read: text,
    fallback: 'qemu:///system',
  }),
  instancesPath: option<string>({
    flag: 'instances-path',
    placeholder: 'DIRECTORY',
    description: 'local disk is that of the file system with this directory',
    read: text,
    fallback: '/var/lib/libvirt/images',
  }),
  storagePool: option<string>({
    flag: 'storage-pool',
    placeholder: 'NAME',
    description: 'local disk is that of this libvirt storage pool (instead of --instances-path)',
    read: text,
  }),
  fakeHost: option<string>({
    flag: 'fake-host',
    placeholder: 'FILE',
    description: 'YAML file with the host that the fake driver shows',
    read: text,
  }),
  kubeconfig: option<string>({
    flag: 'kubeconfig',
    placeholder: 'FILE',
    description: 'how to reach the API server; default: $KUBECONFIG, ~/.kube/config, or the Pod’s service account',
    read: text,
  }),
  leaseNamespace: option<string>({
    flag: 'lease-namespace',
    placeholder: 'NAMESPACE',
    description: 'where the Leases of this installation are; two installations cannot own one node',
    read: name,
    fallback: 'resource-tracker',
  }),
  hostIP: option<string>({
    flag: 'host-ip',
    placeholder: 'ADDRESS',
    description: "the host's address for claims; default: the Node's InternalIP",
    read: text,
  }),
  auditSeconds: option<number>({
    flag: 'audit-seconds',
    placeholder: 'SECONDS',
    description: 'how often the whole host is read and everything recounted',
    read: whole(1, 86_400),
    fallback: '60',
  }),
  reservedVcpus: option<number>({
    flag: 'reserved-vcpus',
    placeholder: 'COUNT',
    description: 'vCPUs kept for the host',
    read: whole(0, 1_000_000),
    fallback: '0',
  }),
  reservedMemory: option<bigint>({
    flag: 'reserved-memory',
    placeholder: 'QUANTITY',
    description: 'memory kept for the host',
    read: bytes,
    fallback: '512Mi',
  }),
  reservedDisk: option<bigint>({
    flag: 'reserved-disk',
    placeholder: 'QUANTITY',
    description: 'disk kept for the host',
    read: bytes,
    fallback: '0',
  }),
  vcpuAllocationRatio: option<Ratio>({
    flag: 'vcpu-allocation-ratio',
    placeholder: 'RATIO',
    description: 'oversubscription of vCPUs',
    read: ratio,
    fallback: '16',
  }),
  memoryAllocationRatio: option<Ratio>({
    flag: 'memory-allocation-ratio',
    placeholder: 'RATIO',
    description: 'oversubscription of memory',
    read: ratio,
    fallback: '1.5',
  }),
  diskAllocationRatio: option<Ratio>({
    flag: 'disk-allocation-ratio',
    placeholder: 'RATIO',
    description: 'oversubscription of disk',
    read: ratio,
    fallback: '1',
  }),
  limitPolicy: option<LimitPolicy>({
    flag: 'limit-policy',
    placeholder: 'Capped|ClaimOnly',
    description: "Capped: the node's limit is always tested; ClaimOnly: the claim's own limits alone decide",
    read: oneOf('Capped', 'ClaimOnly'),
    fallback: 'Capped',
  }),
  overheadMemory: option<bigint>({
    flag: 'overhead-memory',
    placeholder: 'QUANTITY',
    description: 'memory that the hypervisor needs for each instance on top of its flavor',
    read: bytes,
    fallback: '0',
  }),
  overheadMemoryPerVcpu: option<bigint>({
    flag: 'overhead-memory-per-vcpu',
    placeholder: 'QUANTITY',
    description: 'the same, for each of its vCPUs',
    read: bytes,
    fallback: '0',
  }),
  pciDevices: option<readonly WhitelistEntry[]>({
    flag: 'pci-devices',
    placeholder: 'YAML',
    description: 'which PCI devices may be handed out: [{vendorID, productID, address, physicalNetwork, tags}]',
    read: structured(readWhitelist),
    fallback: '[]',
  }),
  pciAliases: option<ReadonlyMap<string, readonly PciSelector[]>>({
    flag: 'pci-aliases',
    placeholder: 'YAML',
    description: 'names for PCI requests: {name: [{vendorID, productID, deviceType, ...}]}',
    read: structured(readAliases),
    fallback: '{}',
  }),
  listenAddress: option<{ host: string; port: number } | undefined>({
    flag: 'listen-address',
    placeholder: 'HOST:PORT',
    description: 'where /healthz, /readyz and /metrics are served; off for not at all',
    read: address,
    fallback: '127.0.0.1:9742',
  }),
  logLevel: option<'debug' | 'info' | 'warn' | 'error'>({
    flag: 'log-level',
    placeholder: 'LEVEL',
    description: 'debug, info, warn or error',
    read: oneOf('debug', 'info', 'warn', 'error'),
    fallback: 'info',
  }),
} as const;

export type AgentOptionName = keyof typeof AGENT_OPTIONS;

/** The environment variable of an option. */
export function environmentName(flag: string): string {
  return `RESOURCE_TRACKER_${flag.toUpperCase().replaceAll('-', '_')}`;
}
