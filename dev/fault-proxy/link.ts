import type { EventEmitter } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { buffer } from 'node:stream/consumers';
import type { Endpoint } from '../../src/kube/credentials.ts';
import { type Incoming, type Passing, readRequest } from './passing.ts';
import { type CarriedOut, type Hit, type Point, type RuleBook, waitOut } from './rules.ts';
import { statusBody } from './status.ts';
import { answerHead, forward, passedOn } from './upstream.ts';

/** What one connection of a client needs. */
export type LinkParts = {
  readonly downstream: ServerHttp2Session;
  readonly upstream: ClientHttp2Session;
  readonly endpoint: Endpoint;
  readonly rules: RuleBook;
  /** Told each request before any rule strikes it. */
  readonly onRequest: (passing: Passing) => void;
  /** Ends the client's TCP connection. */
  readonly cut: () => void;
};

/** One request with all that its way needs. */
type Exchange = Incoming & {
  readonly stream: ServerHttp2Stream;
  readonly hits: Hit[];
};

/**
 * One connection of a client and the one to the API server that stands for it, so that the end of either is the end of the other. Requests
 * that a rule holds outlive the client.
 */
export class Link {
  readonly #parts: LinkParts;
  #underWay = 0;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    const { downstream, upstream, cut } = parts;
    downstream.on('error', () => undefined);
    // Node's overloads of this event know the stream as a Duplex only.
    (downstream as EventEmitter).on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on('error', () => undefined);
      this.#count(this.#serve(stream, headers).catch(() => reset(stream, constants.NGHTTP2_INTERNAL_ERROR)));
    });
    downstream.on('close', () => this.#closeWhenIdle());
    upstream.on('close', cut);
  }

  #count(work: Promise<void>): void {
    this.#underWay += 1;
    void work.finally(() => {
      this.#underWay -= 1;
      this.#closeWhenIdle();
    });
  }

  #closeWhenIdle(): void {
    const { downstream, upstream } = this.#parts;
    if (downstream.destroyed && this.#underWay === 0) upstream.destroy();
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const exchange: Exchange = { ...(await readRequest(stream, headers)), stream, hits: [] };
    this.#parts.onRequest(exchange.passing);
    try {
      if (!(await this.#pass('request', exchange))) return;
      if (exchange.passing.isWatch) await this.#watch(exchange);
      else await this.#call(exchange);
    } finally {
      for (const hit of exchange.hits) hit.settle(undefined);
    }
  }

  /** Lets a rule strike. Whether the passage goes on. */
  async #pass(at: Point, { passing, stream, hits }: Exchange): Promise<boolean> {
    const struck = this.#parts.rules.strike(at, passing);
    if (struck === undefined) return true;
    const { hit, fault } = struck;
    hits.push(hit);
    switch (await waitOut(fault, hit)) {
      case 'goOn':
        return true;
      case 'reset':
        reset(stream, constants.NGHTTP2_INTERNAL_ERROR);
        break;
      case 'cut':
        this.#parts.cut();
        break;
      case 'fail':
        if (fault.kind === 'fail') fail(stream, fault.status, fault.retryAfterSeconds);
        break;
      case 'silence':
        break;
    }
    return false;
  }

  async #call(exchange: Exchange): Promise<void> {
    const { upstream, endpoint } = this.#parts;
    const { stream, hits } = exchange;
    const asked = await forward(upstream, endpoint, exchange);
    const head = await answerHead(asked);
    const body = head === undefined ? undefined : await whole(asked);
    if (head === undefined || body === undefined)
      return reset(stream, asked.rstCode ?? constants.NGHTTP2_INTERNAL_ERROR);
    const answer: CarriedOut = { status: Number(head[':status']), body: body.toString('utf8') };
    const passed = this.#pass('answer', exchange);
    // A hit at this point is told at once, too, and not when it is released.
    for (const hit of hits) hit.settle(answer);
    if (!(await passed) || stream.destroyed) return;
    stream.respond(passedOn(head));
    stream.end(body);
  }

  async #watch(exchange: Exchange): Promise<void> {
    const { upstream, endpoint } = this.#parts;
    const { stream } = exchange;
    const asked = await forward(upstream, endpoint, exchange);
    stream.once('close', () => asked.close(constants.NGHTTP2_CANCEL));
    if (stream.destroyed) return asked.close(constants.NGHTTP2_CANCEL);
    const head = await answerHead(asked);
    if (head === undefined || stream.destroyed) return reset(stream, asked.rstCode ?? constants.NGHTTP2_INTERNAL_ERROR);
    stream.respond(passedOn(head));
    try {
      for await (const piece of asked as AsyncIterable<Buffer>) {
        if (!(await this.#pass('answer', exchange))) return asked.close(constants.NGHTTP2_CANCEL);
        if (stream.destroyed) return;
        stream.write(piece);
      }
    } catch {
      // Broken off; the code tells it below.
    }
    if (asked.rstCode === constants.NGHTTP2_NO_ERROR) stream.end();
    else reset(stream, asked.rstCode ?? constants.NGHTTP2_INTERNAL_ERROR);
  }
}

/** The whole body; undefined when it was cut short. */
async function whole(stream: ClientHttp2Stream): Promise<Buffer | undefined> {
  try {
    const body = await buffer(stream);
    return stream.errored === null ? body : undefined;
  } catch {
    return undefined;
  }
}

function reset(stream: ServerHttp2Stream, code: number): void {
  if (!stream.destroyed) stream.close(code);
}

function fail(stream: ServerHttp2Stream, status: number, retryAfterSeconds: number | undefined): void {
  if (stream.destroyed) return;
  if (stream.headersSent) {
    reset(stream, constants.NGHTTP2_INTERNAL_ERROR);
    return;
  }
  stream.respond({
    ':status': status,
    'content-type': 'application/json',
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
  });
  stream.end(statusBody(status));
}
