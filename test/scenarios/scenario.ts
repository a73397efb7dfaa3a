/**
 * Scenarios are text files that people read: one step a line, and behind it what each node uses and has available afterwards, as
 * `vCPUs memory disk`. What a column leaves out is as it was before. The first step has a column for each node: two, or three. Lines of
 * `#` are comments, the first of which says what the file shows. Whoever runs them provides a Stage.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'files');
const SUFFIX = '.scenario';

const NODES = ['node-a', 'node-b', 'node-c'] as const;
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
  /** What must be published of each node once the step has settled. */
  readonly figures: ReadonlyMap<NodeName, NodeFigures>;
}

export interface Scenario {
  /** Of its file, without the ending: it may be part of the names of objects. */
  readonly name: string;
  readonly title: string;
  readonly nodes: readonly NodeName[];
  readonly steps: readonly ScenarioStep[];
}

/** All scenarios, by the names of their files. */
export function scenarios(): readonly Scenario[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(SUFFIX));
  return files.toSorted().map((name) => parse(readFileSync(join(FOLDER, name), 'utf8'), name));
}

/** Reads one file; throws with its name and line where it cannot be read. */
export function parse(text: string, fileName: string): Scenario {
  const lines = text.split('\n');
  const [first = ''] = lines;
  if (!first.startsWith('# ')) throw new Error(`${fileName}: the first line is "# " and a title`);
  const steps: ScenarioStep[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('#') || line.trim() === '') continue;
    const step = stepOf(line, index + 1, steps.at(-1)?.figures);
    if (step === undefined) throw new Error(`${fileName}:${index + 1}: the first step tells the figures of every node`);
    steps.push(step);
  }
  const [{ figures } = { figures: new Map() }] = steps;
  return { name: fileName.replace(SUFFIX, ''), title: first.slice(2), nodes: [...figures.keys()], steps };
}

function stepOf(line: string, number: number, before?: ScenarioStep['figures']): ScenarioStep | undefined {
  const [words = '', ...columns] = line.split('|').map((column) => column.trim());
  const nodes = before === undefined ? NODES.slice(0, columns.length) : [...before.keys()];
  const figures = new Map<NodeName, NodeFigures>();
  for (const [index, nodeName] of nodes.entries()) {
    const told = figuresOf(columns[index]) ?? before?.get(nodeName);
    if (told !== undefined) figures.set(nodeName, told);
  }
  return figures.size === 0 || figures.size < nodes.length ? undefined : { line: number, words, figures };
}

function figuresOf(column: string | undefined): NodeFigures | undefined {
  if (column === undefined || column === '') return undefined;
  const [used = '', available = ''] = column.split(/ {2,}/);
  return { used, available };
}
