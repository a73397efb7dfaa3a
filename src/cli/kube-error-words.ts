/** An error of the API server for people. */
import { KubeError } from '../kube/errors.ts';
import { CommandError, EXIT } from './exit-code.ts';

/** What the server said, without the request that it said it to; that stays where there was no answer. */
export function wordsOf({ message, status }: KubeError): string {
  return status === undefined ? message : message.replace(/^[A-Z]+ \/\S*: /, '');
}

/** A KubeError as the end of a command, with a sentence on what to do about it; anything else as it is. */
export function endOf(error: unknown, advice?: (error: KubeError) => string | undefined): unknown {
  if (!(error instanceof KubeError)) return error;
  const more = advice?.(error);
  const words = more === undefined ? wordsOf(error) : `${wordsOf(error)}\n${more}`;
  return new CommandError(words, error.retryable ? EXIT.unreachable : EXIT.failed);
}

/** For `catch`: ends a command, and says whom to ask where the right to do it is missing. */
export function adviseIfForbidden(advice: string): (error: unknown) => never {
  return (error) => {
    throw endOf(error, ({ reason }) => (reason === 'Forbidden' ? advice : undefined));
  };
}
