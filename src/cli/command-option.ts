/** Options of the commands that ask the API server: an `Option` whose placeholder says how often, and with what, it is written. */
import type { Option as Flag } from 'commander';
import { AGENT_OPTIONS } from '../agent/options.ts';
import { name, type Option, oneOf, option, optional } from '../process/option.ts';
import { NamedFlag } from './named-flag.ts';

/** How to reach the API server, as for the agent; every command has it. */
export const KUBECONFIG = AGENT_OPTIONS.kubeconfig;

export const NAMESPACE = optional<string>({
  flag: 'namespace',
  short: 'n',
  placeholder: 'NAMESPACE',
  description: "default: that of the kubeconfig's context, else default",
  read: name,
});

export type OutputFormat = 'table' | 'json' | 'yaml';

export const OUTPUT = option<OutputFormat>({
  flag: 'output',
  short: 'o',
  placeholder: 'table|json|yaml',
  description: 'how it is printed',
  read: oneOf('table', 'json', 'yaml'),
  fallback: 'table',
});

/** An option without a value. */
export function onOff(of: Pick<Option<boolean>, 'flag' | 'short' | 'description'>): Option<boolean> {
  return option<boolean>({ ...of, placeholder: '', read: (value) => value === true, fallback: '' });
}

/** An option that may be given several times; `read` takes one of its values. */
export function repeated<T>(of: Omit<Option<T>, 'fallback'>): Option<readonly T[]> {
  const read = (values: unknown): readonly T[] => (Array.isArray(values) ? values.map(of.read) : []);
  return option<readonly T[]>({ ...of, placeholder: `${of.placeholder}...`, read, fallback: '' });
}

/** The flag of an option. `[VALUE]` may be left out, `VALUE...` is given with a flag of its own each time. */
export function commandFlag(attribute: string, option: Option<unknown>): Flag {
  const { flag, short, placeholder, description, fallback } = option;
  const isRepeated = placeholder.endsWith('...');
  const value = isRepeated ? placeholder.slice(0, -3) : placeholder;
  const shown = value === '' || /^\[.*\]$/.test(value) ? value : `<${value}>`;
  const letter = short === undefined ? '' : `-${short}, `;
  const otherwise = fallback === undefined || fallback === '' ? '' : ` (default: ${fallback})`;
  const more = isRepeated ? '; may be given several times' : '';
  const made = new NamedFlag(`${letter}--${flag} ${shown}`.trim(), `${description}${more}${otherwise}`, attribute);
  if (isRepeated) made.argParser((one: string, before: string[] = []) => [...before, one]);
  return made;
}
