import { createHash } from 'node:crypto';
import { access, constants, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ToolsError } from './tools/errors.ts';
import { requireGo, runGo } from './tools/go.ts';
import { withLock } from './tools/lock.ts';
import { buildArguments, type ToolName, toolNames } from './tools/recipes.ts';

const repository = resolve(import.meta.dirname, '..');
const progressIntervalMs = 10_000;
const partialPrefix = 'partial-';

/** Where {@link ensureTools} looks and builds. Every field has a default that suits a checkout of this repository. */
export type ToolsOptions = {
  /** The binaries that the caller will run; all four when left out. */
  readonly tools?: readonly ToolName[];
  /** `KUBEBUILDER_ASSETS` and what `go` needs are read from here; `process.env` when left out. */
  readonly env?: NodeJS.ProcessEnv;
  /** The folder with `go.mod` and `go.sum`. */
  readonly moduleDirectory?: string;
  /** Builds land in `<cache>/<hash>/bin`. */
  readonly cacheDirectory?: string;
  /** Told one line per step of a build; written to standard error when left out. Silent when nothing is to be built. */
  readonly report?: (line: string) => void;
};

/**
 * Returns the folder that holds the binaries: `KUBEBUILDER_ASSETS` when it is set, else a folder keyed by the pinned versions, into
 * which those that lack are built once, minutes the first time. Safe to call from several processes at once: one builds, the
 * others wait. Throws a {@link ToolsError} that says what to install or to set.
 */
export async function ensureTools(options: ToolsOptions = {}): Promise<string> {
  const { tools = toolNames, env = process.env } = options;
  const assets = env.KUBEBUILDER_ASSETS;
  if (assets !== undefined && assets !== '') return requireAssets(resolve(assets), tools);
  return await buildMissing(tools, await describeBuild(options, env));
}

async function requireAssets(directory: string, tools: readonly ToolName[]): Promise<string> {
  const missing = await findMissing(directory, tools);
  if (missing.length === 0) return directory;
  const message =
    `KUBEBUILDER_ASSETS is ${directory}, which has no executable ${missing.join(', no ')}: ` +
    'add what is missing, or unset the variable to build from source';
  throw new ToolsError('binary-missing', message);
}

/** Everything that a build needs to know, with the options' defaults filled in. */
type Build = {
  readonly moduleDirectory: string;
  readonly goMod: string;
  readonly directory: string;
  readonly binDirectory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly report: (line: string) => void;
};

async function describeBuild(options: ToolsOptions, env: NodeJS.ProcessEnv): Promise<Build> {
  const { moduleDirectory = join(repository, 'tools'), cacheDirectory = join(repository, '.cache', 'tools') } = options;
  const { report = (line: string) => process.stderr.write(`${line}\n`) } = options;
  const goMod = await readFile(join(moduleDirectory, 'go.mod'), 'utf8');
  const goSum = await readFile(join(moduleDirectory, 'go.sum'), 'utf8');
  // The platform belongs to the key because a checkout may be shared between a machine and containers on it.
  const key = createHash('sha256').update(`${process.platform} ${process.arch}\n${goMod}\n${goSum}`).digest('hex');
  const directory = join(cacheDirectory, key.slice(0, 16));
  return { moduleDirectory, goMod, directory, binDirectory: join(directory, 'bin'), env, report };
}

async function buildMissing(tools: readonly ToolName[], build: Build): Promise<string> {
  if ((await findMissing(build.binDirectory, tools)).length === 0) return build.binDirectory;
  await mkdir(build.binDirectory, { recursive: true });
  const onWait = (holder: number) => build.report(`tools: waiting for process ${holder}, which builds them`);
  await withLock(join(build.directory, 'lock'), onWait, async () => {
    // Looked up again: whoever held the lock before may have built them.
    const missing = await findMissing(build.binDirectory, tools);
    if (missing.length > 0) await buildAll(missing, build);
  });
  return build.binDirectory;
}

async function buildAll(tools: readonly ToolName[], build: Build): Promise<void> {
  await requireGo(build.moduleDirectory, build.goMod, build.env);
  await removePartialBuilds(build.directory);
  const partial = await mkdtemp(join(build.directory, partialPrefix));
  try {
    for (const [index, tool] of tools.entries())
      await buildOne(tool, `${index + 1} of ${tools.length}`, partial, build);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Built aside and renamed, so that a file with the final name is always a whole one, whatever ends this process. */
async function buildOne(tool: ToolName, position: string, partial: string, build: Build): Promise<void> {
  const output = join(partial, tool);
  const startedAt = performance.now();
  const seconds = () => `${Math.round((performance.now() - startedAt) / 1000)} s`;
  build.report(`tools: building ${tool} (${position})`);
  const timer = setInterval(
    () => build.report(`tools: building ${tool} (${position}), ${seconds()}`),
    progressIntervalMs,
  );
  try {
    await runGo(build.moduleDirectory, buildArguments(tool, build.goMod, output), build.env);
  } finally {
    clearInterval(timer);
  }
  await rename(output, join(build.binDirectory, tool));
  build.report(`tools: built ${tool} (${position}) in ${seconds()}`);
}

/** What a killed builder left; called with the lock held, so nobody is at work in them. */
async function removePartialBuilds(directory: string): Promise<void> {
  const names = await readdir(directory);
  const partial = names.filter((name) => name.startsWith(partialPrefix));
  await Promise.all(partial.map((name) => rm(join(directory, name), { recursive: true, force: true })));
}

async function findMissing(directory: string, tools: readonly ToolName[]): Promise<ToolName[]> {
  const present = await Promise.all(tools.map((tool) => isExecutable(join(directory, tool))));
  return tools.filter((_, index) => present[index] !== true);
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
