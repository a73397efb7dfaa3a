/** Reads lists of names and of paths. */

/** A list of texts, or one of them alone. */
export function readTexts(example: string): (data: unknown) => readonly string[] {
  return (data) => {
    const list: readonly unknown[] = Array.isArray(data) ? data : [data];
    return list.map((entry) => {
      if (typeof entry === 'string' && entry.trim() !== '') return entry.trim();
      throw new Error(`must be a list of texts, for example ${example}`);
    });
  };
}
