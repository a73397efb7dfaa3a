import type { Command } from 'commander';
import { clusterCommand } from '../cluster-command.ts';
import { OUTPUT } from '../command-option.ts';

const MORE = `\
Reserved, then each claim, each side of a migration and each orphan, then the sums: by the agent's own rules, from what the API server
tells. Memory of the sums has the overhead in it.

Exit code 0: ComputeNode.status says the same; 3: it does not, with what is likely the reason; 1: there is no such node.

  resource-tracker explain worker-1
  resource-tracker explain worker-1 -o json | jq .lines`;

/** `resource-tracker explain NODE`. */
export function explainCommand(): Command {
  return clusterCommand({
    name: 'explain',
    summary: "print how a node's used resources come about, line by line, and whether its status says the same",
    words: [['NODE', 'name of the ComputeNode']],
    options: { output: OUTPUT },
    namespaced: false,
    more: MORE,
    run: async ([nodeName = ''], { output }, cluster) => {
      const { runExplain } = await import('./explain.ts');
      return runExplain(nodeName, output, cluster);
    },
  });
}
