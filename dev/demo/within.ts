import { DemoError } from './errors.ts';

/** A result that must come in time, for libraries that have no time-out of their own. Rejects with a DemoError that says what was late. */
export async function within<T>(timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new DemoError(`${what} took more than ${timeoutMs / 1000} s`)), timeoutMs);
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
