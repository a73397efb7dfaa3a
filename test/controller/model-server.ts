/** An API server as far as the controller can see: objects with resourceVersions, compare-and-swap, deletes with preconditions. */
import type { ComputeNode, InstanceClaim, Migration } from '../../src/api/generated/v1alpha1.ts';
import type { Lease } from '../../src/api/lease.ts';
import { qualifiedName } from '../../src/api/object-meta.ts';
import type { Work } from '../../src/controller/work.ts';
import { type HostNode, World } from '../../src/controller/world.ts';
import type { WorkAnswer } from '../../src/controller/writer.ts';
import type { Now } from '../../src/protocol/lease-keeper.ts';
import { NAMESPACE, nextVersion } from './objects.ts';

interface Contents {
  readonly nodes?: readonly ComputeNode[];
  readonly claims?: readonly InstanceClaim[];
  readonly migrations?: readonly Migration[];
  readonly leases?: readonly Lease[];
  readonly hosts?: readonly HostNode[];
}

const byKey = <T extends HostNode>(objects: readonly T[] = []): Map<string, T> =>
  new Map(objects.map((object) => [qualifiedName(object.metadata), object]));

export class ModelServer {
  readonly nodes: Map<string, ComputeNode>;
  readonly claims: Map<string, InstanceClaim>;
  readonly migrations: Map<string, Migration>;
  readonly leases: Map<string, Lease>;
  readonly hosts: Map<string, HostNode>;

  constructor({ nodes, claims, migrations, leases, hosts }: Contents) {
    this.nodes = byKey(nodes);
    this.claims = byKey(claims);
    this.migrations = byKey(migrations);
    this.leases = new Map((leases ?? []).map((lease) => [lease.metadata.name, lease]));
    this.hosts = byKey(hosts);
  }

  /** A controller that has listed everything at this time. */
  world(now: Now): World {
    const world = new World({ leaseNamespace: NAMESPACE, nodeGoneMs: 600_000 });
    this.list(world, now);
    return world;
  }

  list(world: World, now: Now): void {
    world.at(now);
    world.computeNodes.replaceAll([...this.nodes.values()]);
    world.hostNodes.replaceAll([...this.hosts.values()]);
    world.claims.replaceAll([...this.claims.values()]);
    world.migrations.replaceAll([...this.migrations.values()]);
    world.leasesListed([...this.leases.values()]);
  }

  /** Every agent renews its Lease before the eyes of this world. */
  beat(world: World, now: Now, names: Iterable<string> = this.leases.keys()): void {
    for (const name of names) {
      const lease = this.leases.get(name);
      if (lease === undefined) continue;
      const renewed = newer(lease);
      this.leases.set(name, renewed);
      world.at(now).leaseSeen(renewed);
    }
  }

  perform(work: Work): WorkAnswer {
    switch (work.kind) {
      case 'writeNode':
        return write(this.nodes, work.node);
      case 'writeClaim':
        return write(this.claims, work.claim);
      case 'writeMigration':
        return write(this.migrations, work.migration);
      case 'deleteClaim':
        return remove(this.claims, work.claim);
      case 'deleteNode': {
        const { lease } = work;
        const present = this.leases.get(lease?.metadata.name ?? '');
        if (present?.metadata.resourceVersion !== lease?.metadata.resourceVersion) return { kind: 'conflict' };
        if (lease !== undefined) this.leases.delete(lease.metadata.name);
        return remove(this.nodes, work.node);
      }
    }
  }

  /** Does all that a world wants now, a few pieces at a time; how many pieces that were, by kind. */
  settle(world: World, now: Now, room = 3): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (let round = 0; round < 1_000; round += 1) {
      const plan = world.plan(now, room);
      if (plan.length === 0) return counts;
      for (const work of plan) {
        counts[work.kind] = (counts[work.kind] ?? 0) + 1;
        world.settled(work, this.perform(work), now);
      }
    }
    throw new Error('the controller does not come to rest');
  }

  /** Somebody else writes every object. */
  touchAll(): void {
    for (const [key, object] of this.nodes) this.nodes.set(key, newer(object));
    for (const [key, object] of this.claims) this.claims.set(key, newer(object));
    for (const [key, object] of this.migrations) this.migrations.set(key, newer(object));
    for (const [key, object] of this.leases) this.leases.set(key, newer(object));
  }

  /** Every object, as text. */
  get contents(): string {
    return JSON.stringify([[...this.nodes], [...this.claims], [...this.migrations], [...this.hosts]]);
  }
}

function newer<T extends HostNode>(object: T): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: nextVersion() } };
}

function write<T extends ComputeNode | InstanceClaim | Migration>(objects: Map<string, T>, object: T): WorkAnswer {
  const present = objects.get(qualifiedName(object.metadata));
  if (present === undefined) return { kind: 'missing' };
  if (present.metadata.resourceVersion !== object.metadata.resourceVersion) return { kind: 'conflict' };
  const written = newer(object);
  objects.set(qualifiedName(object.metadata), written);
  return { kind: 'ok', object: written };
}

function remove<T extends ComputeNode | InstanceClaim>(objects: Map<string, T>, object: T): WorkAnswer {
  const present = objects.get(qualifiedName(object.metadata));
  if (present === undefined) return { kind: 'missing' };
  if (present.metadata.resourceVersion !== object.metadata.resourceVersion) return { kind: 'conflict' };
  objects.delete(qualifiedName(object.metadata));
  return { kind: 'ok', object };
}
