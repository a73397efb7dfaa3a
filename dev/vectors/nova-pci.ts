import type { PciDevice, PciRequest, PciSelector } from '../../src/ledger/types.ts';
import { isList, isObject, type Json, type JsonObject, NotRunnable } from './json.ts';

const FIELDS = new Set([
  'address',
  'vendor_id',
  'product_id',
  'dev_type',
  'dev_id',
  'label',
  'status',
  'instance_uuid',
  'compute_node_id',
  'extra_info',
]);
/** What an alias may name, and a pool of Nova's never carries (Q16). */
const ALIAS_KEYS = new Set(['device_type', 'capability_type']);

/** A device of Nova's. Its extra_info, which pools compare as a whole, becomes a tag. */
export function deviceOf(device: Json): PciDevice {
  if (!isObject(device)) throw new NotRunnable('a device is not an object');
  const { address, vendor_id: vendor, product_id: product } = device;
  return {
    address: `${address ?? ''}`,
    vendorID: `${vendor ?? ''}`,
    productID: `${product ?? ''}`,
    deviceType: 'PCI',
    tags: [extraTag(extraOf(device))],
  };
}

/** What Nova puts into one pool. */
export function poolKeyOf(device: JsonObject): string {
  return JSON.stringify([device.vendor_id, device.product_id, extraTag(extraOf(device))]);
}

function extraOf(device: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(device).filter(([key]) => !FIELDS.has(key)));
}

/** Nova's extra_info back from the tags of a pool. */
export function extraFrom(tags: readonly string[]): Json {
  const tag = tags.find((text) => text.startsWith('extra:')) ?? 'extra:{}';
  return Object.fromEntries(JSON.parse(tag.slice('extra:'.length)));
}

function extraTag(extra: JsonObject): string {
  return `extra:${JSON.stringify(Object.entries(extra).toSorted())}`;
}

/** Nova's requests; a count that is not a number becomes NaN, which the ledger refuses. */
export function requestsOf(requests: Json): PciRequest[] {
  if (!isList(requests)) throw new NotRunnable('requests are not a list');
  return requests.map((request, index) => requestOf(request, index));
}

function requestOf(request: Json, index: number): PciRequest {
  if (!isObject(request) || !isList(request.spec)) throw new NotRunnable('a request has no list of specs');
  if (typeof request.count !== 'number') throw new NotRunnable('a request has no count');
  return { name: `r${index}`, count: request.count, selectors: request.spec.map(selectorOf) };
}

function selectorOf(spec: Json): PciSelector {
  if (!isObject(spec)) throw new NotRunnable('a spec is not an object');
  const { vendor_id: vendor, product_id: product } = spec;
  const tags = Object.entries(spec).flatMap(([key, wanted]) => tagsFor(key, wanted));
  return {
    ...(vendor === undefined ? {} : { vendorID: `${vendor}` }),
    ...(product === undefined ? {} : { productID: `${product}` }),
    ...(tags.length === 0 ? {} : { tags }),
  };
}

/** A key that no pool has matches nothing, unless what is wanted is null. */
function tagsFor(key: string, wanted: Json): string[] {
  if (key === 'vendor_id' || key === 'product_id' || ALIAS_KEYS.has(key)) return [];
  if (key === 'extra_info' && isObject(wanted)) return [extraTag(wanted)];
  return wanted === null ? [] : [`unknown:${key}`];
}

/** Whether any spec names what Nova's pools lack. */
export function asksAliasKeys(requests: Json): boolean {
  const specs = isList(requests)
    ? requests.flatMap((request) => (isObject(request) && isList(request.spec) ? request.spec : []))
    : [];
  return specs.some((spec) => isObject(spec) && Object.keys(spec).some((key) => ALIAS_KEYS.has(key)));
}
