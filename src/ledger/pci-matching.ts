/** A device as the matching sees it: `fits` are the indices of the requests that it could serve, ascending. */
export interface Candidate {
  readonly fits: readonly number[];
  /** Equal for candidates whose `fits` are equal. */
  readonly group: string;
}

/**
 * Meets all needs from candidates of which each serves once, or says undefined if that is impossible. Candidates are taken in their order
 * as far as the needs allow: the set that is taken is the first one in lexicographic order (bipartite matching by augmenting
 * paths from the candidates' side; what can be matched is a matroid, so being greedy is right).
 *
 * @returns the candidates that serve each request, in no particular order.
 */
export function matchInOrder<C extends Candidate>(
  candidates: Iterable<C>,
  needs: readonly number[],
): C[][] | undefined {
  const matching = new Matching<C>(needs);
  const hopeless = new Set<string>();
  for (const candidate of candidates) {
    if (matching.isComplete()) break;
    // Once a candidate finds no place, no equal one will: the others never give up a place.
    if (!hopeless.has(candidate.group) && !matching.place(candidate)) hopeless.add(candidate.group);
  }
  return matching.isComplete() ? matching.served : undefined;
}

class Matching<C extends Candidate> {
  readonly served: C[][];
  readonly #needs: readonly number[];
  #missing: number;

  constructor(needs: readonly number[]) {
    this.#needs = needs;
    this.#missing = needs.reduce((sum, need) => sum + need, 0);
    this.served = needs.map(() => []);
  }

  isComplete(): boolean {
    return this.#missing === 0;
  }

  place(candidate: C): boolean {
    const placed = this.#settle(candidate, new Set());
    if (placed) this.#missing--;
    return placed;
  }

  /** Depth is at most the number of requests, as each is visited once. */
  #settle(candidate: C, visited: Set<number>): boolean {
    for (const request of candidate.fits) if (this.#takeFree(candidate, request)) return true;
    for (const request of candidate.fits) {
      if (visited.has(request)) continue;
      visited.add(request);
      if (this.#takeFromOther(candidate, request, visited)) return true;
    }
    return false;
  }

  #takeFree(candidate: C, request: number): boolean {
    const served = this.served[request];
    if (served === undefined || served.length >= (this.#needs[request] ?? 0)) return false;
    served.push(candidate);
    return true;
  }

  #takeFromOther(candidate: C, request: number, visited: Set<number>): boolean {
    const served = this.served[request] ?? [];
    const tried = new Set<string>();
    for (const [index, other] of served.entries()) {
      if (tried.has(other.group)) continue;
      tried.add(other.group);
      if (!this.#settle(other, visited)) continue;
      served[index] = candidate;
      return true;
    }
    return false;
  }
}
