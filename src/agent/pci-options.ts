/** Reads the structured PCI options: the whitelist and the aliases. Faults say which entry and what to write. */
import type { WhitelistEntry } from '../ledger/pci-whitelist.ts';
import type { PciDeviceType, PciSelector } from '../ledger/types.ts';

const ID = /^[0-9a-f]{4}$/i;
const ADDRESS = /^[0-9a-f*?]+:[0-9a-f*?]+:[0-9a-f*?]+\.[0-7*?]$/i;
const DEVICE_TYPES: readonly PciDeviceType[] = ['PCI', 'PF', 'VF'];

type Check = (value: unknown) => string | undefined;

const text: Check = (value) => (typeof value === 'string' && value !== '' ? undefined : 'must be a text');
const id: Check = (value) =>
  typeof value === 'string' && ID.test(value)
    ? undefined
    : 'must be four hexadecimal digits in quotes, for example "8086"';
const address: Check = (value) =>
  typeof value === 'string' && ADDRESS.test(value) ? undefined : 'must be a PCI address, for example "0000:3b:00.*"';
const tags: Check = (value) =>
  Array.isArray(value) && value.every((tag) => typeof tag === 'string') ? undefined : 'must be a list of texts';
const deviceType: Check = (value) =>
  DEVICE_TYPES.some((type) => type === value) ? undefined : `must be one of ${DEVICE_TYPES.join(', ')}`;
const numaNode: Check = (value) =>
  Number.isSafeInteger(value) && Number(value) >= 0 ? undefined : 'must be a whole number, at least 0';

const ENTRY_CHECKS = { vendorID: id, productID: id, address, physicalNetwork: text, tags } as const;
const SELECTOR_CHECKS = { ...ENTRY_CHECKS, deviceType, numaNode } as const;

/** `[{vendorID, productID, address, physicalNetwork, tags}]`; an entry without any property means every device. */
export function readWhitelist(data: unknown): readonly WhitelistEntry[] {
  if (!Array.isArray(data))
    throw new Error('must be a list of devices, for example [{vendorID: "8086", productID: "154c"}]');
  return data.map((entry, index) => checked<WhitelistEntry>(entry, `entry ${index}`, ENTRY_CHECKS));
}

/** `{alias: [selector, ...]}`. */
export function readAliases(data: unknown): ReadonlyMap<string, readonly PciSelector[]> {
  if (!isRecord(data)) throw new Error('must be a map, for example {gpu: [{vendorID: "10de"}]}');
  return new Map(Object.entries(data).map(([alias, selectors]) => [alias, readSelectors(alias, selectors)]));
}

function readSelectors(alias: string, data: unknown): readonly PciSelector[] {
  const list = Array.isArray(data) ? data : [data];
  if (list.length === 0) throw new Error(`alias ${alias} matches nothing; give it at least one selector`);
  return list.map((entry, index) => checked<PciSelector>(entry, `alias ${alias}, selector ${index}`, SELECTOR_CHECKS));
}

function checked<T extends object>(entry: unknown, where: string, checks: Readonly<Record<string, Check>>): T {
  if (!isRecord(entry)) throw new Error(`${where}: must be a map of properties, for example {vendorID: "8086"}`);
  for (const [key, value] of Object.entries(entry)) {
    const fault =
      checks[key] === undefined ? `is not known; known are ${Object.keys(checks).join(', ')}` : checks[key](value);
    if (fault !== undefined) throw new Error(`${where}: ${key} ${fault}`);
  }
  const folded = Object.entries(entry).map(([key, value]) => [
    key,
    FOLDED.has(key) ? String(value).toLowerCase() : value,
  ]);
  return Object.fromEntries(folded) as T;
}

/** Hexadecimal: Nova compared them as texts, so that case had to match (PW-10). */
const FOLDED = new Set(['vendorID', 'productID', 'address']);

function isRecord(data: unknown): data is Record<string, unknown> {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}
