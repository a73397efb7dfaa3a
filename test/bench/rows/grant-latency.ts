import { setTimeout as delay } from 'node:timers/promises';
import { AgentProcess } from '../agent-process.ts';
import { ClaimWatch } from '../claim-watch.ts';
import { claimOf, grant } from '../claims.ts';
import { libvirtHost } from '../libvirt-host.ts';
import { interleaved, timed } from '../rounds.ts';
import type { Measurement, Row } from '../row.ts';

const ROUNDS = 150;
/** What follows a grant, such as its Event, is over by then. */
const SETTLE_MS = 25;

/** One claim at a time, as its creator feels it. */
export const grantLatency: Row = {
  name: 'grant-latency',
  target: { ratioAtMost: 3 },
  measure: async (bench): Promise<Measurement> => {
    const plane = await bench.plane();
    const nodeName = bench.nodeName();
    const libvirtUri = await libvirtHost(bench, 0);
    await using _agent = await AgentProcess.ready(bench, { nodeName, kubeconfig: plane.agentKubeconfig, libvirtUri });
    await using watch = await ClaimWatch.open(plane, nodeName);
    const other = await plane.claims.create(claimOf(bench.nodeName(), 0));
    let index = 0;
    const figures = await interleaved(ROUNDS, {
      measured: async () => {
        const { metadata } = await plane.claims.create(claimOf(nodeName, index));
        const createdAtMs = performance.now();
        const claimedAtMs = await watch.claimedAtMs(metadata.name);
        await delay(SETTLE_MS);
        return claimedAtMs - createdAtMs;
      },
      reference: async () => {
        index += 1;
        const patchMs = await timed(() => grant(plane, 'nowhere', other.metadata.name, `round ${index}`));
        await delay(SETTLE_MS);
        return patchMs;
      },
    });
    return {
      ...figures,
      unit: 'ms',
      note:
        `p50 of ${ROUNDS}, one at a time: from the creation's answer to the Claimed event on the creator's watch. It holds two writes one ` +
        'after the other (ComputeNode, claim) and two watch deliveries; the reference is the answer of one status PATCH.',
    };
  },
};
