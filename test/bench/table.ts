import { type Result, type Row, reaches } from './row.ts';

const NOTE_WIDTH = 100;
const HEAD = ['', 'row', 'measured', 'reference', 'unit', 'ratio', 'to reach'];

/** The results for people: a mark on each row that misses its target, and the notes below. */
export function tableOf(results: readonly { readonly row: Row; readonly result: Result }[]): string {
  const lines = results.map(({ row, result }) => [
    reaches(row.target, result) ? 'ok' : 'MISS',
    result.row,
    String(result.measured),
    String(result.reference ?? '-'),
    result.unit,
    String(result.ratio ?? '-'),
    result.target,
  ]);
  const notes = results.flatMap(({ result }) => ['', `${result.row}:`, ...folded(result.note)]);
  return [...aligned([HEAD, ...lines]), ...notes].join('\n');
}

function aligned(lines: readonly (readonly string[])[]): string[] {
  const widths = HEAD.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  return lines.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function folded(text: string): string[] {
  const lines: string[] = [];
  let line = ' ';
  for (const word of text.split(' ')) {
    if (line.length + word.length > NOTE_WIDTH) {
      lines.push(line);
      line = ' ';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
