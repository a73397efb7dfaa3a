/**
 * Nova's own way with pools, so that the rule which lets the ledger find what Nova does not is about that and nothing else: what the ledger
 * chose is looked up in the case's own words, and Nova's greedy walk must really fail.
 */
import { isList, isObject, type Json, type JsonObject } from './json.ts';
import { poolKeyOf } from './nova-pci.ts';

interface Chosen {
  readonly request: string;
  readonly address: string;
}

/** Whether a choice of devices meets all requests, each device serving once. */
export function meetsRequests(requests: readonly Json[], devices: readonly Json[], chosen: readonly Chosen[]): boolean {
  const isOnce = new Set(chosen.map(({ address }) => address)).size === chosen.length;
  const mine = (index: number) => chosen.filter(({ request }) => request === `r${index}`);
  return isOnce && requests.every((request, index) => isMet(request, mine(index), devices));
}

function isMet(request: Json, chosen: readonly Chosen[], devices: readonly Json[]): boolean {
  if (!isObject(request) || request.count !== chosen.length) return false;
  return chosen.every(({ address }) => {
    const device = devices.find((other) => isObject(other) && other.address === address);
    return isObject(device) && isWanted(device, request);
  });
}

/** Whether Nova would meet them: each request in turn takes what it can of each pool that matches, first seen first. */
export function isMetGreedily(requests: readonly Json[], devices: readonly Json[]): boolean {
  const pools = Map.groupBy(devices.filter(isObject), poolKeyOf);
  return requests.filter(isObject).every((request) => {
    let left = Number(request.count);
    for (const pool of pools.values()) {
      const [first] = pool;
      if (first !== undefined && isWanted(first, request)) left -= pool.splice(0, left).length;
    }
    return left <= 0;
  });
}

function isWanted(device: JsonObject, { spec }: JsonObject): boolean {
  return isList(spec) && spec.some((wanted) => isObject(wanted) && matches(device, wanted));
}

function matches(device: JsonObject, wanted: JsonObject): boolean {
  return Object.entries(wanted).every(([key, value]) => key !== 'extra_info' && device[key] === value);
}
