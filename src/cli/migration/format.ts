/** Migrations for people. Pure. */

import type { Flavor, Migration } from '../../api/generated/v1alpha1.ts';
import { qualifiedName } from '../../api/object-meta.ts';
import { isOver, phaseOf } from '../../protocol/migration-facts.ts';
import { formatTable } from '../inspect-table.ts';
import { waitsForDecision } from './phases.ts';

const HEADER = ['NAMESPACE', 'NAME', 'CLAIM', 'TYPE', 'PHASE', 'FROM', 'TO', 'FLAVOR', 'DECISION', 'AGE'];

/** A table of them, by namespace and name, with the namespace only where there may be several. */
export function formatList(migrations: readonly Migration[], withNamespace: boolean, nowMs: number): string {
  const rows = migrations
    .toSorted((one, other) => (qualifiedName(one.metadata) < qualifiedName(other.metadata) ? -1 : 1))
    .map((migration) => rowOf(migration, nowMs));
  const from = withNamespace ? 0 : 1;
  const columns = [HEADER, ...rows].map((row) => row.slice(from));
  return `${formatTable(columns[0] ?? [], columns.slice(1))}\n`;
}

function rowOf(migration: Migration, nowMs: number): string[] {
  const { metadata, spec, status } = migration;
  return [
    metadata.namespace ?? '',
    metadata.name,
    spec.claimName,
    spec.type,
    phaseOf(migration),
    status?.sourceNodeName ?? '',
    spec.targetNodeName,
    status?.columns?.flavor ?? '',
    spec.decision ?? '',
    ageOf(metadata.creationTimestamp, nowMs),
  ];
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
] as const;

/** In the largest unit that is whole, rounded down; a clock that is behind shows 0s. */
export function ageOf(createdAt: string | undefined, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(createdAt ?? '')) / 1000));
  if (Number.isNaN(seconds)) return '';
  const [unit, length] = UNITS.find(([, size]) => seconds >= size) ?? ['s', 1];
  return `${Math.floor(seconds / length)}${unit}`;
}

/** All that is known of one, and what comes next. */
export function formatMigration(migration: Migration): string {
  const { metadata, spec, status } = migration;
  const {
    sourceNodeName,
    sourceHostname,
    targetHostname,
    targetHostIP,
    oldFlavor,
    newFlavor,
    pciDevices = [],
  } = status ?? {};
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['claim', `${metadata.namespace}/${spec.claimName}`],
    ['type', spec.type],
    ['phase', phaseOf(migration)],
    ['from', placeOf(sourceNodeName, sourceHostname)],
    ['to', placeOf(spec.targetNodeName, targetHostname, targetHostIP)],
    ['old flavor', flavorWords(oldFlavor)],
    ['new flavor', flavorWords(newFlavor ?? spec.flavor)],
    ['PCI devices', pciDevices.map(({ address }) => address).join(' ') || undefined],
    ['decision', spec.decision],
  ];
  const lines = facts.flatMap(([name, value]) => (value === undefined ? [] : [`  ${`${name}:`.padEnd(13)}${value}`]));
  return [
    `Migration ${qualifiedName(migration.metadata)}`,
    ...lines,
    '',
    ...conditionsOf(migration),
    nextWords(migration),
    '',
  ].join('\n');
}

function placeOf(nodeName: string | undefined, ...more: readonly (string | undefined)[]): string | undefined {
  const known = more.filter((part) => part !== undefined && part !== nodeName);
  return nodeName === undefined || known.length === 0 ? nodeName : `${nodeName} (${known.join(', ')})`;
}

function flavorWords(flavor: Flavor | undefined): string | undefined {
  if (flavor === undefined) return undefined;
  const { name, vcpus, memory, rootDisk, ephemeralDisk } = flavor;
  const parts = [
    `${vcpus} vCPUs`,
    `${memory} of memory`,
    ...(rootDisk === undefined ? [] : [`root disk ${rootDisk}`]),
    ...(ephemeralDisk === undefined ? [] : [`ephemeral disk ${ephemeralDisk}`]),
  ];
  return `${name === undefined ? '' : `${name}: `}${parts.join(', ')}`;
}

function conditionsOf({ status }: Migration): string[] {
  const rows = (status?.conditions ?? []).map(({ type, status: value, reason, message }) => [
    type,
    value,
    reason,
    message,
  ]);
  return rows.length === 0 ? [] : [formatTable(['CONDITION', 'STATUS', 'REASON', 'MESSAGE'], rows), ''];
}

/** Who has to do what now. */
function nextWords(migration: Migration): string {
  const { name } = migration.metadata;
  const { decision } = migration.spec;
  const phase = phaseOf(migration);
  if (isOver(migration)) return 'It has ended.';
  if (waitsForDecision(migration))
    return `Both nodes hold for it: resource-tracker migration confirm ${name}, or revert ${name}`;
  if (phase === 'Finished')
    return decision === 'Revert' || decision === 'Abort' ? BACK : 'Its agents carry the decision out.';
  if (decision === 'Abort') return phase === 'Pending' || phase === 'PreMigrating' ? 'It is being aborted.' : ABORTING;
  return NEXT[phase] ?? '';
}

const BACK = 'Its executor takes the instance back; then what the target holds is given back.';
const ABORTING = 'It is to be aborted: its executor stops the move and reports failed.';
const NEXT: Readonly<Record<string, string>> = {
  Pending: 'The agent of the target takes it up, or rejects it.',
  PreMigrating: 'The target holds for it: its executor may move the instance now.',
  Migrating: 'The instance is being moved.',
  PostMigrating: 'The instance has been handed over: the agent of the target moves the claim.',
};
