/**
 * Scenarios are text files that people read: one step a line, and behind it what each node uses and has available afterwards, as
 * `vCPUs memory disk`. What a column leaves out is as it was before. Lines of `#` are comments. Whoever runs them provides a Stage.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'files');
const SUFFIX = '.scenario';

export const NODES = ['node-a', 'node-b'] as const;
export type NodeName = (typeof NODES)[number];

/** Figures of one node, as a file writes them: `2 4Gi 20Gi`. */
export interface NodeFigures {
  readonly used: string;
  readonly available: string;
}

export interface Flavor {
  readonly vcpus: number;
  readonly memory: string;
  readonly rootDisk?: string;
}

export interface ScenarioStep {
  readonly line: number;
  readonly words: string;
  /** What must be published once the step has settled. */
  readonly figures: Readonly<Record<NodeName, NodeFigures>>;
}

export interface Scenario {
  readonly title: string;
  readonly steps: readonly ScenarioStep[];
}

/** All scenarios, by the names of their files. */
export function scenarios(): readonly Scenario[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(SUFFIX));
  return files.toSorted().map((name) => parse(readFileSync(join(FOLDER, name), 'utf8'), name));
}

/** Reads one file; throws with its name and line where it cannot be read. */
export function parse(text: string, name: string): Scenario {
  const lines = text.split('\n');
  const [first = ''] = lines;
  if (!first.startsWith('# ')) throw new Error(`${name}: the first line is "# " and a title`);
  const steps: ScenarioStep[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('#') || line.trim() === '') continue;
    const [words = '', ...columns] = line.split('|').map((column) => column.trim());
    const before = steps.at(-1)?.figures;
    const figures = {
      'node-a': figuresOf(columns[0], before?.['node-a']),
      'node-b': figuresOf(columns[1], before?.['node-b']),
    };
    steps.push({ line: index + 1, words, figures });
  }
  return { title: first.slice(2), steps };
}

function figuresOf(column: string | undefined, before: NodeFigures | undefined): NodeFigures {
  if (column === undefined || column === '') {
    if (before === undefined) throw new Error('the first step tells the figures of both nodes');
    return before;
  }
  const [used = '', available = ''] = column.split(/ {2,}/);
  return { used, available };
}
