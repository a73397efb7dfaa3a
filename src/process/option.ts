/**
 * One option of a process: its flag, its environment variable, its place in the configuration file, its default, and how its text
 * is read. Flags beat the environment, that beats the file, that beats the default.
 */
import { parse as parseYaml } from 'yaml';

/** One option. `read` throws an Error whose message says what to write. */
export interface Option<T> {
  readonly flag: string;
  /** One letter, such as `o` for `-o`. */
  readonly short?: string;
  /** What stands for the value in `--help`. */
  readonly placeholder: string;
  readonly description: string;
  readonly read: (value: unknown) => T;
  /** As it would be written; absent: the option has to be given, or is an `OptionalOption`. */
  readonly fallback?: string;
}

/** An option that may be left out. */
export interface OptionalOption<T> extends Option<T> {
  readonly optional: true;
  readonly fallback?: never;
}

/** All options of a process by their names in the configuration file. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

export const option = <T>(of: Option<T>): Option<T> => of;

export const optional = <T>(of: Omit<OptionalOption<T>, 'optional' | 'fallback'>): OptionalOption<T> => ({
  ...of,
  optional: true,
});

/** Whether it has to be given. */
export function isRequired(of: Option<unknown> | OptionalOption<unknown>): boolean {
  return of.fallback === undefined && !('optional' in of);
}

/** The environment variable of an option. */
export function environmentName(flag: string): string {
  return `RESOURCE_TRACKER_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** How values are read. Each throws an Error whose message says what to write. */

export const text = (value: unknown): string => {
  if (typeof value !== 'string' || value.trim() === '') throw new Error('must be a text that is not empty');
  return value.trim();
};

export const name = (value: unknown): string => {
  const given = text(value);
  if (/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(given)) return given;
  throw new Error("must be lower-case letters, digits, '-' and '.', for example worker-1");
};

export const oneOf = <T extends string>(...choices: readonly T[]) => {
  return (value: unknown): T => {
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) throw new Error(`must be one of ${choices.join(', ')}`);
    return choice;
  };
};

export const whole = (least: number, most: number) => {
  return (value: unknown): number => {
    const number = typeof value === 'number' ? value : /^\d+$/.test(String(value)) ? Number(value) : Number.NaN;
    if (Number.isSafeInteger(number) && number >= least && number <= most) return number;
    throw new Error(`must be a whole number from ${least} to ${most}`);
  };
};

/** Structured values: YAML (so JSON, too) on the command line and in the environment, plain data in the file. */
export const structured = <T>(read: (data: unknown) => T) => {
  return (value: unknown): T => read(typeof value === 'string' ? parseYaml(value) : value);
};

/** Where a server listens. Port 0: any free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const address = (value: unknown): ListenAddress | undefined => {
  const given = text(value);
  if (given === 'off') return undefined;
  const match = /^(.*):(\d{1,5})$/.exec(given);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) throw new Error('must be HOST:PORT, for example 127.0.0.1:9742, or off');
  return { host: (match[1] ?? '').replace(/^\[(.*)\]$/, '$1') || '::', port };
};

/** What every process of an installation takes; they listen at ports of their own. */
export const commonOptions = (port: number) =>
  ({
    kubeconfig: optional<string>({
      flag: 'kubeconfig',
      placeholder: 'FILE',
      description: 'how to reach the API server; default: $KUBECONFIG, ~/.kube/config, or the Pod’s service account',
      read: text,
    }),
    leaseNamespace: option<string>({
      flag: 'lease-namespace',
      placeholder: 'NAMESPACE',
      description: 'where the Leases of this installation are; two installations cannot own one node',
      read: name,
      fallback: 'resource-tracker',
    }),
    // More than a minute would leave the Leases' watch silent for too long to be believed (src/controller/heartbeats.ts).
    leaseDurationSeconds: option<number>({
      flag: 'lease-duration-seconds',
      placeholder: 'SECONDS',
      description:
        'how long a successor waits for one that died without a word; the Lease is renewed four times as often',
      read: whole(2, 60),
      fallback: '40',
    }),
    listenAddress: option<ListenAddress | undefined>({
      flag: 'listen-address',
      placeholder: 'HOST:PORT',
      description: 'where /healthz, /readyz and /metrics are served; off for not at all',
      read: address,
      fallback: `127.0.0.1:${port}`,
    }),
    logLevel: option<'debug' | 'info' | 'warn' | 'error'>({
      flag: 'log-level',
      placeholder: 'LEVEL',
      description: 'debug, info, warn or error',
      read: oneOf('debug', 'info', 'warn', 'error'),
      fallback: 'info',
    }),
  }) as const;
