import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { AgentProcess } from '../agent-process.ts';
import type { Bench, Plane } from '../bench.ts';
import { createGrantedClaims } from '../claims.ts';
import { libvirtHost } from '../libvirt-host.ts';
import { residentMiB } from '../proc.ts';
import { median } from '../rounds.ts';
import type { Measurement, Row } from '../row.ts';

const ROUNDS = 2;
const CLAIMS = 200;
/** V8 gives back what it does not need some seconds after the last work. */
const REST_MS = 12_000;

/** What stays resident of an agent that has nothing to do. */
export const agentMemory: Row = {
  name: 'agent-memory',
  target: { ratioAtMost: 2 },
  measure: async (bench): Promise<Measurement> => {
    const plane = await bench.plane();
    const nodeName = bench.nodeName();
    await createGrantedClaims(plane, nodeName, CLAIMS);
    const pairs: { measured: number; reference: number }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) pairs.push(await residentAtRest(bench, plane, nodeName));
    return {
      measured: median(pairs.map(({ measured }) => measured)),
      reference: median(pairs.map(({ reference }) => reference)),
      unit: 'MiB',
      note:
        `VmRSS ${REST_MS / 1000} s after the agent became ready, with ${CLAIMS} claims and their ${CLAIMS} instances on libvirt's test ` +
        'driver, which lives inside the process; the reference is a node that waits on a timer, looked at in the same moment.',
    };
  },
};

async function residentAtRest(bench: Bench, plane: Plane, nodeName: string) {
  const libvirtUri = await libvirtHost(bench, CLAIMS);
  const bare = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  try {
    await using agent = await AgentProcess.ready(bench, { nodeName, kubeconfig: plane.agentKubeconfig, libvirtUri });
    await delay(REST_MS);
    return { measured: await residentMiB(agent.pid), reference: await residentMiB(pidOf(bare)) };
  } finally {
    bare.kill();
  }
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('node could not be started');
  return pid;
}
