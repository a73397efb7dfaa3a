/** What a scenario needs of the world that it is played in: a modelled API server, or a real one with real agents. */
import type {
  ComputeNode,
  ComputeNodeSpec,
  InstanceClaim,
  Migration,
  MigrationPhase,
  PciRequest,
} from '../../src/api/generated/v1alpha1.ts';
import type { Flavor, NodeName } from './scenario.ts';

/** What a `claim` or `migrate` step creates. */
export interface Wish {
  readonly name: string;
  readonly flavor?: Flavor;
  /** Absent: nothing is said of devices. Aliases are those of the agents' configuration, which knows `gpu`. */
  readonly pciRequests?: readonly PciRequest[];
  /** How much memory may be used on the node afterwards. */
  readonly memoryLimit?: string;
}

/** An instance on a host. */
export interface Appearance {
  readonly state: 'Active' | 'Stopped' | 'Arriving';
  /** Absent: as large as the claim's flavor in force. */
  readonly size?: Pick<Flavor, 'vcpus' | 'memory'>;
  /** PCI addresses. Absent: what the claim makes that node hold for it. */
  readonly devices?: readonly string[];
}

export interface Stage {
  createClaim(wish: Wish & { readonly flavor: Flavor }, nodeName: NodeName): Promise<void>;
  createMigration(wish: Wish, claimName: string, type: Migration['spec']['type'], target: NodeName): Promise<void>;
  deleteClaim(name: string): Promise<void>;
  deleteMigration(name: string): Promise<void>;
  /** An executor writes the phase. */
  report(migration: string, phase: MigrationPhase): Promise<void>;
  decide(migration: string, decision: NonNullable<Migration['spec']['decision']>): Promise<void>;
  /** An administrator changes fields of a ComputeNode's spec. */
  configure(nodeName: NodeName, spec: ComputeNodeSpec): Promise<void>;
  /** The instance of a claim is on the host from now on, and looks like this. */
  putInstance(claim: string, nodeName: NodeName, appearance: Appearance): Promise<void>;
  removeInstance(claim: string, nodeName: NodeName): Promise<void>;
  connectHypervisor(nodeName: NodeName, isConnected: boolean): Promise<void>;
  /** From one moment to the next; and no other takes its place until `startAgent`. */
  killAgent(nodeName: NodeName): Promise<void>;
  startAgent(nodeName: NodeName): Promise<void>;
  /** The Lease of a dead agent runs out. */
  outlastLease(): Promise<void>;
  /** Until nothing more happens by itself, or there is no word of what is wrong still. */
  settle(wrong: () => Promise<string | undefined>): Promise<void>;
  node(nodeName: NodeName): Promise<ComputeNode | undefined>;
  claim(name: string): Promise<InstanceClaim | undefined>;
  migration(name: string): Promise<Migration | undefined>;
}

/** The PCI devices that every host of a stage has: GPUs at addresses that no other host has. */
export function gpuAddresses(nodeName: NodeName): readonly string[] {
  const slot = { 'node-a': 'a', 'node-b': 'b', 'node-c': 'c' }[nodeName];
  return ['1', '2'].map((index) => `0000:${slot}${index}:00.0`);
}

/** What else every host of a stage has. Nothing is reserved or oversubscribed, so that this is the limit, too. */
export const HOST = { vcpus: 8, memory: '16Gi', disk: '100Gi' } as const;

/** Addresses of the devices that a claim makes this node hold for its instance. */
export function devicesOn({ status }: InstanceClaim, isHere: (nodeName: string | undefined) => boolean): string[] {
  const { nodeName, pciDevices = [], migration } = status ?? {};
  if (isHere(nodeName)) return pciDevices.map(({ address }) => address);
  const concernsUs = isHere(migration?.sourceNodeName) || isHere(migration?.targetNodeName);
  return concernsUs ? (migration?.pciDevices ?? []).map(({ address }) => address) : [];
}

/** The part of a spec that a claim and a migration have alike. */
export function wishedOf({ flavor, pciRequests, memoryLimit }: Wish) {
  return {
    ...(flavor !== undefined && { flavor }),
    ...(pciRequests !== undefined && { pciRequests }),
    ...(memoryLimit !== undefined && { limits: { memory: memoryLimit } }),
  };
}
