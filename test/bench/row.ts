import type { Bench } from './bench.ts';

/** What a row has to reach. All that is given must hold. */
export interface Target {
  /** measured / reference at most. */
  readonly ratioAtMost?: number;
  /** measured / reference at least. */
  readonly ratioAtLeast?: number;
  /** The measured figure itself, in the row's unit. */
  readonly measuredAtMost?: number;
}

/** What was measured, both figures in the same unit and interleaved in one run. */
export interface Measurement {
  readonly measured: number;
  /** Absent where the target is a figure by itself. */
  readonly reference?: number;
  readonly unit: string;
  /** What one has to know to read the figures. */
  readonly note: string;
}

/** One line of the table. */
export interface Row {
  readonly name: string;
  readonly target: Target;
  measure(bench: Bench): Promise<Measurement>;
}

/** One line of results.json. */
export interface Result {
  readonly row: string;
  readonly measured: number;
  readonly reference: number | null;
  readonly ratio: number | null;
  readonly target: string;
  readonly unit: string;
  readonly note: string;
}

/** Puts a measurement beside its target. */
export function resultOf({ name, target }: Row, { measured, reference, unit, note }: Measurement): Result {
  return {
    row: name,
    measured: rounded(measured),
    reference: reference === undefined ? null : rounded(reference),
    ratio: reference === undefined ? null : rounded(ratioOf(measured, reference)),
    target: wordsOf(target, unit),
    unit,
    note,
  };
}

/** Whether the figures, as printed, reach what they should. */
export function reaches({ ratioAtMost, ratioAtLeast, measuredAtMost }: Target, { measured, ratio }: Result): boolean {
  return (
    (ratioAtMost === undefined || (ratio ?? Number.POSITIVE_INFINITY) <= ratioAtMost) &&
    (ratioAtLeast === undefined || (ratio ?? 0) >= ratioAtLeast) &&
    (measuredAtMost === undefined || measured <= measuredAtMost)
  );
}

/** Nothing measured against nothing expected is as it should be. */
function ratioOf(measured: number, reference: number): number {
  return measured === 0 && reference === 0 ? 1 : measured / reference;
}

function wordsOf({ ratioAtMost, ratioAtLeast, measuredAtMost }: Target, unit: string): string {
  const parts = [
    ratioAtMost === undefined ? [] : `<= ${ratioAtMost} x`,
    ratioAtLeast === undefined ? [] : `>= ${ratioAtLeast} x`,
    measuredAtMost === undefined ? [] : `<= ${measuredAtMost} ${unit}`,
  ];
  return parts.flat().join(' and ');
}

/** Four digits are more than these machines can tell apart. */
function rounded(figure: number): number {
  return Number(figure.toPrecision(4));
}
