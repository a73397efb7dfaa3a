import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { AgentProcess } from '../agent-process.ts';
import { createGrantedClaims } from '../claims.ts';
import { libvirtHost } from '../libvirt-host.ts';
import { interleaved, timed } from '../rounds.ts';
import type { Measurement, Row } from '../row.ts';

const ROUNDS = 7;
const CLAIMS = 1_000;

/** A restart of the agent on a busy node. */
export const start: Row = {
  name: 'start',
  target: { ratioAtMost: 3 },
  measure: async (bench): Promise<Measurement> => {
    const plane = await bench.plane();
    const nodeName = bench.nodeName();
    const libvirtUri = await libvirtHost(bench, 0);
    await createGrantedClaims(plane, nodeName, CLAIMS);
    const fieldSelector = `spec.nodeName=${nodeName}`;
    const figures = await interleaved(ROUNDS, {
      measured: async () => {
        const startedAtMs = performance.now();
        await using _agent = await AgentProcess.ready(bench, {
          nodeName,
          kubeconfig: plane.agentKubeconfig,
          libvirtUri,
        });
        return performance.now() - startedAtMs;
      },
      reference: async () => (await timed(runBareNode)) + (await timed(() => plane.claims.list({ fieldSelector }))),
    });
    return {
      ...figures,
      unit: 'ms',
      note:
        `from spawning the process to /readyz with ${CLAIMS} claims granted on the node, after a predecessor that ended in order; ` +
        "the reference is `node -e ''` from its spawning to its end, plus one consistent LIST of those claims over an open connection.",
    };
  },
};

async function runBareNode(): Promise<void> {
  await once(spawn(process.execPath, ['-e', ''], { stdio: 'ignore' }), 'exit');
}
