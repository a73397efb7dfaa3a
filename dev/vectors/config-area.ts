/** Cases of what a configuration and a claim may say of PCI devices: run on the readers of options and of claims. */
import { readAliases, readWhitelist } from '../../src/agent/pci-options.ts';
import { matchesRequest } from '../../src/ledger/pci-match.ts';
import { asked } from '../../src/protocol/claim-facts.ts';
import type { VectorCase } from './case.ts';
import { isObject, type Json, type JsonObject, listAt, NotRunnable } from './json.ts';
import { claimFor, NODE_SETTINGS } from './node-world.ts';
import { requestsOf } from './nova-pci.ts';
import { type EventName, type Outcome, ran } from './outcome.ts';

/** Nova's names of what an alias or a whitelist entry may say. */
const NAMES: Readonly<Record<string, string>> = { vendor_id: 'vendorID', product_id: 'productID' };
/** What an alias of Nova's says of the kind of its device, which no device of Nova's has (Q16). */
const KINDS = new Set(['device_type', 'capability_type']);

/** Aliases that are read, or asked for. */
export function runAliases(subject: VectorCase): Outcome {
  const { when, inputs, outputs } = subject;
  if (when === 'translate an unknown alias name') return ran({ raised: unknownAlias() });
  if (when === 'translate') return ran(Object.fromEntries(Object.keys(outputs).map((key) => [key, noRequests()])));
  const aliases = listAt(inputs, 'aliases');
  if (aliases.length === 0) throw new NotRunnable('no aliases in the inputs');
  if (!('raised' in outputs)) throw new NotRunnable('an alias whose requests are asked for');
  const events: EventName[] = [
    ...(areKindsWrong(aliases.filter(isObject)) ? ['AliasKindIgnored' as const] : []),
    ...(aliases.some((alias) => isObject(alias) && 'address' in alias) ? ['AliasHasAddress' as const] : []),
  ];
  return ran({ raised: errorOf(() => readAliases(aliasesFrom(aliases)), 'PciInvalidAlias') }, events);
}

/** Whether Nova refuses them for the kinds that they name, whatever else they say. */
function areKindsWrong(aliases: readonly JsonObject[]): boolean {
  const types = new Map<Json | undefined, Json | undefined>();
  return aliases.some(({ name, device_type: type, capability_type: capability }) => {
    const isOther = types.has(name) && types.get(name) !== type;
    types.set(name, type);
    return isOther || !NOVA_TYPES.has(`${type}`) || capability !== 'pci';
  });
}

const NOVA_TYPES: ReadonlySet<string> = new Set(['NIC', 'ACCEL', 'GPU']);

/** A map from names to selectors; aliases of which one has no name cannot be one. */
function aliasesFrom(aliases: readonly Json[]): unknown {
  const named = new Map<string, JsonObject[]>();
  for (const alias of aliases) {
    if (!isObject(alias) || typeof alias.name !== 'string') return aliases;
    const { name, ...rest } = alias;
    named.set(name, [...(named.get(name) ?? []), translated(rest)]);
  }
  return Object.fromEntries(named);
}

function translated(entry: JsonObject): JsonObject {
  const entries = Object.entries(entry).filter(([key]) => !KINDS.has(key));
  return Object.fromEntries(entries.map(([key, value]) => [NAMES[key] ?? key, value]));
}

function unknownAlias(): string {
  const request = claimFor('a', { pciRequests: [{ name: 'r', count: 1, alias: 'unknown' }] });
  const answer = asked(request.spec, NODE_SETTINGS);
  return answer.kind === 'unreadable' && answer.reason === 'UnknownPCIAlias' ? 'PciRequestAliasNotDefined' : 'ok';
}

function noRequests(): Json {
  const answer = asked(claimFor('a').spec, NODE_SETTINGS);
  if (answer.kind !== 'readable') return answer.reason;
  return answer.pciRequests.map(({ name }) => name);
}

/** A whitelist that is none. */
export function runWrongWhitelist({ inputs }: VectorCase): Outcome {
  const texts = listAt(inputs, 'whitelist').map((text) =>
    typeof text === 'string' ? (JSON.parse(text) as Json) : text,
  );
  const [first = null] = texts;
  const data = texts.length > 1 ? texts.flat() : first;
  const list = Array.isArray(data) ? data.map((entry: Json) => (isObject(entry) ? translated(entry) : entry)) : data;
  return ran({ raised: errorOf(() => readWhitelist(list), 'PciConfigInvalidWhitelist') });
}

function errorOf(read: () => unknown, name: string): string {
  try {
    read();
    return 'ok';
  } catch {
    return name;
  }
}

/** Texts that are addresses, in parts, and others. */
export function runAddresses({ outputs }: VectorCase): Outcome {
  const actual = Object.keys(outputs).map((text) => {
    const error = errorOf(() => readWhitelist([{ address: text }]), 'PciDeviceWrongAddressFormat');
    return [text, error === 'ok' ? text.split(/[:.]/) : error] as const;
  });
  return ran(Object.fromEntries(actual));
}

/** What the names of the outputs stand for; the cases give no specs. */
const SPECS: Readonly<Record<string, readonly JsonObject[]>> = {
  none: [{ vendor_id: 'v9' }],
  same: [{ vendor_id: 'v1', product_id: 'd1' }],
  or: [{ vendor_id: 'v9' }, { product_id: 'd1' }],
  empty_spec: [{}],
  empty_list: [],
  extra_key: [{ vendor_id: 'v1', k1: 'x' }],
  null: [{ vendor_id: 'v1', k1: null }],
};

/** A device against lists of specs. */
export function runMatch({ given, outputs }: VectorCase): Outcome {
  const ids = /^device vendor (\w+), device_id (\w+)$/.exec(given);
  if (ids === null) throw new NotRunnable(`not understood: "${given}"`);
  const [, vendorID = '', productID = ''] = ids;
  const actual = Object.keys(outputs).map((name) => {
    const spec = SPECS[name];
    if (spec === undefined) throw new NotRunnable(`no specs are known as ${name}`);
    const [request] = requestsOf([{ count: 1, spec }]);
    const device = { address: 'a', vendorID, productID, deviceType: 'PCI' } as const;
    return [name, request !== undefined && matchesRequest(device, request)] as const;
  });
  return ran(Object.fromEntries(actual));
}
