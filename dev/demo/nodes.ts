/** The demo's three machines: Node objects as a kubelet would make them, and the host file that each one's agent reads. */
import { K8s, kind } from 'kubernetes-fluent-client';
import { within } from './within.ts';

const createTimeoutMs = 30_000;

/** One machine. */
export type Machine = {
  readonly name: string;
  /** In examples/hosts. */
  readonly hostFile: string;
  /** From the block that is set aside for documentation. */
  readonly address: string;
  readonly description: string;
};

export const machines: readonly Machine[] = [
  {
    name: 'gpu-1',
    hostFile: 'gpu.xml',
    address: '192.0.2.11',
    description: '64 CPUs in 2 NUMA cells, 256Gi, 2 GPUs, a network card with 8 virtual functions, 4 instances',
  },
  { name: 'small-1', hostFile: 'small.xml', address: '192.0.2.12', description: '4 CPUs, 16Gi, 1 instance' },
  { name: 'big-1', hostFile: 'big.xml', address: '192.0.2.13', description: '128 CPUs, 1Ti, no instance' },
];

/** Creates the Node of a machine. No kubelet runs, so the node-lifecycle controller must be off: it would taint the Node. */
export async function createNode(machine: Machine): Promise<void> {
  await within(createTimeoutMs, `creating the Node ${machine.name}`, create(machine));
}

async function create({ name, address }: Machine): Promise<void> {
  await K8s(kind.Node).Create({ metadata: { name } });
  await K8s(kind.Node).PatchStatus({
    metadata: { name },
    status: {
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: name },
      ],
      conditions: [{ type: 'Ready', status: 'True', reason: 'Demo', message: 'there is no kubelet' }],
    },
  });
}
