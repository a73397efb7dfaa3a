import type { Command } from 'commander';
import type { MigrationDecision } from '../../api/generated/v1alpha1.ts';
import { clusterCommand } from '../cluster-command.ts';
import { WAIT_OPTIONS, waitOf } from './options.ts';

const MORE = `\
A decision is set once. Setting the same one again is no error, another one is.

Exit code 0: it is set, or carried out with --wait; 1: it cannot be, or ended otherwise; 4: no answer of the API server, try again; 124: not in time.`;

const DECISIONS: readonly (readonly [string, MigrationDecision, string])[] = [
  ['confirm', 'Confirm', 'keep the result of a migration: what the source holds is given back'],
  ['revert', 'Revert', 'undo a resize or a cold migration that has Finished'],
  ['abort', 'Abort', 'stop a migration before it has Finished'],
];

/** `resource-tracker migration confirm|revert|abort MIGRATION`. */
export function decideCommands(): readonly Command[] {
  return DECISIONS.map(([name, decision, summary]) =>
    clusterCommand({
      name,
      summary,
      words: [['MIGRATION', 'name of the Migration']],
      options: WAIT_OPTIONS,
      namespaced: true,
      more: MORE,
      run: async ([migration = ''], options, cluster) => {
        const { runDecide } = await import('./decide.ts');
        return runDecide(migration, decision, waitOf(options), cluster);
      },
    }),
  );
}
