/** `resource-tracker agent`: runs until it is told to stop. */
import { Command, Option as Flag } from 'commander';
import { pino } from 'pino';
import { Agent } from '../agent/agent.ts';
import { type AgentConfig, loadConfig } from '../agent/config.ts';
import { podFacts } from '../agent/identity.ts';
import { openDriver } from '../agent/open-driver.ts';
import { AGENT_OPTIONS, environmentName, type Option } from '../agent/options.ts';

/** The command with one flag for each option of the agent. */
export function agentCommand(): Command {
  const command = new Command('agent')
    .description('own the accounting of one node: publish its ComputeNode, grant and refuse its InstanceClaims')
    .option(
      '--config <FILE>',
      'YAML file with the same options in camelCase, for example nodeName (RESOURCE_TRACKER_CONFIG)',
    )
    .action(async (flags: Record<string, unknown>) => {
      const file = flags.config ?? process.env.RESOURCE_TRACKER_CONFIG;
      await runAgent(loadConfig({ flags, environment: process.env, ...(typeof file === 'string' && { file }) }));
    });
  for (const [name, option] of Object.entries<Option<unknown>>(AGENT_OPTIONS)) command.addOption(flagOf(name, option));
  return command.addHelpText(
    'after',
    '\nFlags beat environment variables, those beat the file, that beats the default.',
  );
}

function flagOf(name: string, { flag, placeholder, description, fallback }: Option<unknown>): Flag {
  const otherwise = fallback === undefined ? '' : `; default: ${fallback}`;
  const text = `${description} (${environmentName(flag)}${otherwise})`;
  return new Flag(`--${flag} <${placeholder}>`, text).attributeName() === name
    ? new Flag(`--${flag} <${placeholder}>`, text)
    : new NamedFlag(`--${flag} <${placeholder}>`, text, name);
}

/** A flag whose camel case is not quite the option's name: --host-ip is hostIP. */
class NamedFlag extends Flag {
  readonly #attribute: string;

  constructor(flags: string, description: string, attribute: string) {
    super(flags, description);
    this.#attribute = attribute;
  }

  override attributeName(): string {
    return this.#attribute;
  }
}

async function runAgent(config: AgentConfig): Promise<void> {
  const log = pino({ level: config.logLevel, base: { node: config.nodeName } });
  const driver = await openDriver(config);
  const agent = new Agent({ config, driver, log, pod: podFacts(process.env) });
  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'stopping');
    agent.stop().catch((error: unknown) => log.error({ error: String(error) }, 'stopping failed'));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  await agent.start();
  log.info({ driver: driver.name, healthPort: agent.healthPort }, 'agent started');
  await agent.done;
}
