import type { Difference } from './compare.ts';
import type { EventName, Ran } from './outcome.ts';

/** A difference from Nova that we want. A rule looks at what a case does, never at its name. */
export interface Rule {
  /** Section, or number of a quirk, in docs of the semantics. */
  readonly section: string;
  readonly why: string;
  readonly explains: (difference: Difference, run: Ran) => boolean;
}

function rule(section: string, why: string, event: EventName, isWanted: (difference: Difference) => boolean): Rule {
  return { section, why, explains: (difference, run) => run.events.has(event) && isWanted(difference) };
}

const MORE_FREE = /(?:^|\.)(?:free_ram_mb|free_disk_gb)$/;
const USED = /(?:^|\.)(?:mem|disk|vcpus)$/;

/** Nothing is held where Nova went wrong: used is nought or more, and not more than Nova's unless that was negative. */
function isNotNegative({ path, expected, actual }: Difference): boolean {
  if (typeof expected !== 'number' || typeof actual !== 'number') return false;
  return USED.test(path) ? expected < 0 && actual === 0 : MORE_FREE.test(path) && actual < expected;
}

function isLess({ path, expected, actual }: Difference): boolean {
  if (typeof expected !== 'number' || typeof actual !== 'number') return false;
  return MORE_FREE.test(path) ? actual > expected : actual >= 0 && actual < expected;
}

function isGiven(path: RegExp, actual: unknown): (difference: Difference) => boolean {
  return (difference) => path.test(difference.path) && JSON.stringify(difference.actual) === JSON.stringify(actual);
}

/** All differences that semantics.md wants, each with the section that says so. */
export const RULES: readonly Rule[] = [
  rule(
    'Q1',
    'what is not held cannot be given back again, so nothing goes below zero',
    'AbortOfUntracked',
    isNotNegative,
  ),
  rule('Q2', 'abort is deletion: the next audit does not find the instance any more', 'AuditAfterAbort', isLess),
  rule('Q3', 'a change in place counts at once, and what is given back is what was added', 'GrowthInPlace', isGrowth),
  rule(
    'Q4',
    'a migration that ends gives back what was held for it, whichever flavor is named',
    'DropWithOtherFlavor',
    isLess,
  ),
  rule('Q5', 'a write that failed is given back', 'WriteFailed', isLess),
  rule('Q7', 'what is reserved of the disk is exact', 'ReservedDiskNotWholeGB', isExactDisk),
  rule(
    'Q8',
    'statistics are exactly maintained, also when the last instance goes',
    'LastInstanceGone',
    isGiven(/^text$/, 0),
  ),
  rule('Q9', 'pools are a view of the devices, always up to date', 'DropLooksAtText', isFreeAtOnce),
  rule(
    'Q12',
    'the devices of a migration, and they alone, are given back with it',
    'MigrationDevicesDropped',
    isOnlyTheMigrations,
  ),
  rule('Q12', 'what was given back already is no error in a clean-up', 'CleanUpOfGivenBack', isGiven(/^raised$/, 'ok')),
  rule('Q13', 'a held device that vanished can be given back', 'HeldDeviceVanished', isGiven(/^raised$/, 'ok')),
  rule('Q14', 'a device that changed is in the pool that it belongs to', 'FreeDeviceChanged', isInItsPool),
  rule(
    '§0, Q11, Q14',
    'pools and devices are a view of the host’s report; nothing is set aside',
    'HeldDeviceChanged',
    isReported,
  ),
  rule('Q15', 'an address that is reported twice counts once', 'DuplicateAddress', isCountedOnce),
  rule('Q16', 'the kind of device that an alias names does not keep it from matching', 'AliasKeysAsked', isAccepted),
  rule('Q17', 'counts must be positive', 'CountNotPositive', isRefused),
  rule('Q17', 'requests are met all together or none is', 'RequestsFailedTogether', ({ path }) => path === 'pools'),
  rule('Q18', 'a request on a host without devices is a refusal', 'NoDeviceList', isRefused),
  rule('Q14, Q21', 'pools count devices: one that is taken cannot be taken again', 'SameDeviceTwice', ({ path }) =>
    /^(?:second|pools)$/.test(path),
  ),
  rule(
    '§0 (PCI)',
    'an assignment is found whenever there is one, whatever the order of the requests',
    'BetterThanGreedy',
    isGiven(/^supported$/, true),
  ),
  rule(
    '§6',
    'hexadecimal IDs are compared without regard to case',
    'IDsDifferInCase',
    ({ path }) => path === 'assignable',
  ),
  rule('§5', 'rescuing and unshelving are I/O, as Nova has it since 2014-05', 'LaterIOTask', ({ path }) =>
    /^io(?:_workload)?$/.test(path),
  ),
  rule(
    '§1',
    'vcpus_used is the sum of vcpus over instances; the case’s own words name another number than its figures',
    'OneClaimAloneOnEmptyNode',
    ({ path }) => path === 'vcpus',
  ),
  rule(
    '§1 (changed)',
    'what was measured as used is only shown, and vCPUs that a hypervisor does not know are not tested: a report may lack both',
    'OptionalFigureMissing',
    ({ path, actual }) => /^(?:vcpus|\w+_used)$/.test(path) && actual === 'ok',
  ),
  rule('§0', 'the record is written only on change', 'RecordUnchanged', isGiven(/^writes_after_second_audit$/, 0)),
  rule(
    '§0',
    'host and node are one: where it was launched is the node',
    'LaunchedOnNode',
    isGiven(/^launched_on$/, 'fakenode'),
  ),
  rule(
    '§2',
    'who cannot tell what the host has does not tell its name: the node’s stands for it',
    'HostnameUnknown',
    isGiven(/^host$/, 'fakenode'),
  ),
  rule('§0', 'release is immediate', 'ReleasedAtOnce', isGiven(/^delay_s_max$/, 0)),
  rule(
    'Q16',
    'the kind of device that an alias of Nova names is no property of any device: here device types are PCI, PF and VF',
    'AliasKindIgnored',
    isGiven(/^raised$/, 'ok'),
  ),
  rule('§0', 'selectors know addresses, too', 'AliasHasAddress', isGiven(/^raised$/, 'ok')),
  rule(
    '§6',
    'states are read off what is held and attached: attaching again changes nothing',
    'AllocatedAgain',
    isGiven(/^allocated$/, 'ok'),
  ),
  rule(
    'Q17',
    'a request without a count is refused, by the schema and by the ledger',
    'CountMissing',
    ({ path, actual }) => (path === 'pools' && actual === 'refused') || (path === 'devices' && actual === 0),
  ),
  rule('Q22', 'a monitor has the metrics that it inherits, too', 'MetricsInherited', areMore),
  rule(
    '§0 (metrics)',
    'figures are in the status and on /metrics, and not sent on a bus',
    'MetricsCollected',
    isGiven(/^sent$/, []),
  ),
  {
    section: '§0 (Q8, Q9)',
    why: 'counters at zero vanish',
    explains: ({ path, expected, actual }) => path.startsWith('num_') && expected === 0 && actual === null,
  },
];

function areMore({ path, expected, actual }: Difference): boolean {
  if (path !== 'names' || !Array.isArray(expected) || !Array.isArray(actual)) return false;
  return expected.every((name) => actual.includes(name)) && actual.length > expected.length;
}

function isGrowth(difference: Difference): boolean {
  const { path, expected, actual } = difference;
  if (isNotNegative(difference)) return true;
  return /^now\./.test(path) && typeof expected === 'number' && typeof actual === 'number' && actual > expected;
}

function isExactDisk({ path, expected, actual }: Difference): boolean {
  if (typeof expected !== 'number' || typeof actual !== 'number') return false;
  const off = MORE_FREE.test(path) ? expected - actual : actual - expected;
  return off > 0 && off < 1;
}

function isFreeAtOnce({ path, expected, actual }: Difference): boolean {
  return path === 'text' && expected === 0 && typeof actual === 'number' && actual > 0;
}

function isOnlyTheMigrations({ path, expected, actual }: Difference): boolean {
  if (path === 'claims') return JSON.stringify(actual) === '[]';
  if (path !== 'free' || !Array.isArray(expected) || !Array.isArray(actual)) return false;
  return actual.length < expected.length && actual.every((address) => expected.includes(address));
}

function isInItsPool({ path, actual }: Difference): boolean {
  return path === 'pools' || (path === 'consume' && actual === 'ok');
}

function isReported({ path, actual }: Difference): boolean {
  return path === 'vendor' || path === 'pools' || (path === 'stale' && JSON.stringify(actual) === '[]');
}

function isCountedOnce({ path, actual }: Difference): boolean {
  return path === 'pools' || (path === 'devices' && actual === 1);
}

function isRefused({ path, actual }: Difference): boolean {
  if (path === 'supported' || path === 'ok') return actual === false;
  if (path === 'error') return typeof actual === 'string' && actual.includes('Claim pci failed.');
  return (
    (path === 'raised' && (actual === 'PciDeviceRequestFailed' || actual === 'ComputeResourcesUnavailable')) ||
    (path === 'picked' && actual === 0)
  );
}

function isAccepted({ path, actual }: Difference): boolean {
  if (path === 'supported' || path === 'ok') return actual === true;
  return path === 'error' && actual === null;
}
