/** What the commands that ask the API server end with; docs/cli.md has the table for scripts. */
export const EXIT = {
  done: 0,
  /** It is not as it was wanted, and asking again does not help: refused, failed, not there. */
  failed: 1,
  usage: 2,
  /** `explain`: the figures are not those of ComputeNode.status. */
  differs: 3,
  /** The API server could not be asked, or gave no answer: the same command may be tried again. */
  unreachable: 4,
  /** As timeout(1) has it. */
  timeout: 124,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command. Its message says all that a user needs. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
