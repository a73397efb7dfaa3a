/** A node whose Tracker runs before an API server in memory: for the cases that speak of the published object and of when things are done. */
import type { ComputeNode, InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { fakeHost, reportOf } from '../../src/drivers/fake/fake-host.ts';
import type { Effect, Observation } from '../../src/protocol/messages.ts';
import type { TrackerSettings } from '../../src/protocol/settings.ts';
import { Tracker } from '../../src/protocol/tracker.ts';

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
const ONE = { numerator: 1n, denominator: 1n };
const NOTHING = { vcpus: 0n, memoryBytes: 0n, diskBytes: 0n };
const MOST_TURNS = 100;
/** As Nova's cases call them. */
const HOST = 'fakehost';
const NODE = 'fakenode';

/** Settings that keep nothing for the host and oversubscribe nothing, for a node of Nova's name. */
export const NODE_SETTINGS: TrackerSettings = {
  nodeName: NODE,
  identity: 'vectors',
  leaseNamespace: 'vectors',
  version: '0',
  defaults: {
    reserved: NOTHING,
    allocationRatios: { vcpus: ONE, memory: ONE, disk: ONE },
    limitPolicy: 'ClaimOnly',
  },
  pciDevices: [],
  pciAliases: new Map(),
  overheadMemoryBytes: () => 0n,
  maxBatch: 16,
};

/** A claim for the node: 1 vCPU and 1 MiB. */
export function claimFor(name: string, spec: Partial<InstanceClaim['spec']> = {}): InstanceClaim {
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'InstanceClaim',
    metadata: { name, namespace: 'vectors', uid: name, resourceVersion: '1', generation: 1 },
    spec: { nodeName: NODE, flavor: { vcpus: 1, memory: '1Mi' }, ...spec },
  };
}

export class NodeWorld {
  /** How often a ComputeNode was created, and how often one's status was written since the node was taken over. */
  created = 0;
  writes = 0;
  readonly #nodes = new Map<string, ComputeNode>();
  readonly #claims = new Map<string, InstanceClaim>();
  readonly #tracker = new Tracker(NODE_SETTINGS);
  #revision = 1;

  /** Takes the node over, with ComputeNodes of these names there before. */
  constructor(...names: readonly string[]) {
    for (const name of names) this.#put(emptyNode(name));
    this.#observe({ kind: 'driverConnected' });
    this.#observe({ kind: 'lead', token: 'token' });
    this.#settle();
    this.writes = 0;
  }

  get node(): ComputeNode | undefined {
    return this.#nodes.get(NODE);
  }

  claim(name: string): InstanceClaim | undefined {
    return this.#claims.get(name);
  }

  condition(type: string): string | undefined {
    return this.node?.status?.conditions?.find((condition) => condition.type === type)?.status;
  }

  /** The hypervisor is read. */
  audit(): void {
    this.#observe({ kind: 'hostReported', report: reportOf(fakeHost({ hostname: HOST })) });
    this.#settle();
  }

  /** The hypervisor cannot tell what the host has. */
  cannotReport(): void {
    this.#observe({ kind: 'hostUntracked', reason: 'the driver returns nothing' });
    this.#settle();
  }

  create(claim: InstanceClaim): void {
    this.#observe({ kind: 'claimSeen', claim: this.#keep(claim) });
    this.#settle();
  }

  delete(name: string): void {
    const claim = this.#claims.get(name);
    if (claim === undefined) throw new Error(`there is no claim ${name}`);
    this.#claims.delete(name);
    this.#observe({ kind: 'claimUnmatched', claim: this.#fresh(claim) });
    this.#settle();
  }

  #observe(observation: Observation): void {
    for (const effect of this.#tracker.observe(observation, NOW_MS)) this.#perform(effect);
  }

  #settle(): void {
    for (let turn = 0; turn < MOST_TURNS; turn += 1) {
      const { effects, commit } = this.#tracker.decide(NOW_MS);
      for (const effect of effects) this.#perform(effect);
      if (commit === undefined) return;
      this.writes += 1;
      const answer = { kind: 'ok', object: this.#put(commit) } as const;
      for (const effect of this.#tracker.committed(answer)) this.#perform(effect);
    }
    throw new Error(`the node is not settled after ${MOST_TURNS} turns`);
  }

  #perform(effect: Effect): void {
    const { node } = this;
    switch (effect.kind) {
      case 'readNode':
        this.#observe({
          kind: 'nodeRead',
          answer: node === undefined ? { kind: 'missing' } : { kind: 'ok', object: node },
        });
        break;
      case 'createNode':
        this.created += 1;
        this.#observe({ kind: 'nodeCreated', answer: { kind: 'ok', object: this.#put(effect.node) } });
        break;
      case 'writeNode':
        this.#observe({ kind: 'nodeWritten', answer: { kind: 'ok', object: this.#put(effect.node) } });
        break;
      case 'listClaims':
        this.#observe({ kind: 'claimsListed', claims: [...this.#claims.values()] });
        break;
      case 'readClaim': {
        const claim = this.#claims.get(effect.ref.name);
        const answer = claim === undefined ? ({ kind: 'missing' } as const) : ({ kind: 'ok', object: claim } as const);
        this.#observe({ kind: 'claimRead', ref: effect.ref, answer });
        break;
      }
      case 'writeClaim':
        this.#observe({
          kind: 'claimWritten',
          ref: effect.ref,
          answer: { kind: 'ok', object: this.#keep(effect.claim) },
        });
        break;
      default:
        break;
    }
  }

  #put(node: ComputeNode): ComputeNode {
    const stored = this.#fresh({ ...node, metadata: { ...node.metadata, uid: node.metadata.name } });
    this.#nodes.set(node.metadata.name, stored);
    return stored;
  }

  #keep(claim: InstanceClaim): InstanceClaim {
    const stored = this.#fresh(claim);
    this.#claims.set(claim.metadata.name, stored);
    return stored;
  }

  #fresh<T extends { readonly metadata: ComputeNode['metadata'] }>(object: T): T {
    this.#revision += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: `${this.#revision}` } };
  }
}

function emptyNode(name: string): ComputeNode {
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'ComputeNode',
    metadata: { name, generation: 1 },
    spec: {},
  };
}
