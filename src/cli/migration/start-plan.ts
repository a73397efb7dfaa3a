/** The Migration that somebody wants, from a few words and the claim. Pure. */
import type { Flavor, InstanceClaim, Migration, MigrationSpec, MigrationType } from '../../api/generated/v1alpha1.ts';
import { bytesOf } from '../../protocol/readable.ts';
import { formatBytes } from '../../quantity/quantity.ts';
import { CommandError, EXIT } from '../exit-code.ts';

export const TYPES = {
  live: 'LiveMigration',
  cold: 'ColdMigration',
  resize: 'Resize',
  evacuation: 'Evacuation',
} as const satisfies Readonly<Record<string, MigrationType>>;
export type TypeWord = keyof typeof TYPES;

/** What of the flavor is to change. */
export interface FlavorChange {
  readonly name?: string | undefined;
  readonly vcpus?: number | undefined;
  readonly memoryBytes?: bigint | undefined;
  readonly rootDiskBytes?: bigint | undefined;
  readonly ephemeralDiskBytes?: bigint | undefined;
}

export interface StartRequest {
  readonly type: TypeWord;
  /** Absent: where the instance is, for a resize. */
  readonly targetNodeName?: string | undefined;
  /** Absent: the API server makes one from the claim's. */
  readonly name?: string | undefined;
  readonly flavor: FlavorChange;
  /** Confirm it beforehand. */
  readonly confirm: boolean;
}

/** Throws CommandError for what cannot be meant, and for a claim that cannot be moved. */
export function planStart(claim: InstanceClaim, request: StartRequest): Migration {
  const { namespace = '', name } = claim.metadata;
  const naming = request.name === undefined ? { name: '', generateName: `${name}-` } : { name: request.name };
  return {
    apiVersion: 'resourcetracker.dev/v1alpha1',
    kind: 'Migration',
    metadata: { namespace, ...naming },
    spec: specOf(claim, request),
  };
}

function specOf(claim: InstanceClaim, request: StartRequest): MigrationSpec {
  const { type, confirm } = request;
  const { phase = 'Pending', nodeName, flavor: inForce } = claim.status ?? {};
  const { name } = claim.metadata;
  if (phase !== 'Claimed' || nodeName === undefined || inForce === undefined)
    throw new CommandError(
      `claim ${name} is ${phase}: only a Claimed one has an instance that could be resized or moved`,
    );
  const targetNodeName = targetOf(request, name, nodeName);
  const flavor = flavorOf(inForce, request);
  return {
    claimName: name,
    type: TYPES[type],
    targetNodeName,
    ...(flavor !== undefined && { flavor }),
    ...(confirm && { decision: 'Confirm' }),
  };
}

function targetOf({ type, targetNodeName }: StartRequest, name: string, nodeName: string): string {
  if (type === 'resize') return targetNodeName ?? nodeName;
  if (targetNodeName === undefined) throw usage(`--type ${type} needs --to NODE`);
  if (targetNodeName === nodeName)
    throw usage(`claim ${name} is on node ${nodeName} already; name another one with --to`);
  return targetNodeName;
}

/** What is not said stays as it is. A flavor with other amounts is another one: its name is said anew, or it has none. */
function flavorOf(inForce: Flavor, { type, flavor: change }: StartRequest): Flavor | undefined {
  const isChanged = Object.values(change).some((value) => value !== undefined);
  if (type === 'resize' && !isChanged)
    throw usage(
      'a resize needs --vcpus, --memory, --root-disk or --ephemeral-disk; to move the instance as it is say --type cold',
    );
  if (!isChanged) return undefined;
  if (type === 'live' || type === 'evacuation') {
    const what = type === 'live' ? 'a live migration' : 'an evacuation';
    throw usage(`${what} cannot change the flavor; leave it out, or say --type resize`);
  }
  const { name, vcpus = inForce.vcpus, memoryBytes, rootDiskBytes, ephemeralDiskBytes } = change;
  const { rootDisk, ephemeralDisk } = inForce;
  return {
    ...(name !== undefined && { name }),
    vcpus,
    memory: quantityOf(memoryBytes, inForce.memory),
    ...disk('rootDisk', rootDiskBytes, rootDisk),
    ...disk('ephemeralDisk', ephemeralDiskBytes, ephemeralDisk),
  };
}

function disk(
  key: 'rootDisk' | 'ephemeralDisk',
  bytes: bigint | undefined,
  present: Flavor['rootDisk'],
): Pick<Flavor, 'rootDisk' | 'ephemeralDisk'> {
  if (bytes === undefined) return present === undefined ? {} : { [key]: present };
  return { [key]: formatBytes(bytes) };
}

function quantityOf(bytes: bigint | undefined, present: Flavor['memory']): Flavor['memory'] {
  return bytes === undefined ? present : formatBytes(bytes);
}

function usage(message: string): CommandError {
  return new CommandError(message, EXIT.usage);
}

/** Whether a Migration that is there is what was asked for, so that a script may ask again; what was not said does not count. */
export function isWanted(
  { spec }: Migration,
  claimName: string,
  { type, targetNodeName, flavor }: StartRequest,
): boolean {
  const { vcpus, memory, rootDisk, ephemeralDisk, name } = spec.flavor ?? {};
  const isAsked = (wanted: unknown, present: unknown): boolean => wanted === undefined || wanted === present;
  return (
    spec.claimName === claimName &&
    spec.type === TYPES[type] &&
    isAsked(targetNodeName, spec.targetNodeName) &&
    isAsked(flavor.name, name) &&
    isAsked(flavor.vcpus, vcpus) &&
    isAsked(flavor.memoryBytes, bytesOf(memory)) &&
    isAsked(flavor.rootDiskBytes, bytesOf(rootDisk)) &&
    isAsked(flavor.ephemeralDiskBytes, bytesOf(ephemeralDisk))
  );
}
