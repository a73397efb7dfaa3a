/** Which objects of one kind ask for which nodes: they are looked at again when a node comes to stand otherwise. */
export class Dependents {
  readonly #keysOf = new Map<string, Set<string>>();

  /** Whether any object asks for the node. */
  has(nodeName: string): boolean {
    return this.#keysOf.has(nodeName);
  }

  /** Keys of the objects that ask for the node. */
  of(nodeName: string): Iterable<string> {
    return this.#keysOf.get(nodeName) ?? [];
  }

  /** An object asks for other nodes now. Returns those that it came to or left. */
  move(key: string, before: Iterable<string>, after: Iterable<string>): ReadonlySet<string> {
    const touched = new Set([...before, ...after]);
    for (const nodeName of before) this.#leave(nodeName, key);
    for (const nodeName of after) this.#keysOf.set(nodeName, (this.#keysOf.get(nodeName) ?? new Set()).add(key));
    return touched;
  }

  #leave(nodeName: string, key: string): void {
    const keys = this.#keysOf.get(nodeName);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOf.delete(nodeName);
  }
}
