#!/usr/bin/env node
/** The command line: one file per command. */
import { Command } from 'commander';
import { AgentError } from '../agent/agent.ts';
import { DriverError } from '../drivers/driver.ts';
import { KubeError } from '../kube/errors.ts';
import { ConfigError } from '../process/config.ts';
import { VERSION } from '../version.ts';
import { adoptCommand } from './adopt/command.ts';
import { agentCommand } from './agent-command.ts';
import { HELP_HINT } from './configured-command.ts';
import { controllerCommand } from './controller-command.ts';
import { explainCommand } from './explain/command.ts';
import { inspectCommand } from './inspect-command.ts';
import { migrationCommand } from './migration/command.ts';

/** Errors whose message says all that a user needs. */
const TOLD_BY_MESSAGE = [ConfigError, DriverError, KubeError, AgentError];

const program = new Command('resource-tracker')
  .description('Accounts for what the instances on a hypervisor host hold, and grants or refuses claims on it.')
  .version(VERSION)
  .showHelpAfterError(HELP_HINT)
  .addCommand(agentCommand())
  .addCommand(controllerCommand())
  .addCommand(inspectCommand())
  .addCommand(explainCommand())
  .addCommand(adoptCommand())
  .addCommand(migrationCommand());

try {
  await program.parseAsync();
  process.exitCode ??= 0;
} catch (error) {
  process.stderr.write(`resource-tracker: ${explain(error)}\n`);
  process.exitCode = 1;
}
// Native libraries may keep threads; whatever should be closed is closed by now.
process.exit();

/** One line for what a user can mend, everything for a programmer's error. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return TOLD_BY_MESSAGE.some((kind) => error instanceof kind) ? error.message : (error.stack ?? error.message);
}
