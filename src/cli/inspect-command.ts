/** `resource-tracker inspect`: reads this host as an agent would, and prints it. */
import type { Command } from 'commander';
import { driverConfigOf } from '../agent/open-driver.ts';
import { AGENT_OPTIONS } from '../agent/options.ts';
import { OUTPUT } from './command-option.ts';
import { configuredCommand } from './configured-command.ts';
import { runInspect } from './inspect.ts';

const { driver, libvirtUri, instancesPath, storagePool, fakeHost, overhead } = AGENT_OPTIONS;

const INSPECT_OPTIONS = {
  driver,
  libvirtUri,
  instancesPath,
  storagePool,
  fakeHost,
  overhead,
  output: OUTPUT,
} as const;

/** The command; an agent's configuration file may be given to it. */
export function inspectCommand(): Command {
  return configuredCommand(
    'inspect',
    INSPECT_OPTIONS,
    async (config) => {
      const { stdout, stderr } = process;
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      const options = { driver: driverConfigOf(config), output: config.output };
      process.exitCode = await runInspect(options, { stdout, stderr, signal: interrupted.signal });
    },
    Object.keys(AGENT_OPTIONS),
  ).description('print what the driver sees on this host, without any cluster');
}
