import { CoreV1Api, KubeConfig, type V1Node } from '@kubernetes/client-node';
import { expect, inject, test } from 'vitest';
import { resourceClient } from '../../../src/kube/resource.ts';
import { connected, NODES, type Node } from './api-server.ts';

const ROUNDS = 100;
const WARM_UP_ROUNDS = 20;

test('How long one status PUT takes, beside client-node as it comes. Printed, not asserted: machines differ.', async () => {
  const kubeconfig = inject('kubeconfigPath');
  const connection = await connected(kubeconfig);
  const ours = resourceClient<Node>(connection, NODES);
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const theirs = config.makeApiClient(CoreV1Api);
  let one = await ours.create({ metadata: { name: 'latency-ours' } });
  let other: V1Node = await theirs.createNode({ body: { metadata: { name: 'latency-theirs' } } });
  const oursMs: number[] = [];
  const theirsMs: number[] = [];
  // Taken in turns, so that a noisy machine is noisy for both.
  for (let round = 0; round < ROUNDS + WARM_UP_ROUNDS; round += 1) {
    const capacity = { cpu: String(round + 1) };
    const startedAtMs = performance.now();
    one = await ours.replaceStatus({ ...one, status: { ...one.status, capacity } });
    const betweenMs = performance.now();
    other = await theirs.replaceNodeStatus({
      name: 'latency-theirs',
      body: { ...other, status: { ...other.status, capacity } },
    });
    oursMs.push(betweenMs - startedAtMs);
    theirsMs.push(performance.now() - betweenMs);
  }
  console.log(`status PUT, p50 / p90 of ${ROUNDS}: ours ${quantiles(oursMs)}, client-node ${quantiles(theirsMs)}`);
  expect(connection.stats.connectionsOpened).toBe(1);
  await ours.delete('latency-ours');
  await ours.delete('latency-theirs');
});

function quantiles(times: readonly number[]): string {
  const sorted = times.slice(WARM_UP_ROUNDS).toSorted((one, other) => one - other);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(2);
  return `${at(0.5)} / ${at(0.9)} ms`;
}
