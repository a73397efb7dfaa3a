/** `resource-tracker agent`: runs until it is told to stop. */
import type { Command } from 'commander';
import { pino } from 'pino';
import { Agent } from '../agent/agent.ts';
import type { AgentConfig } from '../agent/config.ts';
import { loadPlugins } from '../agent/load-plugins.ts';
import { openDriver } from '../agent/open-driver.ts';
import { AGENT_OPTIONS } from '../agent/options.ts';
import { podFacts } from '../process/identity.ts';
import { spareMemory } from '../process/spare-memory.ts';
import { configuredCommand } from './configured-command.ts';

/** The command with one flag for each option of the agent. */
export function agentCommand(): Command {
  return configuredCommand('agent', AGENT_OPTIONS, runAgent).description(
    'own the accounting of one node: publish its ComputeNode, grant and refuse its InstanceClaims',
  );
}

async function runAgent(config: AgentConfig): Promise<void> {
  spareMemory();
  const log = pino({ level: config.logLevel, base: { node: config.nodeName } });
  const plugins = await loadPlugins(config.plugins);
  const driver = await openDriver(config);
  const agent = new Agent({ config, driver, log, pod: podFacts(process.env), plugins });
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
