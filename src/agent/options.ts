/** Every option of the agent, once. */
import type { Overhead } from '../drivers/overhead.ts';
import type { Ratio } from '../ledger/amounts.ts';
import type { WhitelistEntry } from '../ledger/pci-whitelist.ts';
import type { LimitPolicy, PciSelector } from '../ledger/types.ts';
import { commonOptions, oneOf, option, optional, structured, text, whole } from '../process/option.ts';
import { bytes, ratio } from './amount-options.ts';
import { readNodeName } from './node-name-option.ts';
import { readOverhead } from './overhead-option.ts';
import { readAliases, readWhitelist } from './pci-options.ts';
import { readTexts } from './plugin-options.ts';

const COMMON = commonOptions(9742);

export const AGENT_OPTIONS = {
  nodeName: option<string>({
    flag: 'node-name',
    placeholder: 'NAME',
    description: 'the Kubernetes Node whose host this is',
    read: readNodeName,
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
  storagePool: optional<string>({
    flag: 'storage-pool',
    placeholder: 'NAME',
    description: 'local disk is that of this libvirt storage pool (instead of --instances-path)',
    read: text,
  }),
  fakeHost: optional<string>({
    flag: 'fake-host',
    placeholder: 'FILE',
    description: 'YAML file with the host that the fake driver shows',
    read: text,
  }),
  kubeconfig: COMMON.kubeconfig,
  leaseNamespace: COMMON.leaseNamespace,
  leaseDurationSeconds: COMMON.leaseDurationSeconds,
  hostIP: optional<string>({
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
  overhead: option<Overhead>({
    flag: 'overhead',
    placeholder: 'YAML',
    description:
      'memory that the hypervisor needs for each instance on top of its flavor: {fixed: 64Mi, perVcpu: 8Mi, ratio: "0.02"}, or a formula, xen or kubevirt',
    read: structured(readOverhead),
    fallback: '{}',
  }),
  monitors: option<readonly string[]>({
    flag: 'monitors',
    placeholder: 'YAML',
    description: 'which monitors measure the host, in order: cpu, and those of plug-ins; [] for none',
    read: structured(readTexts('[cpu, gpu-temperature]')),
    fallback: 'cpu',
  }),
  plugins: option<readonly string[]>({
    flag: 'plugins',
    placeholder: 'YAML',
    description: 'files with monitors and statistics of your own (docs/plugins.md): [/etc/resource-tracker/gpu.ts]',
    read: structured(readTexts('[/etc/resource-tracker/gpu.ts]')),
    fallback: '[]',
  }),
  metricsMinIntervalSeconds: option<number>({
    flag: 'metrics-min-interval-seconds',
    placeholder: 'SECONDS',
    description: "the least time between two changes of the monitors' figures in the node's status",
    read: whole(0, 86_400),
    fallback: '300',
  }),
  metricsThreshold: option<Ratio>({
    flag: 'metrics-threshold',
    placeholder: 'RATIO',
    description:
      'how far one of them has to move for that: a share of a whole by so much, any other figure by so much of itself',
    read: ratio,
    fallback: '0.1',
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
  listenAddress: COMMON.listenAddress,
  logLevel: COMMON.logLevel,
} as const;
