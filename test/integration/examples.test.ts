import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ensureTools } from '../../dev/tools.ts';
import { AGENT_OPTIONS } from '../../src/agent/options.ts';
import { loadConfig } from '../../src/process/config.ts';

const run = promisify(execFile);
const examples = resolve(import.meta.dirname, '..', '..', 'examples');
const FOLDERS = ['claims', 'migrations'] as const;
const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(examples, folder)).flatMap((name) => (name.endsWith('.yaml') ? [`${folder}/${name}`] : [])),
);

let kubectl = '';

beforeAll(async () => {
  kubectl = join(await ensureTools({ tools: ['kubectl'], env: process.env }), 'kubectl');
  // A dry run refuses an object whose namespace is not there.
  await apply(join(examples, 'claims/00-namespaces.yaml'));
});

describe('Of the files in examples/claims and examples/migrations', () => {
  const valid = files.filter((name) => !name.includes('invalid'));
  const invalid = files.filter((name) => name.includes('invalid'));

  test('there are valid ones and, by their name, invalid ones.', () => {
    for (const folder of FOLDERS) expect(valid.filter((name) => name.startsWith(folder)).length).toBeGreaterThan(5);
    expect(invalid.length).toBeGreaterThan(0);
  });

  test.each(valid)('%s is accepted by the API server, without a warning.', async (name) => {
    const { stderr } = await apply(join(examples, name), '--dry-run=server', '--validate=strict');
    expect(stderr).toBe('');
  });

  test.each(invalid)('%s is refused by the API server.', async (name) => {
    await expect(apply(join(examples, name), '--dry-run=server', '--validate=strict')).rejects.toThrow(/ is invalid: /);
  });

  test.each(files)('%s begins with what it shows and what to expect, and is in the index.', async (name) => {
    const text = await readFile(join(examples, name), 'utf8');
    expect(text).toMatch(/^# Shows: /);
    if (!text.includes('kind: Namespace')) expect(text).toMatch(/^# Expect: /m);
    expect(await readFile(join(examples, 'README.md'), 'utf8')).toContain(`](${name})`);
  });

  test('no two name the same object.', async () => {
    const texts = await Promise.all(files.map((name) => readFile(join(examples, name), 'utf8')));
    const names = texts.flatMap((text) => parseAllDocuments(text).map((document) => nameOf(document.toJS())));
    expect(names).toEqual([...new Set(names)]);
  });
});

test('examples/agent-rbac.yaml is accepted by the API server.', async () => {
  await apply(join(examples, 'agent-rbac.yaml'), '--dry-run=server', '--validate=strict');
});

test('The claim and the migration that the README explains are accepted by the API server.', async () => {
  const readme = await readFile(join(examples, '..', 'README.md'), 'utf8');
  const explained = [...readme.matchAll(/```yaml\n(apiVersion: [\s\S]*?)```/g)].map(([, yaml = '']) => yaml);
  const directory = await mkdtemp(join(tmpdir(), 'readme-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'explained.yaml'), explained.join('---\n'));
  const { stdout } = await apply(join(directory, 'explained.yaml'), '--dry-run=server', '--validate=strict');
  expect(stdout).toContain('instanceclaim.resourcetracker.dev/web-2');
  expect(stdout).toContain('migration.resourcetracker.dev/patient-to-big-1');
});

test('examples/agent-config.yaml is a configuration that an agent takes.', () => {
  const config = loadConfig(AGENT_OPTIONS, {
    flags: { nodeName: 'gpu-1' },
    environment: {},
    file: join(examples, 'agent-config.yaml'),
  });
  expect([...config.pciAliases.keys()]).toEqual(['a100', 'fast-nic']);
  expect(config.pciDevices).toHaveLength(2);
});

function apply(file: string, ...more: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return run(kubectl, ['apply', '-f', file, ...more], {
    env: { ...process.env, KUBECONFIG: inject('kubeconfigPath') },
  });
}

function nameOf(document: unknown): string {
  const { kind, metadata } = document as { kind: string; metadata: { namespace?: string; name: string } };
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}
