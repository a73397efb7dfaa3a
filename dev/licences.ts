/**
 * Checks that the licence of every package that is shipped or needed at run time is one that this project's own licence goes with. Reads
 * the lock file and what is installed; ends with 1 and the packages' names when it finds another one.
 */
import { existsSync, readFileSync } from 'node:fs';

/** Permissive ones, which ask for no more than their text to be passed on. (PSF-2.0: argparse, a port of Python's, by way of client-node.) */
const ALLOWED = new Set([
  'Apache-2.0',
  'MIT',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'Unlicense',
  'PSF-2.0',
]);

interface LockedPackage {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly license?: string;
}

/** A package and the licence that it says it has. */
export interface Licensed {
  readonly name: string;
  /** An SPDX expression; absent: it does not say. */
  readonly licence?: string;
}

/** What runs, by the lock file of a folder: everything but what is for development only. */
export function runtimePackages(root: URL): readonly Licensed[] {
  const lock = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8'));
  const packages: Readonly<Record<string, LockedPackage>> = lock.packages;
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, locked]) => licensed(root, path, locked));
}

/** Packages whose licence is none of the allowed ones. */
export function refused(packages: readonly Licensed[]): readonly Licensed[] {
  return packages.filter(({ licence }) => licence === undefined || !isAllowed(licence));
}

/** Of `A OR B` one has to be allowed, of `A AND B` both. */
export function isAllowed(expression: string): boolean {
  const alternatives = expression.replaceAll(/[()]/g, '').split(' OR ');
  return alternatives.some((all) => all.split(' AND ').every((licence) => ALLOWED.has(licence.trim())));
}

/** What is installed counts; a package for another platform is not, and the lock file speaks for it. */
function licensed(root: URL, path: string, { license }: LockedPackage): Licensed {
  const manifest = new URL(`${path}/package.json`, root);
  const installed = existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).license : undefined;
  const licence = typeof installed === 'string' ? installed : license;
  return { name: path.replace(/^.*node_modules\//, ''), ...(licence !== undefined && { licence }) };
}

function main(): void {
  const packages = runtimePackages(new URL('../', import.meta.url));
  const found = refused(packages);
  for (const { name, licence = 'none given' } of found)
    console.error(
      `${name}: licence ${licence}; choose another package, or allow it in dev/licences.ts with the reason`,
    );
  if (found.length > 0) process.exitCode = 1;
}

if (import.meta.main) main();
