/**
 * Writes the tables of docs/configuration.md, docs/metrics.md and docs/controller.md from the code that they describe, each between two comment lines;
 * the rest of the files is written by hand. With `--check` it writes nothing and fails when a table is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { AgentMetrics } from '../src/agent/metrics.ts';
import { AGENT_OPTIONS } from '../src/agent/options.ts';
import { ControllerMetrics } from '../src/controller/metrics.ts';
import { CONTROLLER_OPTIONS } from '../src/controller/options.ts';
import { environmentName, isRequired, type OptionTable } from '../src/process/option.ts';
import type { ProcessMetrics } from '../src/process/process-metrics.ts';

/** A file whose generated part is stale. */
export type StaleFile = { readonly name: string; readonly expected: string };

const tables: Readonly<Record<string, () => readonly string[]>> = {
  'docs/configuration.md': () => optionRows(AGENT_OPTIONS),
  'docs/metrics.md': () => metricRows(new AgentMetrics()),
  'docs/controller.md': () => [
    ...optionRows(CONTROLLER_OPTIONS),
    '',
    '## Metrics',
    '',
    ...metricRows(new ControllerMetrics()),
  ],
};

/** What would change if the files were generated now. */
export function staleDocs(): StaleFile[] {
  return Object.entries(tables).flatMap(([name, rows]) => {
    const present = readFileSync(urlOf(name), 'utf8');
    const expected = withTable(name, present, rows());
    return expected === present ? [] : [{ name, expected }];
  });
}

function withTable(name: string, text: string, rows: readonly string[]): string {
  const [begin, end] = ['<!-- generated: begin (dev/generate-docs.ts) -->\n', '<!-- generated: end -->'];
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${name} lacks the lines ${begin.trim()}, ${end}`);
  return `${before}${begin}${rows.join('\n')}\n${end}${after}`;
}

function optionRows(options: OptionTable): string[] {
  const rows = Object.entries(options).map(([name, option]) => {
    const { flag, placeholder, description, fallback } = option;
    const otherwise = isRequired(option) ? 'required' : fallback === undefined ? '-' : `\`${fallback}\``;
    const ways = [`\`--${flag} ${placeholder}\``, `\`${environmentName(flag)}\``, `\`${name}\``];
    return row([...ways, otherwise, description]);
  });
  return [row(['flag', 'environment variable', 'key in the file', 'default', 'what it is']), ruler(5), ...rows];
}

function metricRows(metrics: ProcessMetrics): string[] {
  const own = metrics.registry.getMetricsAsArray().filter(({ name }) => name.startsWith('resource_tracker_'));
  const rows = own.map((metric) => {
    const labels = 'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames : [];
    const names = labels.map((label) => `\`${String(label)}\``).join(', ');
    return row([`\`${metric.name}\``, String(metric.type), names || '-', metric.help]);
  });
  return [row(['metric', 'type', 'labels', 'what it is']), ruler(4), ...rows];
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function ruler(columns: number): string {
  return `|${'---|'.repeat(columns)}`;
}

function urlOf(name: string): URL {
  return new URL(`../${name}`, import.meta.url);
}

function main(): void {
  const stale = staleDocs();
  if (!process.argv.includes('--check')) {
    for (const { name, expected } of stale) writeFileSync(urlOf(name), expected);
  } else if (stale.length > 0) {
    console.error(`stale: ${stale.map(({ name }) => name).join(', ')}; run node dev/generate-docs.ts`);
    process.exitCode = 1;
  }
}

if (import.meta.main) main();
