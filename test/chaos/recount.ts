/** A recount from the API server and the hosts alone, which shares nothing with the ledger. */
import type { ComputeNode, InstanceClaim } from '../../src/api/generated/v1alpha1.ts';
import { parseBytes } from '../../src/quantity/quantity.ts';
import { minus, plus, readSums, sumsOf } from './chronicle.ts';
import type { Host, HostInstance } from './host.ts';
import { OVERHEAD } from './slot.ts';

/** What of a ComputeNode differs from the recount, and which claims are not decided; empty: all is well. */
export function differences(
  hosts: readonly Host[],
  nodes: readonly ComputeNode[],
  claims: readonly InstanceClaim[],
): string[] {
  const undecided = claims.filter(isUndecided).map(({ metadata }) => `${metadata.name} is not decided`);
  return [...undecided, ...hosts.flatMap((host) => differencesOf(host, nodes, claims))];
}

function isUndecided({ status }: InstanceClaim): boolean {
  return (status?.phase ?? 'Pending') === 'Pending';
}

function differencesOf(host: Host, nodes: readonly ComputeNode[], claims: readonly InstanceClaim[]): string[] {
  const { nodeName } = host;
  const node = nodes.find(({ metadata }) => metadata.name === nodeName);
  if (node?.status === undefined) return [`there is no ComputeNode ${nodeName}`];
  const { status, spec } = node;
  const granted = claims.filter((claim) => claim.status?.phase === 'Claimed' && claim.status.nodeName === nodeName);
  const reserved = readSums(spec?.reserved);
  const used = usedOf(host, granted, reserved);
  const rows: [string, unknown, unknown][] = [
    ['used', readSums(status.used), used],
    ['devices', shownDevices(host, node), heldDevices(host, granted)],
  ];
  const limit = host.totals && limitOf(host.totals, reserved, spec?.allocationRatios?.memory);
  if (limit !== undefined) {
    rows.push(['limit', readSums(status.limit), limit], ['available', readSums(status.available), minus(limit, used)]);
    rows.push(['free', readSums(status.free), minus(readSums(host.totals), used)]);
  }
  return rows
    .filter(([, shown, counted]) => words(shown) !== words(counted))
    .map(([what, shown, counted]) => `${what} of ${nodeName}: shown ${words(shown)}, counted ${words(counted)}`);
}

function usedOf(host: Host, granted: readonly InstanceClaim[], reserved: ReturnType<typeof readSums>) {
  let used = reserved;
  const orphans = new Map(host.instances.map((instance) => [instance.uuid, instance]));
  for (const claim of granted) {
    const uuid = claim.spec.instance?.uuid ?? claim.metadata.uid ?? '';
    used = plus(used, largerOf(claim, orphans.get(uuid)));
    orphans.delete(uuid);
  }
  for (const { vcpus, memory } of orphans.values())
    used = plus(used, { vcpus: BigInt(vcpus), memory: parseBytes(memory) + parseBytes(OVERHEAD), disk: 0n });
  return used;
}

/** Where the host gave the instance more than was claimed, the larger counts. */
function largerOf({ status }: InstanceClaim, instance: HostInstance | undefined): ReturnType<typeof sumsOf> {
  const sums = sumsOf(status);
  if (instance === undefined) return sums;
  const overhead = parseBytes(status?.overhead?.memory ?? 0);
  const [vcpus, memory] = [BigInt(instance.vcpus), parseBytes(instance.memory) + overhead];
  return {
    vcpus: vcpus > sums.vcpus ? vcpus : sums.vcpus,
    memory: memory > sums.memory ? memory : sums.memory,
    disk: sums.disk,
  };
}

/** Ratios of vCPUs and disk are 1 all the time; that of memory is a decimal with one place. */
function limitOf(
  totals: NonNullable<Host['totals']>,
  reserved: ReturnType<typeof readSums>,
  ratio: string | number = 1,
) {
  const total = readSums(totals);
  const tenths = BigInt(Math.round(Number(ratio) * 10));
  return { ...total, memory: reserved.memory + ((total.memory - reserved.memory) * tenths) / 10n };
}

/** Address and holder of the devices that are there. */
function heldDevices(host: Host, granted: readonly InstanceClaim[]): string[] {
  const holders = granted.flatMap(({ metadata, status }) =>
    (status?.pciDevices ?? []).map(({ address }) => `${address} ${metadata.uid}`),
  );
  return holders.filter((holder) => host.devices.includes(holder.split(' ')[0] ?? '')).toSorted();
}

function shownDevices(host: Host, { status }: ComputeNode): string[] {
  return (status?.pciDevices ?? [])
    .filter(({ address, claimUID }) => claimUID !== undefined && host.devices.includes(address))
    .map(({ address, claimUID }) => `${address} ${claimUID}`)
    .toSorted();
}

function words(value: unknown): string {
  return JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? String(part) : part));
}
