import { setTimeout as sleep } from 'node:timers/promises';
import type { Passing } from './passing.ts';

const hitTimeoutMs = 30_000;

/** What happens to a request, or to its answer. */
export type Fault =
  /** It waits until the test releases it, also when the client is gone by then: as if the network had kept it that long. */
  | { readonly kind: 'hold' }
  /** It waits for a time, then goes on. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** It is lost without a word: the client waits until it runs out of patience. */
  | { readonly kind: 'silence' }
  /** The one stream is reset; the connection goes on. */
  | { readonly kind: 'reset' }
  /** The client's TCP connection ends, with everything that is on it. */
  | { readonly kind: 'cut' }
  /** The client gets this status, as the API server words it. */
  | { readonly kind: 'fail'; readonly status: number; readonly retryAfterSeconds?: number };

/** Where a fault strikes: before the API server knows of the request, or after it has carried it out. */
export type Point = 'request' | 'answer';

/** Which passages are struck, and by what. */
export type Rule = {
  readonly at: Point;
  /** The answer of a watch is each piece of its stream, of watches that run already, too: holding one stalls all that follow it. */
  readonly matches: (passing: Passing) => boolean;
  readonly fault: Fault;
  /** The first match that is struck, 1 when left out. */
  readonly from?: number;
  /** How many are struck from there on, 1 when left out. */
  readonly times?: number;
};

/** How the API server answered a request that a rule had struck. */
export type CarriedOut = {
  readonly status: number;
  readonly body: string;
};

/** One passage that a rule struck. */
export class Hit {
  readonly passing: Passing;
  /** What the API server said, whether or not the client ever heard of it; undefined when it was never asked. */
  readonly carriedOut: Promise<CarriedOut | undefined>;
  readonly released: Promise<void>;
  readonly release: () => void;
  readonly settle: (answer: CarriedOut | undefined) => void;

  constructor(passing: Passing) {
    const gate = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<CarriedOut | undefined>();
    this.passing = passing;
    this.released = gate.promise;
    this.release = () => gate.resolve();
    this.carriedOut = answer.promise;
    this.settle = answer.resolve;
  }
}

/** A rule in force. */
export class ActiveRule {
  readonly rule: Rule;
  readonly hits: Hit[] = [];
  #matches = 0;
  #over = false;
  #waiting: (() => void)[] = [];

  constructor(rule: Rule) {
    this.rule = rule;
  }

  /** The n-th hit, the first when left out. Rejects when it does not come within half a minute, or the time that is given. */
  async hit(n = 1, timeoutMs = hitTimeoutMs): Promise<Hit> {
    const timeout = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const hit = this.hits[n - 1];
      if (hit !== undefined) return hit;
      if (timeout.aborted) throw new Error(`the rule was hit ${this.hits.length} times in ${timeoutMs} ms, not ${n}`);
      await this.#nextHit(timeout);
    }
  }

  /** Strikes nothing more, and lets everything that it holds go on. */
  release(): void {
    this.#over = true;
    for (const hit of this.hits) hit.release();
  }

  /** Counts the passage when it matches; the hit when it is one. */
  strike(at: Point, passing: Passing): Hit | undefined {
    const { rule } = this;
    if (this.#over || rule.at !== at || !rule.matches(passing)) return undefined;
    this.#matches += 1;
    const { from = 1, times = 1 } = rule;
    if (this.#matches < from || this.#matches >= from + times) return undefined;
    const hit = new Hit(passing);
    this.hits.push(hit);
    for (const wake of this.#waiting.splice(0)) wake();
    return hit;
  }

  #nextHit(timeout: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      timeout.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

/** The rules of one proxy. Each passage is struck by the first rule that matches it and still strikes. */
export class RuleBook {
  readonly #rules = new Set<ActiveRule>();

  add(rule: Rule): ActiveRule {
    const active = new ActiveRule(rule);
    this.#rules.add(active);
    return active;
  }

  /** Releases all rules and forgets them. */
  clear(): void {
    for (const rule of this.#rules) rule.release();
    this.#rules.clear();
  }

  strike(at: Point, passing: Passing): { readonly hit: Hit; readonly fault: Fault } | undefined {
    for (const active of this.#rules) {
      const hit = active.strike(at, passing);
      if (hit !== undefined) return { hit, fault: active.rule.fault };
    }
    return undefined;
  }
}

/** Waits out a fault that only takes time; what else there is to do is left to the caller. */
export async function waitOut(fault: Fault, hit: Hit): Promise<Exclude<Fault['kind'], 'hold' | 'delay'> | 'goOn'> {
  if (fault.kind === 'hold') await hit.released;
  else if (fault.kind === 'delay') await sleep(fault.ms);
  else return fault.kind;
  return 'goOn';
}
