import type { Command } from 'commander';
import { optional, text } from '../../process/option.ts';
import { clusterCommand } from '../cluster-command.ts';
import { CommandError, EXIT } from '../exit-code.ts';
import { WAIT_OPTIONS, waitOf } from './options.ts';
import { type Report, reportOf } from './report-step.ts';

const MORE = `\
For whoever really moves the instance. Where it is in the phase already, or beyond it, that is no error: a script may be run again from
the start. The message goes into the Migration's condition Executed.

It takes the role resource-tracker-executor.
Exit code 0: it is so; 1: it cannot become that, the message says from which phase and why; 4: no answer of the API server, try again.

  resource-tracker migration report web-1-x7k2p migrating --message 'copies the disk'
  resource-tracker migration report web-1-x7k2p failed --message 'no space left on worker-2'`;

const OPTIONS = {
  message: optional<string>({
    flag: 'message',
    placeholder: 'TEXT',
    description: 'what people should know of it',
    read: text,
  }),
  ...WAIT_OPTIONS,
} as const;

/** `resource-tracker migration report MIGRATION PHASE`. */
export function reportCommand(): Command {
  return clusterCommand({
    name: 'report',
    summary: 'say, as its executor, how far a migration is',
    words: [
      ['MIGRATION', 'name of the Migration'],
      ['PHASE', 'migrating, post-migrating, finished or failed'],
    ],
    options: OPTIONS,
    namespaced: true,
    more: MORE,
    run: async ([name = '', phase = ''], options, cluster) => {
      const { runReport } = await import('./report.ts');
      return runReport({ name, report: read(phase), message: options.message }, waitOf(options), cluster);
    },
  });
}

function read(phase: string): Report {
  try {
    return reportOf(phase);
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error), EXIT.usage);
  }
}
