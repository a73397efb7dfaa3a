/** A command that runs a process with options from flags, environment and file. */
import { Command, type Option as Flag } from 'commander';
import { type ConfigOf, loadConfig } from '../process/config.ts';
import { environmentName, type Option, type OptionTable } from '../process/option.ts';
import { NamedFlag } from './named-flag.ts';

/** After an error in the flags. A command does not take this over from its parent. */
export const HELP_HINT = '(run with --help for all options)';

/**
 * A command with one flag for each option of the table; `run` gets what they say, together with environment and file. The file may
 * be another command's, whose keys are `foreignKeys`.
 */
export function configuredCommand<Table extends OptionTable>(
  command: string,
  table: Table,
  run: (config: ConfigOf<Table>) => Promise<void>,
  foreignKeys: readonly string[] = [],
): Command {
  const configured = new Command(command)
    .showHelpAfterError(HELP_HINT)
    .option(
      '--config <FILE>',
      `YAML file with the same options in camelCase, for example ${Object.keys(table)[0]} (RESOURCE_TRACKER_CONFIG)`,
    )
    .action(async (flags: Record<string, unknown>) => {
      const file = flags.config ?? process.env.RESOURCE_TRACKER_CONFIG;
      const sources = { flags, environment: process.env, foreignKeys, ...(typeof file === 'string' && { file }) };
      await run(loadConfig(table, sources));
    });
  for (const [name, option] of Object.entries(table)) configured.addOption(flagOf(name, option));
  return configured.addHelpText(
    'after',
    '\nFlags beat environment variables, those beat the file, that beats the default.',
  );
}

function flagOf(name: string, { flag, short, placeholder, description, fallback }: Option<unknown>): Flag {
  const otherwise = fallback === undefined ? '' : `; default: ${fallback}`;
  const text = `${description} (${environmentName(flag)}${otherwise})`;
  const letter = short === undefined ? '' : `-${short}, `;
  return new NamedFlag(`${letter}--${flag} <${placeholder}>`, text, name);
}
