/** Why the servers and commands cannot be had; each is something that a person can mend. */
export type ToolsFailure = 'binary-missing' | 'go-missing' | 'go-too-old' | 'build-failed' | 'lock-held';

/** Thrown by {@link ensureTools}. Its message is one line that says what to do; `reason` is for code. */
export class ToolsError extends Error {
  readonly reason: ToolsFailure;

  constructor(reason: ToolsFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ToolsError';
    this.reason = reason;
  }
}
