import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { until } from '../../dev/control-plane/until.ts';
import type { ToolName } from '../../dev/tools/recipes.ts';
import { ensureTools } from '../../dev/tools.ts';

const etcdOnly = ['etcd'] as const;

describe('Building the tools', () => {
  test('goes through them in order, says which of how many, and is silent when all are there.', async () => {
    const site = await makeSite(workingGo);
    const first = await site.ensure();
    expect(first.lines.map(withoutSeconds)).toEqual([
      'tools: building etcd (1 of 4)',
      'tools: built etcd (1 of 4)',
      'tools: building kube-apiserver (2 of 4)',
      'tools: built kube-apiserver (2 of 4)',
      'tools: building kube-controller-manager (3 of 4)',
      'tools: built kube-controller-manager (3 of 4)',
      'tools: building kubectl (4 of 4)',
      'tools: built kubectl (4 of 4)',
    ]);
    expect((await readdir(first.directory)).sort()).toEqual([
      'etcd',
      'kube-apiserver',
      'kube-controller-manager',
      'kubectl',
    ]);
    expect(await site.ensure()).toEqual({ directory: first.directory, lines: [] });
  });

  test('leaves nothing beside the binaries.', async () => {
    const site = await makeSite(workingGo);
    const { directory } = await site.ensure();
    expect(await readdir(dirname(directory))).toEqual(['bin']);
  });

  test('tells Kubernetes its version, which is read from go.mod.', async () => {
    const site = await makeSite(workingGo);
    await site.ensure();
    const calls = await readFile(site.log, 'utf8');
    expect(calls).toContain('-X=k8s.io/component-base/version.gitVersion=v1.36.3');
    expect(calls).toContain('-X=k8s.io/component-base/version.gitMinor=36');
  });

  test('happens anew for other versions.', async () => {
    const site = await makeSite(workingGo);
    const before = await site.ensure();
    await writeFile(join(site.moduleDirectory, 'go.sum'), 'another sum');
    const after = await site.ensure();
    expect(after.directory).not.toBe(before.directory);
    expect(after.lines).not.toEqual([]);
  });

  test('happens once when two ask together, and the second says for whom it waits.', async () => {
    const site = await makeSite(workingGo);
    const results = await Promise.all([site.ensure(), site.ensure()]);
    const lines = results.map((result) => result.lines.map(withoutSeconds));
    expect(lines).toContainEqual([`tools: waiting for process ${process.pid}, which builds them`]);
    expect((await readFile(site.log, 'utf8')).match(/^build/gm)).toHaveLength(4);
  });

  test('takes over from a builder that died, and removes what that one left.', async () => {
    const site = await makeSite(workingGo);
    const { directory } = await site.ensure();
    const home = dirname(directory);
    await rm(join(directory, 'etcd'));
    await mkdir(join(home, 'partial-left'));
    await writeFile(join(home, 'lock'), String(spawnSync('true').pid));
    const { lines } = await site.ensure();
    expect(lines.map(withoutSeconds)).toEqual(['tools: building etcd (1 of 1)', 'tools: built etcd (1 of 1)']);
    expect(await readdir(home)).toEqual(['bin']);
  });

  test('that fails shows the end of what Go said, and leaves no binary and no lock.', async () => {
    const site = await makeSite('case "$1" in build) echo "undefined: frobnicate" >&2; exit 1;; esac');
    await expect(site.ensure()).rejects.toMatchObject({
      reason: 'build-failed',
      message: expect.stringContaining('undefined: frobnicate'),
    });
    const [key = ''] = await readdir(site.cacheDirectory);
    expect(await readdir(join(site.cacheDirectory, key))).toEqual(['bin']);
    expect(await readdir(join(site.cacheDirectory, key, 'bin'))).toEqual([]);
  });

  test('never shows a binary before it is whole.', async () => {
    const site = await makeSite(
      `case "$1" in build) touch started; while [ ! -e go-on ]; do sleep 0.05; done;; esac\n${workingGo}`,
    );
    const ensuring = site.ensure();
    expect(await until(async () => (await readdir(site.moduleDirectory)).includes('started'), 10_000)).toBe(true);
    const [key = ''] = await readdir(site.cacheDirectory);
    expect(await readdir(join(site.cacheDirectory, key, 'bin'))).toEqual([]);
    await writeFile(join(site.moduleDirectory, 'go-on'), '');
    await ensuring;
  });
});

describe('Without a Go that will do', () => {
  test('a missing one is told in a line that says what to install.', async () => {
    const site = await makeSite(undefined);
    await expect(site.ensure()).rejects.toMatchObject({
      reason: 'go-missing',
      message: expect.stringMatching(/^Go is not installed: install Go 1\.26 or newer, or set KUBEBUILDER_ASSETS.*$/),
    });
  });

  test('one that is too old is told in a line that says what to install and what was found.', async () => {
    const tooOld = 'go: go.mod requires go >= 1.26.0 (running go 1.22.1; GOTOOLCHAIN=local)';
    const site = await makeSite(`echo "${tooOld}" >&2; exit 1`);
    await expect(site.ensure()).rejects.toMatchObject({
      reason: 'go-too-old',
      message: `Go 1.26 or newer is needed to build the control plane: install it (${tooOld})`,
    });
  });

  test('nothing is asked of it when all binaries are there.', async () => {
    const site = await makeSite(workingGo);
    await site.ensure(etcdOnly);
    await rm(site.go);
    expect((await site.ensure(etcdOnly)).lines).toEqual([]);
  });
});

describe('KUBEBUILDER_ASSETS', () => {
  test('is used as it is, without Go.', async () => {
    const site = await makeSite(undefined);
    await writeFile(join(site.moduleDirectory, 'etcd'), '', { mode: 0o755 });
    expect(await site.ensure(etcdOnly, site.moduleDirectory)).toEqual({ directory: site.moduleDirectory, lines: [] });
  });

  test('with binaries that lack or cannot be run is an error that names each.', async () => {
    const site = await makeSite(workingGo);
    await writeFile(join(site.moduleDirectory, 'etcd'), '', { mode: 0o755 });
    await writeFile(join(site.moduleDirectory, 'kubectl'), '', { mode: 0o644 });
    await expect(site.ensure(['etcd', 'kube-apiserver', 'kubectl'], site.moduleDirectory)).rejects.toMatchObject({
      reason: 'binary-missing',
      message: expect.stringContaining('no executable kube-apiserver, no kubectl:'),
    });
  });

  test('set to nothing counts as not set.', async () => {
    const site = await makeSite(workingGo);
    expect((await site.ensure(etcdOnly, '')).lines).not.toEqual([]);
  });
});

/** A go that notes how it is called and writes the binary that it is asked for. */
const workingGo = `
echo "$@" >> calls
if [ "$1" = build ]; then
  while [ "$1" != -o ]; do shift; done
  echo binary > "$2"; chmod +x "$2"
fi`;

/** A module, an empty cache and a PATH whose first `go` is the script given, or on which there is none. */
async function makeSite(goScript: string | undefined) {
  const root = await mkdtemp(join(tmpdir(), 'tools-test-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const moduleDirectory = join(root, 'module');
  const cacheDirectory = join(root, 'cache');
  const path = join(root, 'path');
  await Promise.all([mkdir(moduleDirectory), mkdir(path)]);
  await writeFile(
    join(moduleDirectory, 'go.mod'),
    'module m\n\ngo 1.26.0\n\nrequire (\n\tk8s.io/kubernetes v1.36.3\n)\n',
  );
  await writeFile(join(moduleDirectory, 'go.sum'), '');
  const go = join(path, 'go');
  if (goScript !== undefined) {
    await writeFile(go, `#!/bin/sh\nPATH=/usr/bin:/bin\n${goScript}\n`);
    await chmod(go, 0o755);
  }
  const ensure = async (tools?: readonly ToolName[], assets?: string) => {
    const lines: string[] = [];
    const env = { PATH: path, ...(assets === undefined ? {} : { KUBEBUILDER_ASSETS: assets }) };
    const report = (line: string) => void lines.push(line);
    const directory = await ensureTools({
      moduleDirectory,
      cacheDirectory,
      env,
      report,
      ...(tools === undefined ? {} : { tools }),
    });
    return { directory, lines };
  };
  return { moduleDirectory, cacheDirectory, go, log: join(moduleDirectory, 'calls'), ensure };
}

function withoutSeconds(line: string): string {
  return line.replace(/ in \d+ s$/, '');
}
