/** Turns what the kube room returns or throws into the protocol's answers. */
import { KubeError } from '../kube/errors.ts';
import type { Answer } from '../protocol/messages.ts';

/** The answer of one read or write. Undefined stands for "there is none". Programmer's errors pass through. */
export async function answerOf<T>(call: Promise<T | undefined>): Promise<Answer<T>> {
  try {
    const object = await call;
    return object === undefined ? { kind: 'missing' } : { kind: 'ok', object };
  } catch (error) {
    return answerOfError(error);
  }
}

function answerOfError<T>(error: unknown): Answer<T> {
  if (!(error instanceof KubeError)) throw error;
  switch (error.reason) {
    case 'NotFound':
      return { kind: 'missing' };
    case 'Conflict':
    case 'AlreadyExists':
      return { kind: 'conflict' };
    case 'RequestEntityTooLarge':
      return { kind: 'refused', message: error.message, isTooLarge: true };
    default:
      return { kind: error.mayHaveLanded ? 'unanswered' : 'refused', message: error.message };
  }
}
