/** `resource-tracker explain`: how a node's `used` comes about, from the API server alone. */
import { sleep, systemClock } from '../../kube/clock.ts';
import type { Cluster } from '../cluster-command.ts';
import type { OutputFormat } from '../command-option.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { type Explanation, explain } from './explanation.ts';
import { formatExplanation } from './format.ts';
import { readNodeView } from './node-view.ts';

/**
 * Node and claims are read one after the other, and the agent writes its sums before the claims: a difference counts only once it has stayed
 * for as long as a batch takes.
 */
const LOOKS = 8;
const PAUSE_MS = 250;

/** Prints the explanation. Throws CommandError for a node that is not there. */
export async function runExplain(nodeName: string, output: OutputFormat, cluster: Cluster): Promise<ExitCode> {
  const explanation = await settled(async () => explain(await readNodeView(cluster.connection, nodeName)));
  cluster.stdout.write(formatExplanation(explanation, output));
  return differs(explanation) ? EXIT.differs : EXIT.done;
}

async function settled(look: () => Promise<Explanation>): Promise<Explanation> {
  let explanation = await look();
  for (let looks = 1; looks < LOOKS && differs(explanation); looks += 1) {
    await sleep(systemClock, PAUSE_MS);
    explanation = await look();
  }
  return explanation;
}

function differs({ differences, deviceDifferences }: Explanation): boolean {
  return differences.length + deviceDifferences.length > 0;
}
