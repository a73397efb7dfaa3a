/** Names of claims from names of instances: valid in the API, and the same whenever they are made. Pure. */

/** The API has room for 253; a suffix must fit behind it. */
const MAX_BASE = 244;

/**
 * The instance's name as a claim's: lower case, without accents, and a `-` for whatever else a name in Kubernetes cannot have. One of which
 * nothing is left is called `instance`.
 */
export function baseName(instanceName: string): string {
  const plain = instanceName.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  const parts = plain
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .split('.')
    .map(trimmed);
  const name = parts.filter((part) => part !== '').join('.');
  return trimmed(name.slice(0, MAX_BASE).replace(/\.+$/, '')) || 'instance';
}

/** The first of these that is not taken: the name itself, with the first part of the UUID behind it, with all of it. */
export function freeName(base: string, uuid: string, isTaken: (name: string) => boolean): string | undefined {
  const candidates = [base, `${base}-${uuid.slice(0, 8)}`, `${base.slice(0, MAX_BASE - uuid.length)}-${uuid}`];
  return candidates.find((name) => !isTaken(name));
}

function trimmed(part: string): string {
  return part.replace(/^-+/, '').replace(/-+$/, '');
}

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const OBJECT_NAME = new RegExp(`^${LABEL}([.]${LABEL})*$`);

/** Whether an object in the API could have this name. */
export function isObjectName(name: string): boolean {
  return name.length <= 253 && OBJECT_NAME.test(name);
}
