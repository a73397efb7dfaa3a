import type { InstanceClaim } from '../../../src/api/generated/v1alpha1.ts';
import { type KubeObject, resourceClient } from '../../../src/kube/resource.ts';
import type { AgentProcess } from '../agent/agent-process.ts';
import type { FakeDevice } from '../agent/host-file.ts';
import type { Scene } from '../agent/scene.ts';

const NAMESPACES = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false } as const;

/** Does it for 0 to count - 1, so many at a time. */
export async function inParallel(
  count: number,
  width: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** A namespace besides the scene's own. */
export async function addNamespace(scene: Scene, name: string): Promise<string> {
  await resourceClient<KubeObject>(scene.connection, NAMESPACES).create({ metadata: { name } });
  return name;
}

/** The scene's claim in any namespace, with any metadata. */
export function createClaim(
  scene: Scene,
  metadata: InstanceClaim['metadata'],
  spec: Partial<InstanceClaim['spec']>,
): Promise<InstanceClaim> {
  return scene.claims.create({
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'InstanceClaim',
    metadata: { namespace: scene.namespace, ...metadata },
    spec: { nodeName: scene.nodeName, flavor: { vcpus: 1, memory: '1Gi' }, ...spec },
  });
}

/** Plain PCI functions, 256 on a bus. */
export function functions(count: number): FakeDevice[] {
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  return Array.from({ length: count }, (_, index) => ({
    address: `0000:${hex(16 + (index >> 8))}:${hex((index >> 3) & 31)}.${index & 7}`,
    vendorID: '10de',
    productID: '20b5',
    numaNode: index & 1,
  }));
}

/** One figure of the agent's metrics. */
export async function metric(agent: AgentProcess, name: string): Promise<number> {
  const { text } = await agent.health('/metrics');
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  if (line === undefined) throw new Error(`there is no metric ${name}`);
  return Number(line.slice(name.length + 1));
}
