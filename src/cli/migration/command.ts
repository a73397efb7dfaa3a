import { Command } from 'commander';
import { endWithUsage } from '../cluster-command.ts';
import { HELP_HINT } from '../configured-command.ts';
import { decideCommands } from './decide-commands.ts';
import { listCommand, showCommand } from './list-commands.ts';
import { reportCommand } from './report-command.ts';
import { startCommand } from './start-command.ts';

/** `resource-tracker migration ...`. */
export function migrationCommand(): Command {
  const group = new Command('migration')
    .description('resize, move and evacuate instances; report, decide and watch how it goes')
    .showHelpAfterError(HELP_HINT)
    .exitOverride(endWithUsage);
  for (const command of [startCommand(), reportCommand(), ...decideCommands(), listCommand(), showCommand()])
    group.addCommand(command);
  return group;
}
