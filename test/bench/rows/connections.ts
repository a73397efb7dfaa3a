import { setTimeout as delay } from 'node:timers/promises';
import { AgentProcess } from '../agent-process.ts';
import { ClaimWatch } from '../claim-watch.ts';
import { createClaims } from '../claims.ts';
import { libvirtHost } from '../libvirt-host.ts';
import { connectionsTo } from '../proc.ts';
import type { Measurement, Row } from '../row.ts';

const CLAIMS = 200;
const SAMPLE_EVERY_MS = 10;

/** Connections while an agent works and after it. */
export const connections: Row = {
  name: 'connections',
  target: { measuredAtMost: 1 },
  measure: async (bench): Promise<Measurement> => {
    const plane = await bench.plane();
    const nodeName = bench.nodeName();
    const libvirtUri = await libvirtHost(bench, 0);
    await using agent = await AgentProcess.ready(bench, { nodeName, kubeconfig: plane.agentKubeconfig, libvirtUri });
    await using watch = await ClaimWatch.open(plane, nodeName);
    const port = Number(new URL(plane.controlPlane.url).port);
    const granted = createClaims(plane, nodeName, CLAIMS).then(() => watch.allClaimedAtMs(CLAIMS));
    let [working, most] = [true, 0];
    const ended = granted.finally(() => {
      working = false;
    });
    while (working) {
      most = Math.max(most, await connectionsTo(agent.pid, port));
      await delay(SAMPLE_EVERY_MS);
    }
    await ended;
    return {
      measured: most,
      unit: 'connections',
      note: `the most established TCP connections of the agent's process to the API server, looked at every ${SAMPLE_EVERY_MS} ms while ${CLAIMS} claims were granted.`,
    };
  },
};
