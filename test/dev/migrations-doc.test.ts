import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const PROTOCOL = join(REPOSITORY, 'src/protocol');
const read = (path: string): string => readFileSync(join(REPOSITORY, path), 'utf8');
const DOC = read('docs/migrations.md');

/** Every reason that the protocol gives a migration, as the code writes it. */
function reasons(): readonly string[] {
  const files = readdirSync(PROTOCOL).filter((name) => name.startsWith('migration'));
  const texts = files.map((name) => readFileSync(join(PROTOCOL, name), 'utf8'));
  const patterns = [/grounds\(\s*'(\w+)'/g, /reasons: \['(\w+)'\]/g, /'(NodeUnschedulable)'/g];
  return [
    ...new Set(texts.flatMap((text) => patterns.flatMap((one) => [...text.matchAll(one)].map(([, of = '']) => of)))),
  ];
}

it('docs/migrations.md explains every reason that a migration is given', () => {
  expect(reasons().length).toBeGreaterThan(10);
  // Told to those who look at the condition, not a reason for anything that happens.
  const unexplained = reasons().filter((reason) => reason !== 'LeaseRenewed' && !DOC.includes(`\`${reason}\``));
  expect(unexplained).toEqual([]);
});

it('docs/migrations.md has a line for every phase', () => {
  const schema = parse(read('crds/migrations.yaml')).spec.versions[0].schema.openAPIV3Schema;
  const phases: readonly string[] = schema.properties.status.properties.phase.enum;
  expect(phases.filter((phase) => !DOC.includes(`\n| ${phase} |`))).toEqual([]);
});

it('every file in examples/migrations is spoken of in docs/migrations.md, or in the index that it points to', () => {
  const files = readdirSync(join(REPOSITORY, 'examples/migrations'));
  const index = read('examples/README.md');
  expect(files.filter((name) => !DOC.includes(name) && !index.includes(name))).toEqual([]);
});
