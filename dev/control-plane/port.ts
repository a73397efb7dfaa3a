import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { hasErrorCode } from '../error-code.ts';

/** All servers listen here, and nowhere else. */
export const loopback = '127.0.0.1';

// Below the ranges from which Linux and macOS take ports for outgoing connections: a port from there could be lost to any
// client while the API server is down, and it must come back on the same one.
const lowest = 20_000;
const highest = 32_000;
const attempts = 50;

/** A loopback port that nobody listens on now. Somebody may by the time it is used, which the caller has to handle. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = randomInt(lowest, highest);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${lowest} and ${highest} after ${attempts} attempts`);
}

async function isFree(port: number): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', (error) => (hasErrorCode(error, 'EADDRINUSE') ? resolve(false) : reject(error)));
  server.listen(port, loopback, () => server.close(() => resolve(true)));
  return await promise;
}
