/**
 * Writes src/api/generated/v1alpha1.ts from crds/. With `--check` it writes nothing and fails when the file is stale.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { TYPE_NAMES } from './api-types/names.ts';
import { renderTypes } from './api-types/render.ts';
import type { CustomResourceDefinition } from './api-types/schema.ts';

const CRDS = new URL('../crds/', import.meta.url);
const GENERATED = new URL('../src/api/generated/v1alpha1.ts', import.meta.url);

/** What src/api/generated/v1alpha1.ts must hold, now that crds/ is as it is. */
export function generateApiTypes(): string {
  const files = readdirSync(CRDS).filter((name) => name.endsWith('.yaml'));
  const definitions = files.toSorted().map((name) => parse(readFileSync(new URL(name, CRDS), 'utf8')));
  return renderTypes(definitions satisfies CustomResourceDefinition[], TYPE_NAMES);
}

/** The generated file as it is. */
export function readGeneratedApiTypes(): string {
  return readFileSync(GENERATED, 'utf8');
}

function main(): void {
  const expected = generateApiTypes();
  if (!process.argv.includes('--check')) {
    writeFileSync(GENERATED, expected);
  } else if (readGeneratedApiTypes() !== expected) {
    console.error('src/api/generated is stale: run npm run generate');
    process.exitCode = 1;
  }
}

if (import.meta.main) main();
