/** `resource-tracker controller`: runs until it is told to stop. */
import type { Command } from 'commander';
import { pino } from 'pino';
import { Controller } from '../controller/controller.ts';
import { CONTROLLER_OPTIONS, type ControllerConfig } from '../controller/options.ts';
import { podFacts } from '../process/identity.ts';
import { configuredCommand } from './configured-command.ts';

/** The command with one flag for each option of the controller. */
export function controllerCommand(): Command {
  return configuredCommand('controller', CONTROLLER_OPTIONS, runController).description(
    'watch over all nodes: mark silent agents and gone nodes, clean up finished claims; one leads, others stand by',
  );
}

async function runController(config: ControllerConfig): Promise<void> {
  const log = pino({ level: config.logLevel, base: null });
  const controller = new Controller({ config, log, pod: podFacts(process.env) });
  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'stopping');
    controller.stop().catch((error: unknown) => log.error({ error: String(error) }, 'stopping failed'));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  await controller.start();
  log.info({ healthPort: controller.healthPort }, 'controller started');
  await controller.done;
}
