import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Clock, sleep } from './clock.ts';
import type { TlsMaterial } from './credentials.ts';
import { Slots } from './slots.ts';

/** The bounds of one connection. */
export interface SessionBounds {
  /** TCP, TLS and the server's first SETTINGS frame together. */
  readonly connectTimeoutMs: number;
  /** A connection on which nothing arrived for this long is asked for a sign of life ... */
  readonly pingIntervalMs: number;
  /** ... and given up when none comes within this time. */
  readonly pingTimeoutMs: number;
  /** Streams at once, less if the server allows less; the rest waits. */
  readonly maxStreams: number;
  /** Requests that wait for a stream, beyond which they fail. */
  readonly maxWaiting: number;
}

/** How much may be under way from the server: lists come in large pieces, a window of 64 KiB would cost a round trip for each. */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 4 * STREAM_WINDOW_BYTES;
/** Node refuses streams beyond 10 MB of headers and unsent bodies, which a few hundred large writes reach. */
const MAX_SESSION_MEMORY_MB = 128;
const TCP_KEEPALIVE_MS = 30_000;

/**
 * One HTTP/2 connection. It ends once and for all: by the peer (GOAWAY, reset), by silence (no answer to a ping), or by us. A peer that
 * goes away gracefully lets the streams under way finish; `goingAway` tells watches to move to a new connection.
 */
export class Session {
  readonly slots: Slots;
  /** Why it broke, once it has. */
  failure: Error | undefined;
  readonly #http2: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #goingAway = new AbortController();
  readonly #ended = new AbortController();

  private constructor(http2: ClientHttp2Session, socket: Socket, slots: Slots) {
    this.#http2 = http2;
    this.#socket = socket;
    this.slots = slots;
  }

  /** Connects; the promise is rejected with the raw error of TCP, TLS or HTTP/2. */
  static async open(server: URL, tls: TlsMaterial, bounds: SessionBounds, clock: Clock): Promise<Session> {
    const socket = openSocket(server, tls);
    const http2 = connect(server.origin, {
      createConnection: () => socket,
      maxSessionMemory: MAX_SESSION_MEMORY_MB,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
    });
    const maxStreams = await firstSettings(http2, bounds, clock);
    http2.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    const session = new Session(http2, socket, new Slots(Math.min(bounds.maxStreams, maxStreams), bounds.maxWaiting));
    session.#listen();
    void session.#watchPeer(bounds, clock);
    return session;
  }

  /** Whether new streams may be opened. */
  get accepting(): boolean {
    return !this.#goingAway.signal.aborted && !this.#http2.closed && !this.#http2.destroyed;
  }

  /** Aborted when the peer wants us elsewhere, or the connection is over. */
  get goingAway(): AbortSignal {
    return this.#goingAway.signal;
  }

  /**
   * Opens a stream; the caller has taken a slot, which comes back by itself when the stream closes.
   *
   * @throws when the connection has just ended: nothing was sent then.
   */
  openStream(headers: OutgoingHttpHeaders, body: string | undefined): ClientHttp2Stream {
    const stream = this.#http2.request(headers, { endStream: body === undefined });
    stream.once('close', () => this.slots.give());
    // A stream can fail once more after its reader has gone; without a listener that would end the process.
    stream.on('error', ignore);
    if (body !== undefined) stream.end(body);
    return stream;
  }

  /** Lets the streams under way finish, then closes. */
  close(): void {
    this.#leave();
    if (!this.#http2.closed) this.#http2.close();
  }

  /** Closes now; streams under way end without an answer. */
  destroy(failure: Error): void {
    this.failure ??= failure;
    this.#leave();
    // With an error, so that no stream under way can look as if its answer had ended.
    this.#http2.destroy(failure, constants.NGHTTP2_CANCEL);
    this.#socket.destroy();
  }

  /** Resolves when the connection is gone. */
  ended(): Promise<void> {
    if (this.#ended.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => this.#ended.signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  #listen(): void {
    this.#http2.on('goaway', () => this.#leave());
    this.#http2.on('error', (error) => {
      this.failure ??= error;
    });
    this.#http2.on('close', () => {
      this.#leave();
      this.#ended.abort();
    });
  }

  #leave(): void {
    this.#goingAway.abort();
    this.slots.close();
  }

  /**
   * A peer that vanished without a word (a pulled cable, a firewall that forgot us) leaves TCP waiting for a quarter of an hour.
   * Bytes that arrived are a sign of life as good as a ping's answer, so a busy connection is never pinged.
   */
  async #watchPeer(bounds: SessionBounds, clock: Clock): Promise<void> {
    let seenBytes = 0;
    while (!this.#ended.signal.aborted) {
      await sleep(clock, bounds.pingIntervalMs, this.#ended.signal);
      // Our side is done after a GOAWAY; a server that leaves its side open would keep the socket for good.
      if (this.#http2.destroyed) this.#socket.destroy();
      const bytesRead = this.#socket.bytesRead;
      if (
        bytesRead === seenBytes &&
        !(await this.#ping(bounds.pingTimeoutMs, clock)) &&
        this.#socket.bytesRead === bytesRead
      ) {
        this.destroy(
          new Error(`the API server has been silent for ${bounds.pingIntervalMs + bounds.pingTimeoutMs} ms`),
        );
      }
      seenBytes = this.#socket.bytesRead;
    }
  }

  #ping(timeoutMs: number, clock: Clock): Promise<boolean> {
    // Node throws here when the session ended between two of our steps.
    if (this.#http2.destroyed) return Promise.resolve(true);
    return new Promise((resolve) => {
      const cancel = clock.after(timeoutMs, () => resolve(false));
      this.#http2.ping((error) => {
        cancel();
        resolve(error === null);
      });
    });
  }
}

function openSocket(server: URL, tls: TlsMaterial): Socket {
  const host = server.hostname.replace(/^\[|\]$/g, '');
  const secure = server.protocol === 'https:';
  const port = Number(server.port) || (secure ? 443 : 80);
  const socket = secure ? connectTls({ ...tls, host, port, ALPNProtocols: ['h2'] }) : connectTcp({ host, port });
  return socket.setNoDelay(true).setKeepAlive(true, TCP_KEEPALIVE_MS);
}

/** Resolves to the number of streams that the server allows, once it has said so. */
function firstSettings(http2: ClientHttp2Session, bounds: SessionBounds, clock: Clock): Promise<number> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(bounds.connectTimeoutMs, () => {
      http2.destroy(new Error(`no connection within ${bounds.connectTimeoutMs} ms`));
    });
    // `on`, not `once`: an error that nobody listens to would end the process.
    http2.on('error', (error) => {
      cancel();
      reject(error);
    });
    http2.once('close', () => reject(new Error('the server closed the connection before it said anything')));
    http2.once('remoteSettings', (settings) => {
      cancel();
      resolve(settings.maxConcurrentStreams ?? bounds.maxStreams);
    });
  });
}

function ignore(): void {}
