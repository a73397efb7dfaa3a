/** Loads plug-in modules. Whatever is wrong with one ends the agent at once: it was asked for, and nobody would notice that it is missing. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Monitor, Plugin, Statistic } from '../plugin.ts';
import { ConfigError } from '../process/config.ts';

/** What all modules together export, in their order. */
export type Plugins = Required<Plugin>;

export const NO_PLUGINS: Plugins = { monitors: [], statistics: [] };

const STATISTIC = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/;

/** Loads the modules at these paths. Throws ConfigError. */
export async function loadPlugins(paths: readonly string[]): Promise<Plugins> {
  const modules: Plugins[] = [];
  for (const path of paths) modules.push(await load(path));
  const statistics = modules.flatMap((module) => module.statistics);
  const names = statistics.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new ConfigError(`--plugins: two statistics are named ${twice}; rename one of them`);
  return { monitors: modules.flatMap(({ monitors }) => monitors), statistics };
}

async function load(path: string): Promise<Plugins> {
  try {
    const { monitors, statistics } = (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>;
    if (monitors === undefined && statistics === undefined)
      throw new Error('it must export a list monitors or statistics, for example: export const statistics = [...]');
    return {
      monitors: listOf('monitors', monitors).map(monitorOf),
      statistics: listOf('statistics', statistics).map(statisticOf),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`--plugins: ${path}: ${reason.replace(/\s*\n[\s\S]*/, '')}`, { cause });
  }
}

function listOf(what: string, list: unknown = []): readonly unknown[] {
  if (Array.isArray(list)) return list;
  throw new Error(`its ${what} must be a list, for example: export const ${what} = [...]`);
}

/** Its metrics are looked at when it is chosen. */
function monitorOf(monitor: unknown, index: number): Monitor {
  if (hasNameAnd(monitor, 'read')) return monitor as Monitor;
  throw new Error(`entry ${index} of its monitors must have a name, metrics and a function read`);
}

function statisticOf(statistic: unknown, index: number): Statistic {
  if (!hasNameAnd(statistic, 'count'))
    throw new Error(`entry ${index} of its statistics must have a name and a function count`);
  if (STATISTIC.test(statistic.name)) return statistic as Statistic;
  throw new Error(`the statistic "${statistic.name}" must be named by letters, digits, '_' and '-', 63 at most`);
}

function hasNameAnd(entry: unknown, method: string): entry is { readonly name: string } {
  return (
    typeof entry === 'object' &&
    entry !== null &&
    typeof Reflect.get(entry, 'name') === 'string' &&
    typeof Reflect.get(entry, method) === 'function'
  );
}
