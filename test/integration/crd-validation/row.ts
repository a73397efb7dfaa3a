/** One object or change that is sent to a real API server, and what it must answer. */
export interface Row {
  readonly title: string;
  /** The spec to create with. */
  readonly spec: unknown;
  /** Statuses that are written first, one after the other; all of them must pass. */
  readonly statuses?: readonly unknown[];
  /** The change that the row is about. Absent: the creation is. */
  readonly change?: { readonly spec: unknown } | { readonly status: unknown };
  /** Each cause that the server must give, `field: message`. Absent: the server must accept. */
  readonly refused?: readonly string[];
}

/** Rows that create an object and look no further. */
export function creations(rows: readonly (readonly [title: string, spec: unknown, ...refused: string[]])[]): Row[] {
  return rows.map(([title, spec, ...refused]) => ({ title, spec, ...causes(refused) }));
}

/** Rows that write a status onto an object that has this spec and, if not undefined, the earlier status. */
export function statusWrites(
  spec: unknown,
  rows: readonly (readonly [title: string, earlier: unknown, status: unknown, ...refused: string[]])[],
): Row[] {
  return rows.map(([title, earlier, status, ...refused]) => ({
    title,
    spec,
    statuses: earlier === undefined ? [] : [earlier],
    change: { status },
    ...causes(refused),
  }));
}

/** Rows that change the spec of an object that has, if not undefined, this status. */
export function specWrites(
  rows: readonly (readonly [title: string, from: unknown, status: unknown, to: unknown, ...refused: string[]])[],
): Row[] {
  return rows.map(([title, spec, status, to, ...refused]) => ({
    title,
    spec,
    statuses: status === undefined ? [] : [status],
    change: { spec: to },
    ...causes(refused),
  }));
}

function causes(refused: readonly string[]): Pick<Row, 'refused'> {
  return refused.length === 0 ? {} : { refused };
}
