import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { AgentProcess } from '../agent-process.ts';
import { COUNTED_USER } from '../bench.ts';
import { createGrantedClaims } from '../claims.ts';
import { libvirtHost } from '../libvirt-host.ts';
import type { Measurement, Row } from '../row.ts';

const CLAIMS = 200;
/** Long enough for an audit, which comes every 60 s, give or take a tenth. */
const DEFAULT_SECONDS = 75;
/** What follows from becoming ready is over by then. */
const SETTLE_MS = 5_000;
const LEASE_RENEWAL_SECONDS = 10;
/** A watch ends after 300 to 600 s and is asked for again. */
const WATCH_SECONDS = 300;

/** What an agent asks of the API server while nothing happens. */
export const idleRequests: Row = {
  name: 'idle-requests',
  target: { ratioAtMost: 1 },
  measure: async (bench): Promise<Measurement> => {
    const seconds = Number(process.env.IDLE_SECONDS || DEFAULT_SECONDS);
    const plane = await bench.plane();
    const nodeName = bench.nodeName();
    await createGrantedClaims(plane, nodeName, CLAIMS);
    const libvirtUri = await libvirtHost(bench, CLAIMS);
    await using agent = await AgentProcess.ready(bench, { nodeName, kubeconfig: plane.countedKubeconfig, libvirtUri });
    await delay(SETTLE_MS);
    const before = { log: await requestsIn(plane.auditLog), own: requestsOf(await agent.metrics()) };
    await delay(seconds * 1000);
    const requests = (await requestsIn(plane.auditLog)).slice(before.log.length);
    const own = requestsOf(await agent.metrics()) - before.own;
    return {
      measured: requests.length,
      reference: expectedOf(requests, seconds),
      unit: `requests in ${seconds} s`,
      note:
        `of an agent with ${CLAIMS} claims and their instances; counted in the API server's audit log (${wordsOf(requests)}); the agent's own ` +
        `count is ${own}, in which a watch appears when it ends. The reference is what of them are Lease renewals, at most one every ` +
        `${LEASE_RENEWAL_SECONDS} s, and renewed watches, each at most once in ${WATCH_SECONDS} s. 0 of 0 is 1 x.`,
    };
  },
};

interface AuditedRequest {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource: string; readonly subresource?: string };
}

/** Each request once: a watch when its answer begins, all others when it is complete. */
async function requestsIn(auditLog: string): Promise<AuditedRequest[]> {
  const lines = (await readFile(auditLog, 'utf8')).split('\n').filter((line) => line !== '');
  return lines
    .map((line): AuditedRequest => JSON.parse(line))
    .filter(({ user }) => user.username === COUNTED_USER)
    .filter(({ stage, verb }) => stage === (verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete'));
}

function expectedOf(requests: readonly AuditedRequest[], seconds: number): number {
  const renewals = requests.filter(({ verb, objectRef }) => verb !== 'watch' && objectRef?.resource === 'leases');
  const watches = Object.values(Object.groupBy(requests.filter(isWatch), watchedOf));
  const renewedWatches = watches.map((same) => Math.min(same?.length ?? 0, Math.ceil(seconds / WATCH_SECONDS)));
  return (
    Math.min(renewals.length, Math.ceil(seconds / LEASE_RENEWAL_SECONDS)) +
    renewedWatches.reduce((sum, count) => sum + count, 0)
  );
}

function isWatch({ verb }: AuditedRequest): boolean {
  return verb === 'watch';
}

/** A watch is known by what it is of and by what it selects: claims are watched by several fields. */
function watchedOf({ objectRef, requestURI }: AuditedRequest): string {
  return `${objectRef?.resource} ${new URL(requestURI, 'http://server').searchParams.get('fieldSelector')}`;
}

function wordsOf(requests: readonly AuditedRequest[]): string {
  const kinds = Object.groupBy(requests, ({ verb, objectRef }) =>
    [verb, objectRef?.resource, objectRef?.subresource].filter((part) => part !== undefined).join(' '),
  );
  const words = Object.entries(kinds).map(([kind, same]) => `${same?.length ?? 0} ${kind}`);
  return words.length === 0 ? 'none at all' : words.join(', ');
}

/** Sum of the agent's own counter. */
function requestsOf(metrics: string): number {
  const lines = metrics.split('\n').filter((line) => line.startsWith('resource_tracker_api_requests_total'));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
