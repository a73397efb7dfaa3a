import type { Command } from 'commander';
import { name, optional } from '../../process/option.ts';
import { clusterCommand } from '../cluster-command.ts';
import { OUTPUT, onOff } from '../command-option.ts';
import { WAIT_OPTIONS, waitOf } from './options.ts';

const LIST_OPTIONS = {
  allNamespaces: onOff({ flag: 'all-namespaces', short: 'A', description: 'those of all namespaces' }),
  claim: optional<string>({ flag: 'claim', placeholder: 'CLAIM', description: 'only those of this claim', read: name }),
  output: OUTPUT,
} as const;

/** `resource-tracker migration list`. */
export function listCommand(): Command {
  return clusterCommand({
    name: 'list',
    summary: 'list migrations',
    words: [],
    options: LIST_OPTIONS,
    namespaced: true,
    more: '  resource-tracker migration list -A',
    run: async (_words, { allNamespaces, claim, output }, cluster) => {
      const { runList } = await import('./list.ts');
      return runList({ allNamespaces, claimName: claim, output }, cluster);
    },
  });
}

/** `resource-tracker migration show MIGRATION`. */
export function showCommand(): Command {
  return clusterCommand({
    name: 'show',
    summary: 'show a migration: where it is, why, and who has to do what next',
    words: [['MIGRATION', 'name of the Migration']],
    options: { output: OUTPUT, ...WAIT_OPTIONS },
    namespaced: true,
    more: `\
  resource-tracker migration show web-1-x7k2p
  resource-tracker migration show web-1-x7k2p --wait=PreMigrating --timeout=60 -o json`,
    run: async ([migration = ''], options, cluster) => {
      const { runShow } = await import('./list.ts');
      return runShow(migration, options.output, waitOf(options), cluster);
    },
  });
}
