import { constants } from 'node:http2';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Connection, KubeRequest, RequestReport } from '../../src/kube/connection.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { ApiServerDouble, answer, connectionTo, type Handler, type Seen, until } from './api-server-double.ts';

const GET: KubeRequest = { method: 'GET', path: '/api/v1/nodes' };
const PUT: KubeRequest = { method: 'PUT', path: '/api/v1/nodes/one/status', body: { status: 1 } };

async function failureOf(promise: Promise<unknown>): Promise<KubeError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof KubeError) return error;
  throw new Error('expected a KubeError', { cause: error });
}

/** Takes one handler after the other; the last one stays. */
function inTurn(...handlers: Handler[]): Handler {
  let turn = 0;
  return (seen) => {
    handlers[Math.min(turn, handlers.length - 1)]?.(seen);
    turn += 1;
  };
}

const refuse: Handler = ({ stream }) => stream.close(constants.NGHTTP2_REFUSED_STREAM);
const agree: Handler = (seen) => answer(seen, { ok: true });
const stayMute: Handler = () => {};

describe('a request', () => {
  it('sends method, path, query and JSON, and answers with JSON', async () => {
    const server = await ApiServerDouble.start((seen) => answer(seen, { got: JSON.parse(seen.body) }));
    const connection = connectionTo(server.url, { endpoint: { headers: async () => ({ authorization: 'Bearer t' }) } });
    const query = { fieldManager: 'a b', force: true, limit: 5, absent: undefined };
    expect(await connection.request({ ...PUT, query })).toEqual({ got: { status: 1 } });
    expect(server.seen[0]?.headers).toMatchObject({
      ':method': 'PUT',
      ':path': '/api/v1/nodes/one/status?fieldManager=a%20b&force=true&limit=5',
      'content-type': 'application/json',
      'content-length': '12',
      'user-agent': 'test/1',
      authorization: 'Bearer t',
    });
  });

  it('puts the path of the server before its own, for API servers behind a proxy', async () => {
    const server = await ApiServerDouble.start(agree);
    await connectionTo(new URL('/k8s/clusters/one/', server.url)).request(GET);
    expect(server.seen[0]?.path).toBe('/k8s/clusters/one/api/v1/nodes');
  });

  it('is reported with its resource, never with a name', async () => {
    const server = await ApiServerDouble.start(inTurn(agree, (seen) => answer(seen, {}, 404)));
    const reports: RequestReport[] = [];
    const connection = connectionTo(server.url, { onRequest: (report) => reports.push(report) });
    await connection.request(PUT);
    await failureOf(
      connection.request({
        method: 'GET',
        path: '/apis/resourcetracker.dev/v1alpha1/namespaces/shop/instanceclaims/web',
      }),
    );
    await failureOf(connection.request({ ...GET, signal: AbortSignal.abort() }));
    expect(reports).toMatchObject([
      { method: 'PUT', resource: 'nodes/status', status: 200 },
      { method: 'GET', resource: 'instanceclaims', status: 404 },
      { method: 'GET', resource: 'nodes', status: 'Aborted' },
    ]);
  });
});

describe('what was certainly not performed is sent again, a few times', () => {
  it.each<[string, Handler, number]>([
    ['a refused stream', refuse, 2],
    ['429 with Retry-After', (seen) => answer(seen, {}, 429, { 'retry-after': '0' }), 2],
  ])('%s', async (_, first, times) => {
    const server = await ApiServerDouble.start(inTurn(first, agree));
    const connection = connectionTo(server.url);
    expect(await connection.request(PUT)).toEqual({ ok: true });
    expect(server.seen).toHaveLength(times);
    expect(connection.stats).toMatchObject({ connectionsOpened: 1, requests: 1, retries: 1 });
  });

  it('but not for ever', async () => {
    const server = await ApiServerDouble.start(refuse);
    const error = await failureOf(connectionTo(server.url).request(PUT));
    expect(error).toMatchObject({ reason: 'Refused', retryable: true, mayHaveLanded: false });
    expect(server.seen).toHaveLength(4);
  });

  it('nor when the server asks for more time than the request has', async () => {
    const server = await ApiServerDouble.start((seen) => answer(seen, {}, 429, { 'retry-after': '3' }));
    const error = await failureOf(connectionTo(server.url).request({ ...PUT, timeoutMs: 2_000 }));
    expect(error).toMatchObject({ reason: 'TooManyRequests', mayHaveLanded: false, retryAfterMs: 3_000 });
    expect(server.seen).toHaveLength(1);
  });

  it('401 where other credentials can be had: the token has rotated', async () => {
    const server = await ApiServerDouble.start((seen) => {
      answer(seen, {}, seen.headers.authorization === 'Bearer new' ? 200 : 401);
    });
    let token = 'old';
    const refresh = () => {
      token = 'new';
      return true;
    };
    const connection = connectionTo(server.url, {
      endpoint: { headers: async () => ({ authorization: `Bearer ${token}` }), refresh },
    });
    await connection.request(PUT);
    expect(server.seen).toHaveLength(2);
  });

  it('a connection that cannot be made', async () => {
    const port = await freePort();
    const connection = connectionTo(new URL(`http://127.0.0.1:${port}`));
    const error = await failureOf(connection.request(PUT));
    expect(error).toMatchObject({ reason: 'Unreachable', retryable: true, mayHaveLanded: false });
    expect(error.message).toContain('ECONNREFUSED');
    expect(connection.stats).toMatchObject({ connectionsOpened: 0, retries: 3 });
  });
});

describe('what may have been performed is never sent again', () => {
  it.each<[string, Handler, Partial<KubeError>]>([
    [
      'the server resets the stream',
      ({ stream }) => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
      { reason: 'ConnectionLost' },
    ],
    ['the server breaks the connection', ({ stream }) => stream.session?.destroy(), { reason: 'ConnectionLost' }],
    ['TCP is reset', ({ stream }) => resetTcp(stream), { reason: 'ConnectionLost' }],
    ['no answer comes in time', stayMute, { reason: 'NoAnswer' }],
    ['the answer is cut short by a reset', cutShort(({ stream }) => resetTcp(stream)), { reason: 'ConnectionLost' }],
    [
      'the answer is cut short by a broken connection',
      cutShort(({ stream }) => stream.session?.destroy()),
      { reason: 'ConnectionLost' },
    ],
    ['the answer is cut short in good order', cutShort(({ stream }) => stream.end()), { reason: 'Malformed' }],
    ['the answer is no JSON', begin(({ stream }) => stream.end('<html>')), { reason: 'Malformed' }],
    ['the server fails', (seen) => answer(seen, {}, 500), { reason: 'InternalError', status: 500 }],
    ['a proxy fails', (seen) => answer(seen, {}, 503, { 'retry-after': '0' }), { reason: 'ServiceUnavailable' }],
  ])('%s', async (_, handler, expected) => {
    const server = await ApiServerDouble.start(handler);
    const connection = connectionTo(server.url, { requestTimeoutMs: expected.reason === 'NoAnswer' ? 300 : 20_000 });
    expect(await failureOf(connection.request(PUT))).toMatchObject({ ...expected, mayHaveLanded: true });
    expect(await failureOf(connection.request(GET))).toMatchObject({ ...expected, mayHaveLanded: false });
    expect(server.seen).toHaveLength(2);
  });

  it('the caller gives up', async () => {
    const server = await ApiServerDouble.start(stayMute);
    const giveUp = new AbortController();
    const failure = failureOf(connectionTo(server.url).request({ ...PUT, signal: giveUp.signal }));
    await until(() => server.seen.length === 1);
    giveUp.abort();
    expect(await failure).toMatchObject({ reason: 'Aborted', retryable: false, mayHaveLanded: true });
    await until(() => server.seen[0]?.stream.closed === true);
  });

  it('but a request that was called off before it was sent has landed nowhere', async () => {
    const server = await ApiServerDouble.start(agree);
    const error = await failureOf(connectionTo(server.url).request({ ...PUT, signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ reason: 'Aborted', mayHaveLanded: false });
    expect(server.seen).toHaveLength(0);
  });
});

describe('one connection', () => {
  it('carries 300 requests and 5 streams at once, and no more at a time than the server allows', async () => {
    let open = 0;
    let most = 0;
    const server = await ApiServerDouble.start(
      (seen) => {
        open += 1;
        most = Math.max(most, open);
        if (seen.path.includes('watch')) return seen.stream.respond();
        setTimeout(() => {
          open -= 1;
          answer(seen, { ok: true });
        }, 5);
      },
      { maxConcurrentStreams: 20 },
    );
    const connection = connectionTo(server.url);
    const stopping = new AbortController();
    const watches = Array.from({ length: 5 }, () =>
      readAll(connection, { ...GET, query: { watch: true }, signal: stopping.signal }),
    );
    await until(() => open === 5);
    await Promise.all(Array.from({ length: 300 }, () => connection.request(PUT)));
    expect(most).toBeLessThanOrEqual(20);
    expect(server.sessions).toHaveLength(1);
    expect(connection.stats).toMatchObject({ connectionsOpened: 1, requests: 305, retries: 0, waiting: 0 });
    stopping.abort();
    expect(await Promise.all(watches)).toEqual(Array(5).fill(['Aborted']));
  });

  it('is opened once for all that need it at the same time', async () => {
    const server = await ApiServerDouble.start(agree);
    const connection = connectionTo(server.url);
    await Promise.all(Array.from({ length: 50 }, () => connection.request(GET)));
    expect(server.sessions).toHaveLength(1);
  });

  it('refuses more requests than may wait', async () => {
    const server = await ApiServerDouble.start(stayMute, { maxConcurrentStreams: 1 });
    const connection = connectionTo(server.url, { bounds: { maxWaiting: 2 }, requestTimeoutMs: 500 });
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => failureOf(connection.request(PUT))));
    const waited = { reason: 'NoAnswer', mayHaveLanded: false };
    const refused = { reason: 'Overloaded', mayHaveLanded: false };
    expect(outcomes).toMatchObject([{ reason: 'NoAnswer', mayHaveLanded: true }, waited, waited, refused, refused]);
  });

  it('gives every place back, whatever became of the requests', async () => {
    let turn = 0;
    const server = await ApiServerDouble.start((seen) => {
      turn += 1;
      if (seen.path === '/after' || turn % 3 === 0) agree(seen);
      else if (turn % 3 === 1) seen.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
    // Our own limit, far below the server's: a Node server counts streams for a while after they were called off.
    const connection = connectionTo(server.url, { bounds: { maxStreams: 4 } });
    const hasty = () => connection.request({ ...GET, timeoutMs: 20 }).catch(() => undefined);
    await Promise.all(Array.from({ length: 200 }, hasty));
    await Promise.all(Array.from({ length: 8 }, () => connection.request({ ...GET, path: '/after' })));
    expect(connection.stats).toMatchObject({ waiting: 0, connectionsOpened: 1 });
  });

  it('is opened anew when it broke, and requests that come then know nothing of it', async () => {
    const server = await ApiServerDouble.start(agree);
    const connection = connectionTo(server.url);
    await connection.request(PUT);
    server.sessions[0]?.destroy();
    await until(() => !connection.stats.connected);
    await connection.request(PUT);
    expect(connection.stats).toMatchObject({ connectionsOpened: 2, retries: 0 });
  });

  it('is left after a GOAWAY: what runs is answered, what comes goes to the new one, streams move', async () => {
    const late: Seen[] = [];
    const server = await ApiServerDouble.start((seen) => {
      if (seen.path.includes('watch')) seen.stream.respond();
      else if (seen.path.includes('slow')) late.push(seen);
      else agree(seen);
    });
    const connection = connectionTo(server.url);
    const watch = readAll(connection, { ...GET, query: { watch: true } });
    const slow = connection.request({ ...PUT, path: '/slow' });
    await until(() => late.length === 1);
    server.sessions[0]?.goaway();
    await until(() => !connection.stats.connected);
    expect(await watch, 'a watch ends cleanly, so that it goes on elsewhere at once').toEqual([]);
    await connection.request(PUT);
    const [first] = late;
    if (first) agree(first);
    expect(await slow).toEqual({ ok: true });
    expect(connection.stats).toMatchObject({ connectionsOpened: 2, retries: 0 });
    await until(() => server.openSessions === 1);
  });

  it('sends again what a GOAWAY says was not looked at', async () => {
    const server = await ApiServerDouble.start(
      inTurn(agree, ({ stream }) => stream.session?.goaway(constants.NGHTTP2_NO_ERROR, (stream.id ?? 0) - 2), agree),
    );
    const connection = connectionTo(server.url);
    await connection.request(GET);
    expect(await connection.request(PUT)).toEqual({ ok: true });
    expect(connection.stats).toMatchObject({ connectionsOpened: 2, retries: 1 });
    server.sessions[0]?.destroy();
  });

  it('finds out about a peer that is gone without a word, and says what may have landed', async () => {
    const server = await ApiServerDouble.start(({ stream, path }) => path.includes('watch') && stream.respond());
    const cable = await server.behindCable();
    const connection = connectionTo(cable.url, { bounds: { pingIntervalMs: 100, pingTimeoutMs: 100 } });
    const watch = readAll(connection, { ...GET, query: { watch: true } });
    await until(() => server.seen.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(connection.stats.connected, 'pings keep it').toBe(true);
    cable.pull();
    const startedAtMs = performance.now();
    expect(await failureOf(connection.request(PUT))).toMatchObject({ reason: 'ConnectionLost', mayHaveLanded: true });
    expect(await watch).toEqual(['ConnectionLost']);
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
  });

  it('gives up a server that takes connections and says nothing', async () => {
    const mute = createServer(() => {});
    const port = await new Promise<number>((resolve) => {
      mute.listen(0, '127.0.0.1', () => resolve((mute.address() as { port: number }).port));
    });
    const connection = connectionTo(new URL(`http://127.0.0.1:${port}`), { bounds: { connectTimeoutMs: 50 } });
    expect(await failureOf(connection.request(PUT))).toMatchObject({ reason: 'Unreachable', mayHaveLanded: false });
    mute.close();
  });

  it('lets what runs finish when it is closed, ends streams, and takes nothing more', async () => {
    const slow: Seen[] = [];
    const server = await ApiServerDouble.start((seen) =>
      seen.path.includes('watch') ? seen.stream.respond() : slow.push(seen),
    );
    const connection = connectionTo(server.url);
    const watch = readAll(connection, { ...GET, query: { watch: true } });
    const running = connection.request(PUT);
    await until(() => slow.length === 1);
    const closed = connection.close();
    expect(await failureOf(connection.request(PUT))).toMatchObject({ reason: 'Aborted', mayHaveLanded: false });
    expect(await watch).toEqual([]);
    for (const seen of slow) agree(seen);
    expect(await running).toEqual({ ok: true });
    await closed;
    await until(() => server.openSessions === 0);
  });
});

describe('a stream', () => {
  it('yields lines however they are cut, and ends when the server ends it', async () => {
    const pieces = ['{"a":', '1}\n{"b":"', Buffer.from([0xc3]), Buffer.from([0xbc]), '"}\n\n{"c":', '3}\n'];
    const server = await ApiServerDouble.start(
      begin(({ stream }) => {
        for (const [index, piece] of pieces.entries()) setTimeout(() => stream.write(piece), index * 5);
        setTimeout(() => stream.end(), pieces.length * 5);
      }),
    );
    expect(await readAll(connectionTo(server.url), GET)).toEqual(['{"a":1}', '{"b":"ü"}', '{"c":3}']);
  });

  it.each<[string, Handler, string]>([
    ['is refused', (seen) => answer(seen, { kind: 'Status', reason: 'Expired', message: 'too old' }, 410), 'Expired'],
    ['breaks', begin(({ stream }) => stream.session?.destroy()), 'ConnectionLost'],
    ['is reset', begin(({ stream }) => resetTcp(stream)), 'ConnectionLost'],
    ['ends within a line', begin(({ stream }) => stream.end('{"half":')), 'Malformed'],
    ['does not begin in time', stayMute, 'NoAnswer'],
  ])('that %s is an error', async (_, handler, reason) => {
    const server = await ApiServerDouble.start(handler);
    expect(await readAll(connectionTo(server.url), { ...GET, timeoutMs: 200 })).toEqual([reason]);
  });

  it('may be silent for longer than a request may take', async () => {
    const server = await ApiServerDouble.start(({ stream }) => {
      stream.respond();
      setTimeout(() => stream.end('{"late":true}\n'), 150);
    });
    expect(await readAll(connectionTo(server.url), { ...GET, timeoutMs: 50 })).toEqual(['{"late":true}']);
  });

  it('that is read slowly holds back its own server only', async () => {
    const line = JSON.stringify({ filler: 'x'.repeat(64 * 1024) });
    let written = 0;
    const server = await ApiServerDouble.start((seen) => {
      if (!seen.path.includes('watch')) return agree(seen);
      seen.stream.respond();
      const pump = () => {
        while (written < 500 && !seen.stream.closed) {
          written += 1;
          if (!seen.stream.write(`${line}\n`)) return seen.stream.once('drain', pump);
        }
        return seen.stream.end();
      };
      pump();
    });
    const connection = connectionTo(server.url);
    const lines = connection.stream({ ...GET, query: { watch: true } })[Symbol.asyncIterator]();
    await lines.next();
    await Promise.all(Array.from({ length: 50 }, () => connection.request(GET)));
    expect(written).toBeLessThan(100);
    let read = 1;
    while (!(await lines.next()).done) read += 1;
    expect(read).toBe(500);
  });

  it('that its reader leaves is closed', async () => {
    const server = await ApiServerDouble.start(begin(({ stream }) => stream.write('{}\n')));
    const connection = connectionTo(server.url);
    for await (const _ of connection.stream(GET)) break;
    await until(() => server.seen[0]?.stream.closed === true);
    expect(connection.stats).toMatchObject({ connected: true, connectionsOpened: 1 });
  });
});

/** The lines, and at the end the reason of the error if there was one. */
async function readAll(connection: Connection, request: KubeRequest): Promise<string[]> {
  const lines: string[] = [];
  try {
    for await (const line of connection.stream(request)) lines.push(line);
  } catch (error) {
    lines.push(error instanceof KubeError ? error.reason : String(error));
  }
  return lines;
}

/** A success that then goes on as told. */
function begin(goOn: Handler): Handler {
  return (seen) => {
    seen.stream.respond();
    goOn(seen);
  };
}

function cutShort(end: Handler): Handler {
  return (seen) => {
    seen.stream.respond({ ':status': 200 });
    seen.stream.write('{"items":[');
    setTimeout(() => end(seen), 20);
  };
}

function resetTcp(stream: Seen['stream']): void {
  const socket = stream.session?.socket;
  // Node's session guards its socket; destroying is what it lets through.
  socket?.destroy(new Error('reset'));
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}
