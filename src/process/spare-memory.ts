import { setFlagsFromString } from 'node:v8';

/** An agent with 1,000 claims is ready before that. */
const STARTED_AFTER_MS = 2_000;

/**
 * For a process that mostly waits, one on every node: leaves out the optimizing compilers, whose code and working memory would stay
 * resident for good; once the process has started, which takes garbage by the heap, its young generation stops growing and garbage is
 * collected early. V8 reads these flags whenever it is about to optimize, to grow or to collect, so they hold from the call on (docs/adr/0005).
 */
export function spareMemory(): void {
  setFlagsFromString('--no-maglev');
  setFlagsFromString('--no-opt');
  setTimeout(() => {
    setFlagsFromString('--semi-space-growth-factor=1');
    setFlagsFromString('--optimize-for-size');
  }, STARTED_AFTER_MS).unref();
}
