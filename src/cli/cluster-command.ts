/** A command that asks the API server, does one thing, and ends with a code that scripts can go by. */
import { Command, type CommanderError } from 'commander';
import { type Connection, connectTo } from '../kube/connection.ts';
import { findEndpoint } from '../kube/endpoint.ts';
import { KubeError } from '../kube/errors.ts';
import { ConfigError, type ConfigOf, loadConfig } from '../process/config.ts';
import { environmentName, isRequired, type OptionTable } from '../process/option.ts';
import { VERSION } from '../version.ts';
import { commandFlag, KUBECONFIG, NAMESPACE } from './command-option.ts';
import { HELP_HINT } from './configured-command.ts';
import { CommandError, EXIT, type ExitCode } from './exit-code.ts';
import { endOf } from './kube-error-words.ts';

/** What a command works with. */
export interface Cluster {
  readonly connection: Connection;
  /** That of `-n`, else of the kubeconfig's context, else `default`. */
  readonly namespace: string;
  /** For the result, and nothing else. */
  readonly stdout: { write(text: string): unknown };
  /** For what people should know besides. */
  readonly stderr: { write(text: string): unknown };
}

/** One command. */
export interface ClusterCommand<Table extends OptionTable> {
  readonly name: string;
  readonly summary: string;
  /** What has to be given without a flag, in order: name and description. */
  readonly words: readonly (readonly [name: string, description: string])[];
  readonly options: Table;
  /** Whether `-n` makes sense. */
  readonly namespaced: boolean;
  /** Examples and exit codes, printed after the options. */
  readonly more: string;
  readonly run: (words: readonly string[], options: ConfigOf<Table>, cluster: Cluster) => Promise<ExitCode>;
}

/** The command as commander has it. Wrong usage ends with its own code. */
export function clusterCommand<Table extends OptionTable>(parts: ClusterCommand<Table>): Command {
  const command = new ClusterCommandLine(parts.name).description(parts.summary).showHelpAfterError(HELP_HINT);
  for (const [word, description] of parts.words) command.argument(`<${word}>`, description);
  const own = { ...parts.options, ...(parts.namespaced && { namespace: NAMESPACE }), kubeconfig: KUBECONFIG };
  for (const [name, option] of Object.entries(own))
    command.addOption(commandFlag(name, option).makeOptionMandatory(isRequired(option)));
  return command
    .addHelpText('after', `\n${parts.more}`)
    .exitOverride(endWithUsage)
    .action(() => perform(titleOf(command), parts, command.args, command.opts()));
}

/** `--wait` alone must not take the word behind it for its value, as commander has it for options whose value may be left out. */
class ClusterCommandLine extends Command {
  override parseOptions(given: string[]): ReturnType<Command['parseOptions']> {
    const bare = this.options.flatMap(({ optional, long }) => (optional && long ? [long] : []));
    return super.parseOptions(given.map((word) => (bare.includes(word) ? `${word}=` : word)));
  }
}

/** Ends the process after commander has printed help or what is wrong. */
export function endWithUsage({ exitCode }: CommanderError): never {
  process.exit(exitCode === 0 ? EXIT.done : EXIT.usage);
}

/** `resource-tracker migration start`. */
function titleOf(command: Command): string {
  return command.parent === null ? command.name() : `${titleOf(command.parent)} ${command.name()}`;
}

async function perform<Table extends OptionTable>(
  title: string,
  parts: ClusterCommand<Table>,
  words: readonly string[],
  flags: Readonly<Record<string, unknown>>,
): Promise<void> {
  try {
    process.exitCode = await runConnected(parts, words, flags);
  } catch (error) {
    const { message, exitCode } = told(error);
    process.stderr.write(`${title}: ${message}\n`);
    process.exitCode = exitCode;
  }
}

/** What the user has to know of a failure; throws what is a programmer's error. */
function told(error: unknown): CommandError {
  if (error instanceof ConfigError) return new CommandError(error.message, EXIT.usage);
  const end = error instanceof KubeError ? endOf(error) : error;
  if (end instanceof CommandError) return end;
  throw error;
}

async function runConnected<Table extends OptionTable>(
  { options, run }: ClusterCommand<Table>,
  words: readonly string[],
  flags: Readonly<Record<string, unknown>>,
): Promise<ExitCode> {
  const variable = environmentName(KUBECONFIG.flag);
  const sources = { flags, environment: { [variable]: process.env[variable] } };
  const given = loadConfig(options, sources);
  const { kubeconfig, namespace } = loadConfig({ kubeconfig: KUBECONFIG, namespace: NAMESPACE }, sources);
  const endpoint = await findEndpoint({ kubeconfig });
  const connection = connectTo(endpoint, { userAgent: `resource-tracker/${VERSION}` });
  const { stdout, stderr } = process;
  try {
    const meant = namespace ?? (await endpoint.namespace()) ?? 'default';
    return await run(words, given, { connection, namespace: meant, stdout, stderr });
  } finally {
    await connection.close();
  }
}
