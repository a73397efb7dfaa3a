/** One thing that can happen next. Whoever runs the world picks which. */
export interface Step {
  /** For traces, and for tests that hold a step back: `agent-1: answer write claim default/a`. */
  readonly what: string;
  run(): void;
}
