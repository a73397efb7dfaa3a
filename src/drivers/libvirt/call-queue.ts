/** Calls of one connection, one after another, each bounded in time. */
import { DriverError } from '../driver.ts';

export interface CallQueue {
  /**
   * Runs `work` when its turn comes. Rejects with what `work` throws, with Timeout when it takes too long (the queue is closed then:
   * the connection cannot be trusted any more), with Disconnected when the queue is closed before its turn.
   */
  run<Value>(what: string, work: () => Promise<Value>): Promise<Value>;
  /** Refuses what has not begun yet with this error. */
  close(error: DriverError): void;
  /** Resolves when the call under way, if any, has come back, however late. */
  idle(): Promise<void>;
}

/** More than one audit and some events never wait at once: beyond that something is wrong. */
const MAX_WAITING = 256;

/**
 * One call at a time keeps libvirt's per-connection error with its call, and leaves threads of libuv's pool for others.
 * `onHung` is told when a call exceeded its time; it still holds its thread until libvirt lets go.
 */
export function createCallQueue(timeoutMs: number, onHung: (error: DriverError) => void): CallQueue {
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let closed: DriverError | undefined;

  const bounded = async <Value>(what: string, work: () => Promise<Value>): Promise<Value> => {
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        closed = new DriverError('Timeout', `libvirt did not answer ${what} within ${timeoutMs} ms`);
        onHung(closed);
        reject(closed);
      }, timeoutMs);
    });
    try {
      return await Promise.race([work(), expiry]);
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    run: <Value>(what: string, work: () => Promise<Value>): Promise<Value> => {
      if (closed !== undefined) return Promise.reject(closed);
      if (waiting >= MAX_WAITING)
        return Promise.reject(new DriverError('CallFailed', 'too many calls wait for libvirt'));
      waiting += 1;
      let begun: Promise<Value> | undefined;
      const result = tail.then(() => {
        waiting -= 1;
        if (closed !== undefined) throw closed;
        return bounded(what, () => {
          begun = work();
          return begun;
        });
      });
      tail = result.then(
        () => undefined,
        () => begun?.then(ignore, ignore),
      );
      return result;
    },
    close: (error) => {
      closed ??= error;
    },
    idle: async () => {
      await tail;
    },
  };
}

function ignore(): void {}
