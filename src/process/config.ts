/** Puts a process's configuration together from flags, environment and file, and refuses a wrong one with one clear line. */
import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { environmentName, isRequired, type Option, type OptionalOption, type OptionTable } from './option.ts';

type ValueOf<O> = O extends Option<infer T> ? T : never;
type OptionalName<Table> = {
  [K in keyof Table]: Table[K] extends OptionalOption<unknown> ? K : never;
}[keyof Table];

/** What the options of a table say, read and checked. */
export type ConfigOf<Table extends OptionTable> = {
  readonly [K in Exclude<keyof Table, OptionalName<Table>>]: ValueOf<Table[K]>;
} & { readonly [K in OptionalName<Table>]?: ValueOf<Table[K]> };

/** A configuration that cannot be used; the message is one line that says what to write instead. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Where the values come from. `flags` has the names of the options' table. */
export interface ConfigSources {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Path of a YAML file with the same names as keys. */
  readonly file?: string;
  /** Keys of the file that another command reads. */
  readonly foreignKeys?: readonly string[];
}

interface Given {
  readonly value: unknown;
  readonly from: string;
}

/** Reads and checks everything that the table names. Throws ConfigError. */
export function loadConfig<Table extends OptionTable>(table: Table, sources: ConfigSources): ConfigOf<Table> {
  const file = sources.file === undefined ? {} : readConfigFile(sources.file, table, sources.foreignKeys);
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table)) {
    const given = find(name, option, sources, file);
    if (given !== undefined) values[name] = read(option, given);
    else if (isRequired(option)) throw new ConfigError(missing(name, option));
  }
  return values as ConfigOf<Table>;
}

function find(
  name: string,
  option: Option<unknown>,
  { flags, environment, file: path }: ConfigSources,
  file: Readonly<Record<string, unknown>>,
): Given | undefined {
  const variable = environmentName(option.flag);
  if (flags[name] !== undefined) return { value: flags[name], from: `--${option.flag}` };
  if (environment[variable] !== undefined && environment[variable] !== '')
    return { value: environment[variable], from: variable };
  if (file[name] !== undefined) return { value: file[name], from: `${name} in ${path}` };
  return option.fallback === undefined ? undefined : { value: option.fallback, from: 'the default' };
}

function read(option: Option<unknown>, { value, from }: Given): unknown {
  try {
    return option.read(value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`${from}: ${oneLine(reason)} (given: ${shown(value)})`, { cause: error });
  }
}

function missing(name: string, { flag, placeholder }: Option<unknown>): string {
  return `--${flag} ${placeholder} is missing; give it as a flag, as ${environmentName(flag)}, or as ${name} in the configuration file`;
}

function readConfigFile(
  path: string,
  table: OptionTable,
  foreignKeys: readonly string[] = [],
): Readonly<Record<string, unknown>> {
  let data: unknown;
  try {
    data = parseYaml(readFileSync(path, 'utf8')) ?? {};
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`cannot read the configuration file ${path}: ${oneLine(reason)}`, { cause: error });
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new ConfigError(`the configuration file ${path} must be a map, for example: logLevel: debug`);
  }
  const unknown = Object.keys(data).filter((key) => !Object.hasOwn(table, key) && !foreignKeys.includes(key));
  if (unknown.length === 0) return { ...data };
  const known = Object.keys(table).join(', ');
  throw new ConfigError(
    `the configuration file ${path} has keys that are not known: ${unknown.join(', ')} (known: ${known})`,
  );
}

const oneLine = (message: string): string => message.replace(/\s*\n[\s\S]*/, '');

function shown(value: unknown): string {
  const words = typeof value === 'string' ? value : JSON.stringify(value);
  return words.length > 80 ? `${words.slice(0, 77)}...` : words;
}
