/** One thing that can happen next. Whoever runs the world picks which. */
export interface Step {
  /** For traces, and for tests that hold a step back: `agent-1: answer write claim default/a`. */
  readonly what: string;
  /** What kind of fault it is, to be counted; absent: it is none. */
  readonly fault?: string;
  run(): void;
}
